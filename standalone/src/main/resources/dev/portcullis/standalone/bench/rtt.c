/* rtt ping ADDRESS COUNT   round trips of a UDP datagram of 64 bytes to port 4099 of a host that runs "rtt echo"
 * rtt echo                 sends back what comes to UDP port 4099
 * rtt pipe COUNT           round trips of a byte between two processes over two pipes
 * ping and pipe print the median and the 99th percentile in nanoseconds. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

static void print(long *times, int count) {
    if (!count) exit(1);
    qsort(times, count, sizeof *times, compare);
    printf("%ld %ld\n", times[count / 2], times[(int)(count * 0.99)]);
}

static int echo(void) {
    char data[2048];
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(4099)}, from;
    if (bind(s, (struct sockaddr *)&own, sizeof own)) return perror("rtt: bind"), 1;
    for (;;) {
        socklen_t length = sizeof from;
        ssize_t n = recvfrom(s, data, sizeof data, 0, (struct sockaddr *)&from, &length);
        if (n > 0) sendto(s, data, n, 0, (struct sockaddr *)&from, length);
    }
}

static int ping(const char *address, int count) {
    char data[64] = {0}, back[64];
    int s = socket(AF_INET, SOCK_DGRAM, 0), got = 0;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(4099)};
    struct timeval patience = {.tv_usec = 200000};
    long *times = malloc(count * sizeof *times);
    if (!inet_aton(address, &to.sin_addr) || connect(s, (struct sockaddr *)&to, sizeof to)) return perror("rtt: connect"), 1;
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (int i = 0; i < count; i++) {
        long start = now();
        memcpy(data, &i, sizeof i);
        send(s, data, sizeof data, 0);
        while (recv(s, back, sizeof back, 0) > 0)
            if (!memcmp(back, data, sizeof i)) {
                times[got++] = now() - start;
                break;
            }
        struct timespec pause = {0, 200000};
        nanosleep(&pause, 0);
    }
    return print(times, got), 0;
}

static int pipes(int count) {
    int there[2], back[2];
    char byte = 0;
    long *times = malloc(count * sizeof *times);
    if (pipe(there) || pipe(back)) return 1;
    if (!fork()) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1) continue;
        _exit(0);
    }
    for (int i = 0; i < count; i++) {
        long start = now();
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) return 1;
        times[i] = now() - start;
        struct timespec pause = {0, 200000};
        nanosleep(&pause, 0);
    }
    close(there[1]);
    return print(times, count), 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "echo")) return echo();
    if (argc == 4 && !strcmp(argv[1], "ping")) return ping(argv[2], atoi(argv[3]));
    if (argc == 3 && !strcmp(argv[1], "pipe")) return pipes(atoi(argv[2]));
    fputs("usage: rtt ping ADDRESS COUNT | rtt echo | rtt pipe COUNT\n", stderr);
    return 2;
}
