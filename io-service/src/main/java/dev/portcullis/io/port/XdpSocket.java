package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.portcullis.io.system.SystemCalls;
import dev.portcullis.io.system.SystemException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * An AF_XDP socket on one receive queue of a device, with its memory and rings ({@code
 * linux/if_xdp.h}, {@code Documentation/networking/af_xdp.rst}). The memory is cut into chunks, one
 * a frame: {@link #RECEIVING} are filled by the kernel, {@link #SENDING} by us. A driver that can
 * works on them in place; otherwise the kernel copies.
 *
 * <p>Thread: one opens and closes it; each ring has its own.
 */
final class XdpSocket {

  /** Chunks for frames that come in. */
  static final int RECEIVING = 4096;

  /** Chunks for frames that go out. */
  static final int SENDING = 2048;

  /** What the kernel keeps free in front of a frame that comes in ({@code XDP_PACKET_HEADROOM}). */
  private static final int HEADROOM = 256;

  private static final int SMALL = 2048, LARGE = 4096;
  private static final int AF_XDP = 44, SOCK_RAW = 3, SOL_XDP = 283;
  private static final int SOL_SOCKET = 1, SO_SNDBUFFORCE = 32;
  private static final int SEND_BYTES = 16 << 20;

  /** Socket options. */
  private static final int MMAP_OFFSETS = 1,
      RX_RING = 2,
      TX_RING = 3,
      UMEM_REG = 4,
      FILL_RING = 5,
      COMPLETION_RING = 6,
      STATISTICS = 7,
      MAX_TX_SKB_BUDGET = 9;

  private static final long RX_OFFSET = 0,
      TX_OFFSET = 0x8000_0000L,
      FILL_OFFSET = 0x1_0000_0000L,
      COMPLETION_OFFSET = 0x1_8000_0000L;
  private static final int USE_NEED_WAKEUP = 8;
  private static final int OFFSETS_BYTES = 32, STATISTICS_BYTES = 48;

  private final SystemCalls calls = new SystemCalls();
  private final String port;
  private final String device;

  /** Descriptor. */
  final int fd;

  /** Bytes of a chunk. */
  final int chunkBytes;

  /** All chunks: those for frames that come in, then those for frames that go out. */
  final MemorySegment chunks;

  final XdpRing received;
  final XdpRing fill;
  final XdpRing sent;
  final XdpRing completed;

  /**
   * Opens a socket.
   *
   * @param port name of the port that errors begin with
   * @param device name of the device, and its number
   * @param queue number of the receive queue
   * @param mtu longest IP packet of the device
   * @param arena that of the port
   * @throws SystemException in one sentence; nothing is left open then
   */
  XdpSocket(String port, String device, int index, int queue, int mtu, Arena arena) {
    this.port = port;
    this.device = device;
    this.chunkBytes = chunkBytes(mtu);
    this.fd = calls.socket(AF_XDP, SOCK_RAW | SystemCalls.O_CLOEXEC, 0);
    check(fd, "cannot be opened");
    XdpRing[] rings = new XdpRing[4];
    try (Arena local = Arena.ofConfined()) {
      chunks = arena.allocate((long) (RECEIVING + SENDING) * chunkBytes, LARGE);
      MemorySegment registration = local.allocate(32, 8);
      registration.set(JAVA_LONG, 0, chunks.address());
      registration.set(JAVA_LONG, 8, chunks.byteSize());
      registration.set(JAVA_INT, 16, chunkBytes);
      option(UMEM_REG, registration, "takes no memory");
      size(local, FILL_RING, RECEIVING);
      size(local, COMPLETION_RING, SENDING);
      size(local, RX_RING, RECEIVING);
      size(local, TX_RING, SENDING);
      // how many frames one call sends: younger kernels, without it 32
      calls.setsockopt(fd, SOL_XDP, MAX_TX_SKB_BUDGET, local.allocateFrom(JAVA_INT, SENDING));
      calls.setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, local.allocateFrom(JAVA_INT, SEND_BYTES));
      MemorySegment offsets = local.allocate(4 * OFFSETS_BYTES, 8);
      MemorySegment length = local.allocateFrom(JAVA_INT, (int) offsets.byteSize());
      check(calls.getsockopt(fd, SOL_XDP, MMAP_OFFSETS, offsets, length), "has no rings");
      rings[0] = map(offsets, 0, RX_OFFSET, RECEIVING, 16);
      rings[1] = map(offsets, 1, TX_OFFSET, SENDING, 16);
      rings[2] = map(offsets, 2, FILL_OFFSET, RECEIVING, 8);
      rings[3] = map(offsets, 3, COMPLETION_OFFSET, SENDING, 8);
      bind(local, index, queue);
    } catch (SystemException e) {
      release(rings);
      throw e;
    }
    received = rings[0];
    sent = rings[1];
    fill = rings[2];
    completed = rings[3];
    for (int i = 0; i < RECEIVING; i++) {
      fill.put(i, (long) i * chunkBytes);
    }
    fill.producer(RECEIVING);
  }

  /** Returns the longest IP packet of a device that a chunk has room for. */
  static int longestMtu() {
    return LARGE - HEADROOM - EthernetHeader.BYTES;
  }

  private static int chunkBytes(int mtu) {
    return mtu <= SMALL - HEADROOM - EthernetHeader.BYTES ? SMALL : LARGE;
  }

  /** Frames that the kernel had no room for, since the socket was opened. */
  long lost(MemorySegment statistics, MemorySegment length) {
    length.set(JAVA_INT, 0, STATISTICS_BYTES);
    calls.getsockopt(fd, SOL_XDP, STATISTICS, statistics, length);
    // rx_dropped: too long, or no chunk; rx_ring_full
    return statistics.get(JAVA_LONG, 0) + statistics.get(JAVA_LONG, 24);
  }

  /** Room for what {@link #lost} asks for. */
  static MemorySegment statistics(Arena arena) {
    return arena.allocate(STATISTICS_BYTES, 8);
  }

  void close() {
    release(received, fill, sent, completed);
  }

  private void release(XdpRing... rings) {
    for (XdpRing it : rings) {
      if (it != null) {
        calls.munmap(it.memory().address(), it.memory().byteSize());
      }
    }
    calls.close(fd);
  }

  private void size(Arena local, int ring, int entries) {
    option(ring, local.allocateFrom(JAVA_INT, entries), "takes no ring of " + entries);
  }

  private XdpRing map(MemorySegment offsets, int which, long offset, int entries, int entryBytes) {
    long at = (long) which * OFFSETS_BYTES;
    long[] places = new long[3];
    for (int i = 0; i < places.length; i++) {
      places[i] = offsets.get(JAVA_LONG, at + i * JAVA_LONG.byteSize());
    }
    long bytes = places[2] + (long) entries * entryBytes;
    long address =
        calls.mmap(
            bytes,
            SystemCalls.PROT_READ | SystemCalls.PROT_WRITE,
            SystemCalls.MAP_SHARED,
            fd,
            offset);
    if (address < 0 && address > -4096) {
      check((int) address, "has no memory for its rings");
    }
    return new XdpRing(
        MemorySegment.ofAddress(address).reinterpret(bytes), places, entries, entryBytes);
  }

  private void bind(Arena local, int index, int queue) {
    MemorySegment address = local.allocate(16, 4);
    address.set(JAVA_SHORT, 0, (short) AF_XDP);
    address.set(JAVA_SHORT, 2, (short) USE_NEED_WAKEUP);
    address.set(JAVA_INT, 4, index);
    address.set(JAVA_INT, 8, queue);
    check(calls.bind(fd, address), "cannot be bound to queue " + queue);
  }

  private void option(int option, MemorySegment value, String otherwise) {
    check(calls.setsockopt(fd, SOL_XDP, option, value), otherwise);
  }

  private void check(int result, String otherwise) {
    if (result < 0) {
      throw new SystemException(
          "port "
              + port
              + ": the AF_XDP socket on "
              + device
              + " "
              + otherwise
              + ": "
              + SystemCalls.describe(result)
              + hint(-result));
    }
  }

  private static String hint(int error) {
    return switch (error) {
      case SystemCalls.EPERM -> "; it takes the capability CAP_NET_RAW.";
      case SystemCalls.ENOBUFS ->
          "; its memory is locked: it takes the capability CAP_IPC_LOCK, or a larger RLIMIT_MEMLOCK.";
      case SystemCalls.EINVAL ->
          "; packet.queues may not be more than the device has receive queues.";
      default -> ".";
    };
  }
}
