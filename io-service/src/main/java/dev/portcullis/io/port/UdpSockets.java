package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.policy.GatewaySpec.TunnelSpec;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.io.system.SystemCalls;
import dev.portcullis.io.system.SystemException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Opens the sockets of a tunnel: {@code udp(7)}, {@code ip(7)}, {@code ipv6(7)}. What they send is
 * not fragmented (RFC 7348 section 4.3): what the way does not take is an error. IPv4 datagrams
 * have no checksum (section 5; RFC 8926 section 3.3): what is inside has one. Thread: one.
 */
final class UdpSockets {

  /** Whichever port the kernel gives. */
  private static final int ANY_PORT = 0;

  private static final int SOCK_DGRAM = 2, SOCK_NONBLOCK = SystemCalls.O_NONBLOCK;
  private static final int SOL_SOCKET = 1, IPPROTO_IP = 0, IPPROTO_IPV6 = 41;
  private static final int SO_RCVBUF = 8, SO_NO_CHECK = 11, SO_REUSEPORT = 15;
  private static final int SO_SNDBUF = 7, SO_SNDBUFFORCE = 32, SO_RCVBUFFORCE = 33;
  private static final int IP_MTU_DISCOVER = 10, IP_MTU = 14;
  private static final int IPV6_MTU_DISCOVER = 23, IPV6_MTU = 24, IPV6_V6ONLY = 26;
  private static final int PMTUDISC_DO = 2;

  /** Bytes of datagrams that may wait to be read, or to be sent. */
  private static final int SOCKET_BYTES = 16 << 20;

  private final SystemCalls calls = new SystemCalls();
  private final String port;
  private final IpAddress local;
  private final int udpPort;

  UdpSockets(PortSpec port, TunnelSpec tunnel) {
    this.port = port.name();
    this.local = Objects.requireNonNull(IpAddress.parse(tunnel.local()));
    this.udpPort = port.udpPort();
  }

  private int receiving(boolean shared) {
    int fd = opened(socket());
    try (Arena arena = Arena.ofConfined()) {
      buffer(arena, fd, SO_RCVBUFFORCE, SO_RCVBUF);
      if (shared) {
        option(arena, fd, SOL_SOCKET, SO_REUSEPORT, 1);
      }
      int result = bind(arena, fd, udpPort);
      if (result < 0) {
        calls.close(fd);
        throw new SystemException(sentence(result));
      }
      return fd;
    }
  }

  private String sentence(int result) {
    String what =
        switch (-result) {
          case SystemCalls.EADDRINUSE ->
              "UDP port " + udpPort + " of " + local + " is taken; allowed is one that is free.";
          case SystemCalls.EADDRNOTAVAIL ->
              "the address "
                  + local
                  + " is not there; allowed is one of this host, or all (0.0.0.0, ::).";
          default ->
              "UDP port "
                  + udpPort
                  + " of "
                  + local
                  + " cannot be opened: "
                  + SystemCalls.describe(result)
                  + (result == -SystemCalls.EACCES
                      ? "; it takes the capability CAP_NET_BIND_SERVICE."
                      : ".");
        };
    return "port " + port + ": " + what;
  }

  /**
   * Opens a socket that only sends. It may be called while packets flow: it throws nothing.
   *
   * @param from UDP port that it sends from
   * @return its descriptor, or the negative error number when there is none, or the port is taken
   */
  int sending(int from) {
    int fd = socket();
    if (fd < 0) {
      return fd;
    }
    try (Arena arena = Arena.ofConfined()) {
      calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, arena.allocateFrom(JAVA_INT, 0));
      int result = bind(arena, fd, from);
      if (result < 0) {
        calls.close(fd);
        return result;
      }
      return fd;
    }
  }

  /**
   * Returns how many bytes of a datagram, with its IP header, the way to an endpoint takes.
   *
   * @throws SystemException where there is no way to it
   */
  int mtu(IpAddress remote) {
    int fd = opened(socket());
    try (Arena arena = Arena.ofConfined()) {
      int result = calls.connect(fd, address(arena, remote, udpPort));
      MemorySegment value = arena.allocate(JAVA_INT);
      MemorySegment length = arena.allocateFrom(JAVA_INT, 4);
      if (result >= 0) {
        boolean v4 = local.version() == 4;
        result =
            calls.getsockopt(
                fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, value, length);
      }
      if (result < 0) {
        throw new SystemException(
            "port "
                + port
                + ": there is no way to the endpoint "
                + remote
                + ": "
                + SystemCalls.describe(result)
                + ".");
      }
      return value.get(JAVA_INT, 0);
    } finally {
      calls.close(fd);
    }
  }

  void close(int fd) {
    calls.close(fd);
  }

  /** Returns a descriptor, or the negative error number. */
  private int socket() {
    int fd =
        calls.socket(
            UdpAddress.family(local), SOCK_DGRAM | SOCK_NONBLOCK | SystemCalls.O_CLOEXEC, 0);
    if (fd < 0) {
      return fd;
    }
    boolean v4 = local.version() == 4;
    try (Arena arena = Arena.ofConfined()) {
      buffer(arena, fd, SO_SNDBUFFORCE, SO_SNDBUF);
      int result =
          v4
              ? option(arena, fd, IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
              : option(arena, fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO);
      if (result >= 0) {
        result =
            v4
                ? option(arena, fd, SOL_SOCKET, SO_NO_CHECK, 1)
                : option(arena, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      }
      if (result < 0) {
        calls.close(fd);
        return result;
      }
      return fd;
    }
  }

  /** Returns a descriptor that is one, and says so where it is an error number. */
  private int opened(int fd) {
    if (fd < 0) {
      throw new SystemException(
          "port " + port + ": a UDP socket cannot be opened: " + SystemCalls.describe(fd) + ".");
    }
    return fd;
  }

  /**
   * Opens sockets that only send, from whichever ports.
   *
   * @throws SystemException in one sentence; none is left open then
   */
  int[] sendingAnywhere(int count) {
    int[] opened = new int[count];
    for (int i = 0; i < count; i++) {
      int fd = sending(ANY_PORT);
      if (fd < 0) {
        close(opened, i);
        opened(fd);
      }
      opened[i] = fd;
    }
    return opened;
  }

  /**
   * Opens sockets that take in what comes for the tunnel, and share it by flow where they are
   * several.
   *
   * @throws SystemException in one sentence; none is left open then
   */
  int[] receiving(int count) {
    int[] opened = new int[count];
    int i = 0;
    try {
      for (; i < count; i++) {
        opened[i] = receiving(count > 1);
      }
      return opened;
    } catch (SystemException e) {
      close(opened, i);
      throw e;
    }
  }

  void close(int[] fds) {
    close(fds, fds.length);
  }

  private void close(int[] fds, int count) {
    for (int i = 0; i < count; i++) {
      calls.close(fds[i]);
    }
  }

  private static MemorySegment address(Arena arena, IpAddress of, int port) {
    long high = UdpAddress.high(of);
    MemorySegment address = arena.allocate(UdpAddress.bytes(high), 8);
    UdpAddress.put(address, 0, high, of.low(), port);
    return address;
  }

  private int bind(Arena arena, int fd, int port) {
    return calls.bind(fd, address(arena, local, port));
  }

  /** The larger buffer takes CAP_NET_ADMIN; without it, what the system allows. */
  private void buffer(Arena arena, int fd, int forced, int asked) {
    MemorySegment value = arena.allocateFrom(JAVA_INT, SOCKET_BYTES);
    if (calls.setsockopt(fd, SOL_SOCKET, forced, value) < 0) {
      calls.setsockopt(fd, SOL_SOCKET, asked, value);
    }
  }

  private int option(Arena arena, int fd, int level, int option, int value) {
    return calls.setsockopt(fd, level, option, arena.allocateFrom(JAVA_INT, value));
  }
}
