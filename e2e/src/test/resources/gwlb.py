"""An AWS Gateway Load Balancer as a target sees it: packets go out in GENEVE and come back.

gwlb.py CASE TARGET, on an address of 10.81.0.2. Ends with 0 when all is as it should be.
"""
import socket
import struct
import sys

OWN = '10.81.0.2'
PORT = 6081


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip(source, target, protocol, payload, identification=1, fragment=0):
    if ':' in source:
        head = struct.pack('!IHBB', 6 << 28, len(payload), protocol, 64)
        return head + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target) + payload
    head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(payload), identification, fragment, 64, protocol, 0)
    head += socket.inet_aton(source) + socket.inet_aton(target)
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + payload


def with_checksum(source, target, protocol, payload, at):
    family = socket.AF_INET6 if ':' in source else socket.AF_INET
    pseudo = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    pseudo += struct.pack('!IHH', len(payload), 0, protocol)
    value = checksum(pseudo + payload) or 0xffff
    return payload[:at] + struct.pack('!H', value) + payload[at + 2:]


def udp(source, target, source_port, target_port, data=b'hello'):
    payload = struct.pack('!HHHH', source_port, target_port, 8 + len(data), 0) + data
    return with_checksum(source, target, 17, payload, 6)


def tcp(source, target, source_port, target_port, flags, sequence=1000, acknowledged=0):
    payload = struct.pack('!HHIIBBHHH', source_port, target_port, sequence, acknowledged, 0x50, flags, 65000, 0, 0)
    return with_checksum(source, target, 6, payload, 16)


def header(cookie, protocol=0x0800, endpoint=0x0a0b0c0d0e0f0102, attachment=0x0102030405060708):
    options = struct.pack('!HBBQ', 0x0108, 1, 2, endpoint)
    options += struct.pack('!HBBQ', 0x0108, 2, 2, attachment)
    options += struct.pack('!HBBI', 0x0108, 3, 1, cookie)
    return struct.pack('!BBHI', len(options) // 4, 0, protocol, 0) + options


class Balancer:
    def __init__(self, target):
        self.target = target
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.back.bind((OWN, PORT))
        self.senders = {}

    def send(self, source_port, data):
        sender = self.senders.get(source_port)
        if sender is None:
            sender = self.senders[source_port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sender.bind((OWN, source_port))
        sender.sendto(data, (self.target, PORT))

    def receive(self, seconds=30):
        self.back.settimeout(seconds)
        return self.back.recvfrom(70000)

    def expect_same(self, source_port, data):
        self.send(source_port, data)
        got = self.receive()
        assert got == (data, (self.target, source_port)), (got, data)

    def expect_nothing(self):
        try:
            raise AssertionError(self.receive(1))
        except socket.timeout:
            pass


def connection(b):
    client, server = '10.1.0.5', '198.51.100.7'
    b.expect_same(50001, header(0x11111111) + ip(client, server, 6, tcp(client, server, 40000, 443, 2)))
    b.expect_same(50002, header(0x11111111) + ip(server, client, 6, tcp(server, client, 443, 40000, 0x12, 5000, 1001)))
    b.expect_same(50001, header(0x11111111) + ip(client, server, 6, tcp(client, server, 40000, 443, 0x10, 1001, 5001)))
    client, server = 'fd00::5', '2001:db8::7'
    b.expect_same(50003, header(0x22222222, 0x86dd) + ip(client, server, 17, udp(client, server, 5000, 53)))
    b.expect_same(50004, header(0x22222222, 0x86dd) + ip(server, client, 17, udp(server, client, 53, 5000)))


def same_addresses(b):
    """Two endpoints with the same addresses behind them: each packet goes back with its own options."""
    client, server = '10.1.0.6', '198.51.100.7'
    for i in range(4):
        packet = ip(client, server, 17, udp(client, server, 5000, 53))
        b.expect_same(50010 + i, header(0x30000000 + i, endpoint=1 + i % 2) + packet)


def rejected(b):
    client, server = '10.1.0.7', '198.51.100.7'
    head = header(0x44444444)
    b.send(50020, head + ip(client, server, 6, tcp(client, server, 40001, 23, 2)))
    data, sender = b.receive()
    assert sender == (b.target, 50020), sender
    assert data[:len(head)] == head, data
    inner = data[len(head):]
    assert inner[12:20] == socket.inet_aton(server) + socket.inet_aton(client), inner
    assert inner[33] & 4, 'no reset'
    b.send(50020, head + ip(client, server, 17, udp(client, server, 5000, 9)))
    b.expect_nothing()


def fragments(b):
    client, server = '10.1.0.8', '198.51.100.7'
    whole = udp(client, server, 5000, 53, bytes(range(200)) * 10)
    first = header(0x55555551) + ip(client, server, 17, whole[:1480], 77, 0x2000)
    second = header(0x55555552) + ip(client, server, 17, whole[1480:], 77, 1480 // 8)
    b.send(50030, first)
    b.send(50031, second)
    got = sorted((b.receive(), b.receive()))
    assert got == sorted([(first, (b.target, 50030)), (second, (b.target, 50031))]), got


def refused(b):
    client, server = '10.1.0.9', '198.51.100.7'
    packet = ip(client, server, 17, udp(client, server, 5000, 53))
    b.send(50040, b'\x40' + (header(1) + packet)[1:])
    b.send(50040, header(1)[:20])
    b.send(50040, struct.pack('!BBHIHBB', 1, 0x40, 0x0800, 0, 0x0107, 0x81, 0) + packet)
    b.send(50040, header(1, 0x6558) + packet)
    b.expect_nothing()


def flows(b):
    client = '10.1.0.10'
    sent = {}
    for i in range(1000):
        server = '198.51.%d.%d' % (100 + i % 3, 1 + i % 200)
        data = header(0x60000000 + i) + ip(client, server, 17, udp(client, server, 10000 + i, 53))
        sent[data] = 51000 + i
    items = list(sent.items())
    for at in range(0, len(items), 50):
        for data, port in items[at:at + 50]:
            b.send(port, data)
        for _ in range(50):
            data, sender = b.receive()
            assert sender == (b.target, sent.pop(data)), sender
    assert not sent


globals()[sys.argv[1]](Balancer(sys.argv[2]))
