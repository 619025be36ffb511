"""What a host sees through a gateway: `cases.py inside` at the client, `cases.py outside` at the server; a line per case, name and what was seen."""
import concurrent.futures
import errno
import re
import select
import socket
import struct
import subprocess
import sys

CLIENT = {4: '10.71.0.2', 6: 'fd71::2'}
GATEWAY_IN = {4: '10.71.0.1', 6: 'fd71::1'}
GATEWAY_OUT = {4: '10.72.0.1', 6: 'fd72::1'}
SERVER = {4: '10.72.0.2', 6: 'fd72::2'}
FAR = {4: '10.73.0.2', 6: 'fd73::2'}
ABSENT = {4: '10.72.0.77', 6: 'fd72::77'}
NOWHERE = {4: '10.99.0.1', 6: 'fd99::1'}
POOL = '10.72.0.9'
MIRROR = 9000
# a case in which nothing comes back takes so long; all run at once
SILENCE = 10

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
ERRORS = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}
cases = []


def case(name):
    """Adds a case for both families, or for the one that it names."""

    def add(function):
        for version in (4, 6):
            if name.startswith('IPv') and not name.startswith('IPv%d' % version):
                continue
            label = name if name.startswith('IPv') else 'IPv%d %s' % (version, name)
            cases.append((label, lambda version=version: function(version)))
        return function

    return add


def opened(version, kind=socket.SOCK_STREAM, protocol=0, source=0):
    """A socket of one family alone, bound to a port."""
    s = socket.socket(FAMILY[version], kind, protocol)
    if version == 6 and kind != socket.SOCK_RAW:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if source:
        s.bind(('', source))
    return s


def tcp(version, to, port, source=0, payload=b''):
    """Connects, says something, and returns all that the other side says."""
    with opened(version, source=source) as s:
        s.settimeout(SILENCE)
        s.connect((to, port))
        s.sendall(payload)
        s.shutdown(socket.SHUT_WR)
        answer = b''
        while True:
            more = s.recv(65536)
            if not more:
                return answer.decode(errors='replace')
            answer += more


def error(s, version):
    """The ICMP error that a socket was told of."""
    level, option = ERRORS[version]
    _, ancillary, _, _ = s.recvmsg(0, 500, socket.MSG_ERRQUEUE)
    for got, kind, data in ancillary:
        if (got, kind) == (level, option):
            number, origin, icmp, code, _, info, _ = struct.unpack('IBBBBII', data[:16])
            if origin == 1:
                return 'own stack: %s' % errno.errorcode[number]
            who = socket.inet_ntop(FAMILY[version], data[20:24] if version == 4 else data[24:40])
            mtu = ', mtu %d' % info if number == errno.EMSGSIZE else ''
            return 'ICMP %d/%d from %s%s' % (icmp, code, who, mtu)
    return 'nothing'


def udp(version, to, port, length, kind=socket.SOCK_DGRAM, protocol=0, options=()):
    """Sends a datagram, a few times if need be, and returns the answer, or the ICMP error."""
    with opened(version, kind, protocol) as s:
        level, option = ERRORS[version]
        s.setsockopt(level, option, 1)
        for it in options:
            s.setsockopt(*it)
        s.connect((to, port))
        poll = select.poll()
        poll.register(s, select.POLLIN)
        for _ in range(4):
            s.send(bytes(length))
            for _, event in poll.poll(SILENCE * 1000 // 4):
                if event & select.POLLERR:
                    return error(s, version)
                answer = s.recv(70000)
                return without_port((answer[20:] if kind == socket.SOCK_RAW and version == 4 else answer).decode())
        return 'silence'


def learned(function, *arguments):
    """What comes of it when the sender has learned how long a packet may be, which may take two errors."""
    function(*arguments)
    function(*arguments)
    return function(*arguments)


def without_port(answer):
    return re.sub(r' port \d+', '', answer)


def ports(version):
    """How many senders, whose ports lie apart, the server sees with the ports that they have."""
    kept = 0
    # below the ports that the kernel gives to the sockets of other cases
    for port in range(31000, 31000 + 8 * 64, 64):
        kept += ' port %d,' % port in tcp(version, SERVER[version], MIRROR, port)
    return 'all' if kept == 8 else 'some' if kept else 'none'


def ttl(version, hops):
    return (socket.IPPROTO_IP, socket.IP_TTL, hops) if version == 4 else (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)


def dont_fragment(version, mode):
    return (socket.IPPROTO_IP, 10, mode) if version == 4 else (socket.IPPROTO_IPV6, 23, mode)


def run(line):
    return subprocess.run(line, shell=True, capture_output=True, text=True, timeout=100)


def ping(to, options=''):
    said = run('ping -n -c 1 -W %d %s %s' % (SILENCE, options, to)).stdout
    for pattern in (r'bytes from .*ttl=\d+', r'From .*', r'RR:[^$]*?(?=\n\n)'):
        found = re.search(pattern, said)
        if found:
            return re.sub(r'(icmp_seq=\d+|^\d+ bytes) ?', '', found.group().replace('\n', ' ').replace('\t', ' ')).replace('from ', '', 1)
    return 'silence'


def ftp(host, mode):
    url = 'ftp://%s/small' % ('[%s]' % host if ':' in host else host)
    for attempt in range(5):  # docs/netfilter.md, at its end
        done = subprocess.run(('curl -sS -m %d %s %s' % (3 * SILENCE, mode, url)).split(), capture_output=True)
        if done.returncode != 8:
            break
    return 'exit code %d, %d bytes' % (done.returncode, len(done.stdout))


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(to, flags):
    """Sends a TCP segment out of the blue and returns the flags of the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as s:
        port = 42000 + flags
        head = struct.pack('!HHIIBBHHH', port, MIRROR, 1000, 2000, 0x50, flags, 8192, 0, 0)
        pseudo = socket.inet_aton(CLIENT[4]) + socket.inet_aton(to) + struct.pack('!BBH', 0, 6, 20)
        head = head[:16] + struct.pack('!H', checksum(pseudo + head)) + head[18:]
        # not connected, so that it hears of no errors of others
        s.sendto(head, (to, 0))
        s.settimeout(SILENCE)
        try:
            while True:
                answer = s.recv(2000)[20:]
                if struct.unpack('!HH', answer[:4]) == (MIRROR, port):
                    return 'flags 0x%02x' % answer[13]
        except socket.timeout:
            return 'silence'


def query(to, kind, length):
    """An ICMP query other than echo; the type of the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        message = struct.pack('!BBHHH', kind, 0, 0, 4711 + kind, 1) + bytes(length)
        s.sendto(message[:2] + struct.pack('!H', checksum(message)) + message[4:], (to, 0))
        s.settimeout(SILENCE)
        try:
            while True:
                answer = s.recv(2000)[20:]
                if answer[0] != kind and struct.unpack('!H', answer[4:6])[0] == 4711 + kind:
                    return 'type %d' % answer[0]
        except socket.timeout:
            return 'silence'


def inside():
    case('TCP')(lambda v: without_port(tcp(v, SERVER[v], MIRROR)))
    case('TCP, much')(lambda v: without_port(tcp(v, SERVER[v], MIRROR, payload=bytes(1_000_000))))
    case('TCP, much, over a smaller MTU')(lambda v: without_port(tcp(v, FAR[v], MIRROR, payload=bytes(1_000_000))))
    case('TCP, ports of senders')(ports)
    case('TCP, nobody listens')(lambda v: tcp(v, SERVER[v], 9))
    case('TCP, dropped')(lambda v: tcp(v, SERVER[v], 7001))
    case('TCP, rejected')(lambda v: tcp(v, SERVER[v], 7002))
    case('TCP, no route')(lambda v: tcp(v, NOWHERE[v], 80))
    case('TCP, nobody at home')(lambda v: tcp(v, ABSENT[v], 80))
    case('IPv4 TCP, published, from inside')(lambda v: tcp(v, POOL, 80))
    case('IPv4 TCP, ACK out of the blue')(lambda v: segment(SERVER[4], 0x10))
    case('IPv4 TCP, FIN out of the blue')(lambda v: segment(SERVER[4], 0x11))
    case('IPv4 TCP, SYN and FIN')(lambda v: segment(SERVER[4], 0x03))
    case('IPv4 TCP, no flags')(lambda v: segment(SERVER[4], 0x00))
    case('UDP')(lambda v: udp(v, SERVER[v], MIRROR, 100))
    case('UDP, empty')(lambda v: udp(v, SERVER[v], MIRROR, 0))
    case('UDP, in fragments')(lambda v: learned(udp, v, SERVER[v], MIRROR, 3000))
    case('UDP, in many fragments')(lambda v: learned(udp, v, SERVER[v], MIRROR, 60000))
    case('UDP, in fragments, over a smaller MTU')(lambda v: learned(udp, v, FAR[v], MIRROR, 3000))
    case('IPv4 UDP, whole, cut on its way')(
        lambda v: udp(v, FAR[v], MIRROR, 1400, options=[dont_fragment(v, 0)]))
    case('UDP, too large')(lambda v: udp(v, FAR[v], MIRROR, 1400, options=[dont_fragment(v, 3)]))
    case('IPv4 UDP, without checksum')(
        lambda v: udp(v, SERVER[v], MIRROR, 100, options=[(socket.SOL_SOCKET, 11, 1)]))
    case('IPv4 UDP, type of service')(
        lambda v: udp(v, SERVER[v], MIRROR, 100, options=[(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)]))
    case('IPv6 UDP, traffic class')(
        lambda v: udp(v, SERVER[v], MIRROR, 100, options=[(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0xB8)]))
    case('IPv6 UDP, hop-by-hop options')(
        lambda v: udp(v, SERVER[v], MIRROR, 100, options=[(socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, b'\0\0\1\4\0\0\0\0')]))
    case('IPv6 UDP, destination options')(
        lambda v: udp(v, SERVER[v], MIRROR, 100, options=[(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, b'\0\0\1\4\0\0\0\0')]))
    case('UDP, nobody listens')(lambda v: udp(v, SERVER[v], 9, 100))
    case('UDP, dropped')(lambda v: udp(v, SERVER[v], 7001, 100))
    case('UDP, rejected')(lambda v: udp(v, SERVER[v], 7002, 100))
    case('UDP, no route')(lambda v: udp(v, NOWHERE[v], 9, 100))
    case('UDP, nobody at home')(lambda v: udp(v, ABSENT[v], 9, 100))
    case('UDP, one hop')(lambda v: udp(v, SERVER[v], MIRROR, 100, options=[ttl(v, 1)]))
    case('UDP, two hops')(lambda v: udp(v, FAR[v], MIRROR, 100, options=[ttl(v, 2)]))
    case('protocol 253')(lambda v: udp(v, SERVER[v], 0, 100, kind=socket.SOCK_RAW, protocol=253))
    case('ping')(lambda v: ping(SERVER[v]))
    case('ping, in fragments')(lambda v: learned(ping, SERVER[v], '-s 4000'))
    case('ping, the gateway')(lambda v: ping(GATEWAY_IN[v]))
    case('ping, the gateway\'s other side')(lambda v: ping(GATEWAY_OUT[v]))
    case('IPv4 ping, the pool')(lambda v: ping(POOL))
    case('IPv4 ping, recorded route')(lambda v: ping(SERVER[4], '-R'))
    case('IPv4 ping, timestamps')(lambda v: re.sub(r'TS:.*', '', ping(SERVER[4], '-T tsonly')))
    case('IPv4 ICMP, timestamp')(lambda v: query(SERVER[4], 13, 12))
    case('TCP to the gateway')(lambda v: tcp(v, GATEWAY_IN[v], 81))
    case('UDP to the gateway')(lambda v: udp(v, GATEWAY_IN[v], 9, 100))
    for mode in ('--epsv', '--ftp-port -'):
        case('FTP ' + mode)(lambda v, mode=mode: ftp(SERVER[v], mode))
    for mode in ('--disable-epsv', '--ftp-port - --disable-eprt'):
        case('IPv4 FTP ' + mode)(lambda v, mode=mode: ftp(SERVER[v], mode))
    case('DNS')(lambda v: run('dig +short +tries=3 +timeout=20 +notcp +bufsize=4096 @%s known.portcullis.test TXT | grep -c x' % SERVER[v]).stdout.strip())
    case('DNS over TCP')(lambda v: run('dig +short +tries=3 +timeout=20 +tcp @%s known.portcullis.test A' % SERVER[v]).stdout.strip())
    case('traceroute')(lambda v: ' '.join(run('/usr/sbin/traceroute -%d -n -q 1 -N 1 -w 10 -m 5 %s | tail -n +2' % (v, FAR[v])).stdout.split()[1::4]))
    case('traceroute -I')(lambda v: ' '.join(run('/usr/sbin/traceroute -%d -I -n -q 1 -N 1 -w 10 -m 5 %s | tail -n +2' % (v, FAR[v])).stdout.split()[1::4]))
    case('tracepath')(lambda v: run('tracepath -n -m 5 %s | tail -1' % FAR[v]).stdout.strip())


def outside():
    for port in (21, 22, 80, 23):
        case('IPv4 TCP %d, published' % port)(
            lambda v, port=port: tcp(v, POOL, port, payload=b'GET /who HTTP/1.0\r\n\r\n').split('\r\n')[0])
        case('TCP %d, routed' % port)(
            lambda v, port=port: tcp(v, CLIENT[v], port, payload=b'GET /who HTTP/1.0\r\n\r\n').split('\r\n')[0])
    case('IPv4 TCP, sender of what is published')(
        lambda v: tcp(v, POOL, 80, payload=b'GET /who HTTP/1.0\r\n\r\n').split('\r\n')[-1].strip())
    case('UDP, uninvited')(lambda v: udp(v, CLIENT[v], MIRROR, 100))
    case('IPv4 UDP, uninvited, to the pool')(lambda v: udp(v, POOL, MIRROR, 100))
    case('UDP, no route')(lambda v: udp(v, NOWHERE[v], 9, 100))
    case('UDP, one hop')(lambda v: udp(v, CLIENT[v], MIRROR, 100, options=[ttl(v, 1)]))
    case('ping, uninvited')(lambda v: ping(CLIENT[v]))
    case('ping, the gateway')(lambda v: ping(GATEWAY_OUT[v]))
    case('ping, the gateway\'s other side')(lambda v: ping(GATEWAY_IN[v]))
    case('IPv4 ping, the pool')(lambda v: ping(POOL))
    for mode in ('--epsv', '--ftp-port -'):
        case('FTP ' + mode)(lambda v, mode=mode: ftp(POOL if v == 4 else CLIENT[6], mode))
    for mode in ('--disable-epsv', '--ftp-port - --disable-eprt'):
        case('IPv4 FTP ' + mode)(lambda v, mode=mode: ftp(POOL, mode))


def seen(function):
    try:
        return function() or 'nothing'
    except socket.timeout:
        return 'silence'
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))


side = sys.argv[1]
inside() if side == 'inside' else outside()
with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
    for (name, _), result in zip(cases, pool.map(lambda it: seen(it[1]), cases)):
        print('%s: %s\t%s' % (side, name, result))
