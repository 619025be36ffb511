package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.system.SystemCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Clock;

/**
 * Takes datagrams in, {@link #AT_ONCE} with one call: {@code recvmmsg(2)}. Each becomes a row; one
 * that is not well-formed, or longer than there is room for, becomes a row that says why it is
 * refused.
 *
 * <p>In front of each datagram stands who sent it, in {@link #SENDER_BYTES}: address ({@link
 * UdpAddress}) and UDP port. Thread: that of its intake.
 */
final class UdpReceiver implements FrameSource {

  /** Bytes of the sender in front of a datagram: address, port, two bytes of zeros. */
  static final int SENDER_BYTES = 20;

  /** Where in them the lower half of the address is, and the port. */
  static final int LOW_AT = 8, PORT_AT = 16;

  /** Datagrams that are taken in with one call. */
  private static final int AT_ONCE = 64;

  private static final int FRAMES_AT_ONCE = 256;

  /** Room for packets of any MTU that is in use, whatever that of the port. */
  private static final int USUAL_MTU = 9000;

  /** Room for the header of the tunnel, and an Ethernet header with tags. */
  private static final int HEADER_BYTES = 512;

  private static final int MSG_TRUNC = 0x20;

  private static final int SOL_SOCKET = 1, SO_MEMINFO = 55, MEMINFO_BYTES = 36, DROPS_AT = 32;

  /** Makes rows of datagrams. */
  interface Decapsulation {

    /**
     * Sets offsets, lengths and flags of row {@code i}, whose tag and time are set.
     *
     * @param at where the datagram begins
     * @param length bytes of it
     * @return {@link DropReason#NONE}, or why it is refused
     */
    DropReason take(PacketBatch batch, int i, int at, int length);
  }

  private final int tag;
  private final int fd;
  private final Decapsulation decapsulation;
  private final Clock clock;
  private final SystemCalls calls = new SystemCalls();
  private final int slotBytes;
  private final MemorySegment slots;
  private final MemorySegment names;
  private final MemorySegment messages;
  private final MemorySegment memoryInfo;
  private final MemorySegment memoryInfoLength;
  private volatile long lost;

  /**
   * Reads a socket.
   *
   * @param mtu longest IP packet of the port
   * @param arena that of the port
   */
  UdpReceiver(int tag, int fd, int mtu, Decapsulation decapsulation, Clock clock, Arena arena) {
    this.tag = tag;
    this.fd = fd;
    this.decapsulation = decapsulation;
    this.clock = clock;
    this.slotBytes = (Math.max(mtu, USUAL_MTU) + HEADER_BYTES + 63) & -64;
    this.slots = arena.allocate((long) AT_ONCE * slotBytes, 64);
    this.names = arena.allocate((long) AT_ONCE * UdpAddress.MAX_BYTES, 8);
    this.messages = arena.allocate((long) AT_ONCE * MessageHeader.BYTES, 8);
    this.memoryInfo = arena.allocate(MEMINFO_BYTES, 4);
    this.memoryInfoLength = arena.allocate(JAVA_INT);
    MemorySegment vectors = arena.allocate((long) AT_ONCE * MessageHeader.VECTOR_BYTES, 8);
    for (int i = 0; i < AT_ONCE; i++) {
      vectors.set(
          JAVA_LONG, i * MessageHeader.VECTOR_BYTES, slots.address() + (long) i * slotBytes);
      vectors.set(JAVA_LONG, i * MessageHeader.VECTOR_BYTES + 8, slotBytes);
      messages.set(
          JAVA_LONG, i * MessageHeader.BYTES, names.address() + (long) i * UdpAddress.MAX_BYTES);
      messages.set(
          JAVA_LONG,
          i * MessageHeader.BYTES + MessageHeader.VECTOR_AT,
          vectors.address() + i * MessageHeader.VECTOR_BYTES);
      messages.set(JAVA_LONG, i * MessageHeader.BYTES + MessageHeader.VECTORS_AT, 1);
    }
  }

  @Override
  public int descriptor() {
    return fd;
  }

  @Override
  public long lost() {
    return lost;
  }

  @Override
  public boolean fill(PacketBatch batch) {
    long nowNs = Live.nowNs(clock);
    int used = 0;
    while (batch.count < FRAMES_AT_ONCE && used < PacketBatch.TARGET_BYTES) {
      for (int i = 0; i < AT_ONCE; i++) {
        messages.set(
            JAVA_INT, i * MessageHeader.BYTES + MessageHeader.NAME_LENGTH_AT, UdpAddress.MAX_BYTES);
      }
      int got = calls.recvmmsg(fd, messages, AT_ONCE, SystemCalls.MSG_DONTWAIT);
      for (int m = 0; m < got; m++) {
        used = take(batch, used, m, nowNs);
      }
      if (got < AT_ONCE) {
        break;
      }
    }
    if (batch.count > 0) {
      countLost();
    }
    return true;
  }

  private int take(PacketBatch batch, int used, int m, long nowNs) {
    int length = messages.get(JAVA_INT, m * MessageHeader.BYTES + MessageHeader.LENGTH_AT);
    boolean cut =
        (messages.get(JAVA_INT, m * MessageHeader.BYTES + MessageHeader.FLAGS_AT) & MSG_TRUNC) != 0;
    int at = used + SENDER_BYTES;
    batch.ensureBytes(at + length);
    long name = (long) m * UdpAddress.MAX_BYTES;
    PacketHeader.put64(batch.bytes, used, UdpAddress.high(names, name));
    PacketHeader.put64(batch.bytes, used + LOW_AT, UdpAddress.low(names, name));
    PacketHeader.put32(batch.bytes, used + PORT_AT, (long) UdpAddress.port(names, name) << 16);
    MemorySegment.copy(slots, JAVA_BYTE, (long) m * slotBytes, batch.bytes, at, length);
    int i = batch.count++;
    Live.row(batch, i, tag, nowNs);
    DropReason refused = cut ? DropReason.TOO_LARGE : decapsulation.take(batch, i, at, length);
    if (refused != DropReason.NONE) {
      refuse(batch, i, at, length, refused);
    }
    return at + length;
  }

  private static void refuse(PacketBatch batch, int i, int at, int length, DropReason reason) {
    batch.l2Offset[i] = at;
    batch.l2Length[i] = 0;
    batch.dataOffset[i] = at;
    batch.dataLength[i] = length;
    refuse(batch, i, reason);
  }

  /** Marks a row as refused; its offsets and lengths are set. */
  static void refuse(PacketBatch batch, int i, DropReason reason) {
    batch.flags[i] = PacketFlags.REFUSED;
    batch.reason[i] = reason.id();
  }

  /** {@code linux/sock_diag.h}: the kernel counts what it had no room for. */
  private void countLost() {
    memoryInfoLength.set(JAVA_INT, 0, MEMINFO_BYTES);
    if (calls.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memoryInfo, memoryInfoLength) == 0) {
      lost = memoryInfo.get(JAVA_INT, DROPS_AT) & 0xffff_ffffL;
    }
  }
}
