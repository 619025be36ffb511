"""Tells every sender what arrived of what it sent: over UDP, TCP (port 9000) and IP protocol 253, on both families."""
import socket
import struct
import threading

PORT = 9000
IP_RECVTTL = 12


def told(address, ancillary, length):
    """Sender, TTL and type of service as they came, and how many bytes."""
    seen = {}
    for level, kind, data in ancillary:
        if (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)):
            seen['ttl'] = struct.unpack('i', data)[0]
        if (level, kind) in ((socket.IPPROTO_IP, socket.IP_TOS), (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)):
            seen['tos'] = data[0]
    return ('%s port %d, ttl %d, tos %d, %d bytes' % (address[0], address[1], seen['ttl'], seen['tos'], length)).encode()


def ancillary(s):
    if s.family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    else:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)


def datagrams(family, kind, protocol):
    s = socket.socket(family, kind, protocol)
    ancillary(s)
    if kind == socket.SOCK_DGRAM:
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(('', PORT))
    return s


def answer_datagrams(s):
    while True:
        data, more, _, address = s.recvmsg(70000, 500)
        with_header = s.type == socket.SOCK_RAW and s.family == socket.AF_INET
        s.sendto(told(address, more, len(data) - (20 if with_header else 0)), address)


def connections(family):
    s = socket.socket(family)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('', PORT))
    s.listen(100)
    return s


def answer_connection(s, address):
    count = 0
    try:
        s.sendall(('%s port %d' % address[:2]).encode())
        while True:
            data = s.recv(1 << 16)
            if not data:
                break
            count += len(data)
        s.sendall((', %d bytes' % count).encode())
    except OSError:
        pass  # the other side has gone
    s.close()


def answer_connections(s):
    while True:
        threading.Thread(target=answer_connection, args=s.accept()).start()


threads = []
for family in (socket.AF_INET, socket.AF_INET6):
    threads.append(threading.Thread(target=answer_connections, args=(connections(family),)))
    for kind, protocol in ((socket.SOCK_DGRAM, socket.IPPROTO_UDP), (socket.SOCK_RAW, 253)):
        threads.append(threading.Thread(target=answer_datagrams, args=(datagrams(family, kind, protocol),)))
for thread in threads:
    thread.start()
print('ready', flush=True)
