"""Many UDP conversations: each asks, with a number, and hears the number again.

talk.py answer PORT ADDRESS...                 echoes until it is ended
talk.py ask PORT EVERY-MS FROM,... TO,...      one conversation for each FROM, to one TO after the other, until standard input ends

Who asks says in a line every 100 ms: questions, answers, answers that did not rise, the longest that a conversation was silent
since the last line (ms), the longest that this program itself stood still (ms). The last line begins with "end".
"""

import selectors
import socket
import sys
import time


def bound(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.bind((address, port))
    s.setblocking(False)
    return s


def answer(port, addresses):
    selector = selectors.DefaultSelector()
    for address in addresses:
        selector.register(bound(address, port), selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            try:
                while True:
                    data, peer = key.fileobj.recvfrom(2000)
                    key.fileobj.sendto(data, peer)
            except BlockingIOError:
                pass


class Conversation:
    def __init__(self, own, to):
        self.socket = own
        self.to = to
        self.asked = self.answered = self.last = self.disordered = 0
        self.heard = time.monotonic()


def ask(port, every, senders, receivers):
    selector = selectors.DefaultSelector()
    conversations = []
    for i, sender in enumerate(senders):
        it = Conversation(bound(sender, 0), (receivers[i % len(receivers)], port))
        conversations.append(it)
        selector.register(it.socket, selectors.EVENT_READ, it)
    selector.register(sys.stdin, selectors.EVENT_READ)
    now = before = said = time.monotonic()
    turn = 0
    due = now
    silent = still = 0.0
    until = None
    while until is None or now < until:
        for key, _ in selector.select(0.002):
            it = key.data
            if it is None:
                selector.unregister(sys.stdin)
                until = time.monotonic() + 3
                continue
            try:
                while True:
                    number = int(it.socket.recv(2000).split()[0])
                    now = time.monotonic()
                    silent = max(silent, now - it.heard)
                    it.heard = now
                    it.answered += 1
                    it.disordered += number <= it.last
                    it.last = number
            except BlockingIOError:
                pass
            except OSError:
                pass  # an ICMP error is no answer
        now = time.monotonic()
        still = max(still, now - before)
        before = now
        while until is None and due <= now:
            it = conversations[turn]
            turn = (turn + 1) % len(conversations)
            it.asked += 1
            try:
                it.socket.sendto(b"%d " % it.asked + bytes(100), it.to)
            except OSError:
                pass  # an ICMP error to an earlier question
            due += every / len(conversations)
        if now - said >= 0.1:
            said = now
            if until is None:
                silent = max(silent, max(now - it.heard for it in conversations))
            say("", conversations, silent, still)
            silent = still = 0.0
    say("end ", conversations, silent, still)


def say(first, conversations, silent, still):
    total = [sum(getattr(it, what) for it in conversations) for what in ("asked", "answered", "disordered")]
    print(first + " ".join(map(str, total)), round(silent * 1000), round(still * 1000), flush=True)


if sys.argv[1] == "answer":
    answer(int(sys.argv[2]), sys.argv[3:])
else:
    ask(int(sys.argv[2]), int(sys.argv[3]) / 1000, sys.argv[4].split(","), sys.argv[5].split(","))
