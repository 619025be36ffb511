package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.portcullis.io.system.SystemCalls;
import dev.portcullis.io.system.SystemException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Opens the packet sockets of a port: {@code packet(7)}, {@code
 * Documentation/networking/packet_mmap.rst}, {@code linux/if_packet.h}. Thread: one.
 */
final class PacketSockets {

  private static final int AF_PACKET = 17, SOCK_RAW = 3, SOL_SOCKET = 1, SOL_PACKET = 263;
  private static final int SO_SNDBUF = 7, SO_RCVBUF = 8, SO_ATTACH_FILTER = 26;
  private static final int SO_SNDBUFFORCE = 32, SO_RCVBUFFORCE = 33;
  private static final int PACKET_ADD_MEMBERSHIP = 1,
      PACKET_RX_RING = 5,
      PACKET_COPY_THRESH = 7,
      PACKET_VERSION = 10,
      PACKET_VNET_HDR = 15,
      PACKET_FANOUT = 18,
      PACKET_IGNORE_OUTGOING = 23;
  private static final int PACKET_MR_PROMISC = 1, PACKET_MR_ALLMULTI = 2;
  private static final int FANOUT_UNIQUE_ID = 0x2000, FANOUT_IGNORE_OUTGOING = 0x4000;
  private static final int TPACKET_V2 = 1;

  /** {@code ETH_P_ALL} in network order. */
  private static final short ALL = 0x0300;

  /** Bytes of a ring. */
  private static final int RING_BYTES = 8 << 20;

  private static final int BLOCK_BYTES = 256 << 10;

  /** Bytes that super-packets may wait with, and that frames may wait with to be sent. */
  private static final int SOCKET_BYTES = 16 << 20;

  private final SystemCalls calls = new SystemCalls();
  private final String port;
  private final String device;
  private final int index;

  PacketSockets(String port, String device, int index) {
    this.port = port;
    this.device = device;
    this.index = index;
  }

  /** What a receiving socket is to take. */
  record Wanted(int queues, int mtu, boolean promiscuous, long onlyMac) {

    /** {@link #onlyMac}: frames to any station. */
    static final long ANY_MAC = 0;

    /** Room for a frame and what the kernel puts before it: a power of two. */
    int frameBytes() {
      return Integer.highestOneBit(mtu + 256 - 1) << 1;
    }
  }

  /** A receiving socket and its ring. */
  record Ring(int fd, MemorySegment memory, int frameBytes) {}

  /**
   * Opens the receiving sockets, with their rings; they share the frames by flow.
   *
   * @throws SystemException in one sentence; nothing is left open then
   */
  List<Ring> receiving(Wanted wanted) {
    List<Ring> rings = new ArrayList<>();
    int fanout = -1;
    try (Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < wanted.queues; i++) {
        int fd = socket(0);
        // listed before it is set up, so that it is closed when that fails
        rings.add(new Ring(fd, MemorySegment.NULL, wanted.frameBytes()));
        MemorySegment memory = setUp(arena, fd, wanted);
        rings.set(i, new Ring(fd, memory, wanted.frameBytes()));
        if (wanted.queues > 1) {
          fanout = fanout(arena, fd, fanout);
        }
      }
      return rings;
    } catch (SystemException e) {
      rings.forEach(this::close);
      throw e;
    }
  }

  /** Opens the sending socket. */
  int sending() {
    int fd = socket(0);
    try (Arena arena = Arena.ofConfined()) {
      option(arena, fd, PACKET_VNET_HDR, 1, "offloads");
      buffer(arena, fd, SO_SNDBUFFORCE, SO_SNDBUF);
      bind(arena, fd, (short) 0);
      return fd;
    } catch (SystemException e) {
      calls.close(fd);
      throw e;
    }
  }

  /** Closes a receiving socket and gives its ring back. */
  void close(Ring ring) {
    if (ring.memory.address() != 0) {
      calls.munmap(ring.memory.address(), ring.memory.byteSize());
    }
    calls.close(ring.fd);
  }

  private int socket(int protocol) {
    int fd = calls.socket(AF_PACKET, SOCK_RAW | SystemCalls.O_CLOEXEC, protocol);
    if (fd < 0) {
      throw new SystemException(
          "port "
              + port
              + ": a packet socket cannot be opened: "
              + SystemCalls.describe(fd)
              + (fd == -SystemCalls.EPERM ? "; it takes the capability CAP_NET_RAW." : "."));
    }
    return fd;
  }

  private MemorySegment setUp(Arena arena, int fd, Wanted wanted) {
    option(arena, fd, PACKET_VERSION, TPACKET_V2, "rings");
    option(arena, fd, PACKET_VNET_HDR, 1, "offloads");
    option(arena, fd, PACKET_COPY_THRESH, 1, "frames that are longer than its ring has room for");
    option(arena, fd, PACKET_IGNORE_OUTGOING, 1, "that it leaves its own frames out");
    buffer(arena, fd, SO_RCVBUFFORCE, SO_RCVBUF);
    if (wanted.onlyMac != Wanted.ANY_MAC) {
      filter(arena, fd, wanted.onlyMac);
    }
    int frameBytes = wanted.frameBytes();
    int blockBytes = Math.max(BLOCK_BYTES, frameBytes);
    MemorySegment request = arena.allocate(16, 4);
    request.set(JAVA_INT, 0, blockBytes);
    request.set(JAVA_INT, 4, RING_BYTES / blockBytes);
    request.set(JAVA_INT, 8, frameBytes);
    request.set(JAVA_INT, 12, RING_BYTES / frameBytes);
    check(calls.setsockopt(fd, SOL_PACKET, PACKET_RX_RING, request), "a ring of 8 MiB");
    long address =
        calls.mmap(
            RING_BYTES,
            SystemCalls.PROT_READ | SystemCalls.PROT_WRITE,
            SystemCalls.MAP_SHARED,
            fd,
            0);
    if (address < 0 && address > -4096) {
      check((int) address, "the memory of its ring");
    }
    bind(arena, fd, ALL);
    member(arena, fd, PACKET_MR_ALLMULTI);
    if (wanted.promiscuous) {
      member(arena, fd, PACKET_MR_PROMISC);
    }
    return MemorySegment.ofAddress(address).reinterpret(RING_BYTES);
  }

  private void bind(Arena arena, int fd, short protocol) {
    MemorySegment address = arena.allocate(20, 4);
    address.set(JAVA_SHORT, 0, (short) AF_PACKET);
    address.set(JAVA_SHORT, 2, protocol);
    address.set(JAVA_INT, 4, index);
    check(calls.bind(fd, address), "that it is bound to it");
  }

  private void member(Arena arena, int fd, int type) {
    MemorySegment request = arena.allocate(16, 4);
    request.set(JAVA_INT, 0, index);
    request.set(JAVA_SHORT, 4, (short) type);
    check(
        calls.setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request),
        "frames for other stations");
  }

  /** Joins the group of sockets that share the frames; the first makes it. Returns its number. */
  private int fanout(Arena arena, int fd, int group) {
    int flags = FANOUT_IGNORE_OUTGOING | (group < 0 ? FANOUT_UNIQUE_ID : 0);
    option(arena, fd, PACKET_FANOUT, flags << 16 | Math.max(0, group), "several queues");
    if (group >= 0) {
      return group;
    }
    MemorySegment value = arena.allocate(JAVA_INT);
    MemorySegment length = arena.allocateFrom(JAVA_INT, 4);
    check(calls.getsockopt(fd, SOL_PACKET, PACKET_FANOUT, value, length), "several queues");
    return value.get(JAVA_INT, 0) & 0xffff;
  }

  /** The larger buffer takes CAP_NET_ADMIN; without it, what the system allows. */
  private void buffer(Arena arena, int fd, int forced, int asked) {
    MemorySegment value = arena.allocateFrom(JAVA_INT, SOCKET_BYTES);
    if (calls.setsockopt(fd, SOL_SOCKET, forced, value) < 0) {
      calls.setsockopt(fd, SOL_SOCKET, asked, value);
    }
  }

  /**
   * Lets only frames to one station and to groups in: the frames of other stations, which a
   * promiscuous interface takes in, are none of the gateway's. Classic BPF.
   */
  private void filter(Arena arena, int fd, long mac) {
    long[] program = {
      instruction(0x20, 0, 0, 0), // load 4 bytes of the receiver
      instruction(0x15, 0, 2, mac >>> 16),
      instruction(0x28, 0, 0, 4), // load the other 2
      instruction(0x15, 2, 0, mac & 0xffff),
      instruction(0x30, 0, 0, 0), // load the first byte
      instruction(0x45, 0, 1, 1), // the bit of groups
      instruction(0x06, 0, 0, 0xffff_ffffL), // take it
      instruction(0x06, 0, 0, 0),
    };
    MemorySegment code = arena.allocateFrom(JAVA_LONG, program);
    MemorySegment description = arena.allocate(16, 8);
    description.set(JAVA_SHORT, 0, (short) program.length);
    description.set(JAVA_LONG, 8, code.address());
    check(calls.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, description), "a filter");
  }

  /** {@code struct sock_filter} of a little-endian machine as a number. */
  private static long instruction(int code, int ifTrue, int ifFalse, long value) {
    return code | (long) ifTrue << 16 | (long) ifFalse << 24 | value << 32;
  }

  private void option(Arena arena, int fd, int option, int value, String what) {
    check(calls.setsockopt(fd, SOL_PACKET, option, arena.allocateFrom(JAVA_INT, value)), what);
  }

  private void check(int result, String what) {
    if (result < 0) {
      throw new SystemException(
          "port "
              + port
              + ": the packet socket on "
              + device
              + " does not take "
              + what
              + ": "
              + SystemCalls.describe(result)
              + ".");
    }
  }
}
