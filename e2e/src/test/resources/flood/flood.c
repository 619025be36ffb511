/* flood send RUN PORT PACKETS-PER-SECOND SECONDS FROM,... TO,...
 *   sends small UDP datagrams, eight flows from each address; each has its run, its flow and its number in the flow. Ends before its time on SIGTERM. Prints how many were sent.
 * flood take PORT
 *   receives until it is ended, and says in a line every 50 ms: received, of them of the last run, not above the one before in their flow, dropped by the kernel
 *   before this program; and of the last that was not above the one before: its run, flow and number, and the number before. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum { FLOWS_OF_ADDRESS = 8, ADDRESSES = 64, FLOWS = FLOWS_OF_ADDRESS * ADDRESSES, BURST = 16, RUNS = 256, BATCH = 256 };

struct datagram {
    uint32_t run, flow;
    uint64_t number;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static volatile sig_atomic_t over;

static void end(int signal) { over = signal; }

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int addresses(char *list, struct sockaddr_in *into, int port) {
    int count = 0;
    for (char *it = strtok(list, ","); it && count < ADDRESSES; it = strtok(0, ",")) {
        into[count] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        if (inet_pton(AF_INET, it, &into[count++].sin_addr) != 1) exit(2);
    }
    return count;
}

static int flood(uint32_t run, int port, double rate, double seconds, char *from_list, char *to_list) {
    static struct sockaddr_in from[ADDRESSES], to[ADDRESSES];
    static int sockets[FLOWS];
    static uint64_t numbers[FLOWS];
    int senders = addresses(from_list, from, 0), receivers = addresses(to_list, to, port), flows = senders * FLOWS_OF_ADDRESS;
    for (int i = 0; i < flows; i++) {
        int s = sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
        int from_index = i / FLOWS_OF_ADDRESS, to_index = from_index % receivers;
        if (s < 0 || bind(s, (void *)&from[from_index], sizeof *from) || connect(s, (void *)&to[to_index], sizeof *to)) fail("socket");
    }
    struct datagram data[BURST];
    struct iovec parts[BURST];
    struct mmsghdr messages[BURST];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < BURST; i++) {
        parts[i] = (struct iovec){&data[i], sizeof *data};
        messages[i].msg_hdr.msg_iov = &parts[i], messages[i].msg_hdr.msg_iovlen = 1;
    }
    uint64_t sent = 0;
    signal(SIGTERM, end);
    double start = now(), until = start + seconds, at;
    for (int flow = 0; !over && (at = now()) < until;) {
        if (sent >= (at - start) * rate) {
            nanosleep(&(struct timespec){0, 100000}, 0);
            continue;
        }
        for (int i = 0; i < BURST; i++) data[i] = (struct datagram){run, flow, numbers[flow] + i + 1};
        int went = sendmmsg(sockets[flow], messages, BURST, 0);
        if (went < 0 && errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != ENOBUFS) fail("sendmmsg");
        if (went > 0) sent += went, numbers[flow] += went;
        flow = (flow + 1) % flows;
    }
    printf("%llu\n", (unsigned long long)sent);
    return 0;
}

static _Noreturn void take(int port) {
    static uint64_t last[RUNS][FLOWS];
    static struct datagram data[BATCH];
    static char control[BATCH][64];
    static struct iovec parts[BATCH];
    static struct mmsghdr messages[BATCH];
    int s = socket(AF_INET, SOCK_DGRAM, 0), room = 64 << 20, on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval pause = {0, 20000};
    if (s < 0 || bind(s, (void *)&any, sizeof any) || setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) ||
        setsockopt(s, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) || setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause))
        fail("socket");
    uint64_t received = 0, of_last = 0, disordered = 0, before_late = 0;
    struct datagram late = {0};
    uint32_t dropped = 0, last_run = 0;
    for (double said = 0;;) {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){&data[i], sizeof *data};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof *control};
        }
        int came = recvmmsg(s, messages, BATCH, MSG_WAITFORONE, 0);
        for (int i = 0; i < came; i++) {
            struct cmsghdr *it = CMSG_FIRSTHDR(&messages[i].msg_hdr);
            if (it && it->cmsg_type == SO_RXQ_OVFL) memcpy(&dropped, CMSG_DATA(it), sizeof dropped);
            if (messages[i].msg_len != sizeof *data || data[i].run >= RUNS || data[i].flow >= FLOWS) continue;
            uint64_t *before = &last[data[i].run][data[i].flow];
            if (data[i].run > last_run) last_run = data[i].run, of_last = 0;
            received++, of_last += data[i].run == last_run;
            if (data[i].number <= *before) disordered++, late = data[i], before_late = *before;
            *before = data[i].number;
        }
        if (now() - said > 0.05) {
            said = now();
            printf("%llu %llu %llu %u %u %u %llu %llu\n", (unsigned long long)received, (unsigned long long)of_last, (unsigned long long)disordered, dropped,
                   late.run, late.flow, (unsigned long long)late.number, (unsigned long long)before_late);
            fflush(stdout);
        }
    }
}

int main(int argc, char **argv) {
    if (argc == 8 && !strcmp(argv[1], "send")) return flood(atoi(argv[2]), atoi(argv[3]), atof(argv[4]), atof(argv[5]), argv[6], argv[7]);
    if (argc == 3 && !strcmp(argv[1], "take")) take(atoi(argv[2]));
    return 2;
}
