package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.io.offload.VirtioHeader;
import dev.portcullis.io.pcap.LinkLayer;
import dev.portcullis.io.system.SystemCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;

/**
 * The ring that a packet socket puts frames into: {@code TPACKET_V2}, shared with the kernel. A
 * frame longer than a slot (a super-packet) waits whole in the queue of the socket; its slot says
 * so, and it is received from there in its turn.
 *
 * <p>Thread: that of its intake.
 */
final class PacketRing implements FrameSource {

  private static final int FRAMES_AT_ONCE = 256;
  private static final int VLAN_BYTES = 4;
  private static final int ADDRESSES = 12;

  /** {@code struct tpacket2_hdr}. */
  private static final int LENGTH_AT = 4,
      CAPTURED_AT = 8,
      MAC_AT = 12,
      SECONDS_AT = 16,
      NANOSECONDS_AT = 20,
      VLAN_AT = 24,
      VLAN_TYPE_AT = 26;

  /** {@code tp_status}. */
  private static final int KERNEL = 0,
      USER = 1,
      COPY = 2,
      LOSING = 4,
      VLAN_VALID = 0x10,
      VLAN_TYPE_VALID = 0x40;

  private static final int SOL_SOCKET = 1, SO_ERROR = 4;
  private static final int SOL_PACKET = 263;
  private static final int PACKET_STATISTICS = 6;
  private static final VarHandle STATUS = JAVA_INT.varHandle();

  private final int tag;
  private final int fd;
  private final MemorySegment ring;
  private final int frameBytes;
  private final int frames;
  private final boolean inline;
  private final Consumer<String> problems;
  private final SystemCalls calls = new SystemCalls();
  private final MemorySegment whole;
  private final MemorySegment statistics;
  private final MemorySegment statisticsLength;
  private final VirtioHeader offload = new VirtioHeader();
  private final LinkLayer linkLayer = new LinkLayer();
  private int position;
  private volatile long lost;

  /**
   * Reads a ring.
   *
   * @param inline whether frames keep their VLAN tags; otherwise those with one are passed over
   * @param arena that of the port
   * @param problems told what is wrong with the interface
   */
  PacketRing(
      int tag, PacketSockets.Ring of, boolean inline, Arena arena, Consumer<String> problems) {
    this.problems = problems;
    this.tag = tag;
    this.fd = of.fd();
    this.ring = of.memory();
    this.frameBytes = of.frameBytes();
    this.frames = (int) (ring.byteSize() / frameBytes);
    this.inline = inline;
    this.whole = arena.allocate(VirtioHeader.BYTES + PacketBatch.MAX_PACKET_BYTES, 64);
    this.statistics = arena.allocate(8, 4);
    this.statisticsLength = arena.allocate(JAVA_INT);
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
    int used = 0;
    while (batch.count < FRAMES_AT_ONCE && used < PacketBatch.TARGET_BYTES) {
      long at = (long) position * frameBytes;
      int status = (int) STATUS.getAcquire(ring, at);
      if ((status & USER) == 0) {
        break;
      }
      used = take(batch, used, at, status);
      STATUS.setRelease(ring, at, KERNEL);
      position = position + 1 == frames ? 0 : position + 1;
    }
    if (batch.count == 0) {
      countLost(); // those behind the last that there was room for
    }
    return true;
  }

  private int take(PacketBatch batch, int used, long at, int status) {
    if ((status & LOSING) != 0) {
      countLost();
    }
    MemorySegment from = ring;
    int length = ring.get(JAVA_INT, at + LENGTH_AT);
    long mac = at + (ring.get(JAVA_SHORT, at + MAC_AT) & 0xffff);
    if ((status & COPY) != 0) {
      length =
          calls.recv(fd, whole, whole.byteSize(), SystemCalls.MSG_DONTWAIT) - VirtioHeader.BYTES;
      from = whole;
      mac = VirtioHeader.BYTES;
    } else if (ring.get(JAVA_INT, at + CAPTURED_AT) < length) {
      length = 0;
      lost++;
    }
    boolean tagged = (status & VLAN_VALID) != 0;
    if (length <= ADDRESSES + 2 || tagged && !inline) {
      return used;
    }
    int i = batch.count++;
    long seconds = ring.get(JAVA_INT, at + SECONDS_AT) & 0xffff_ffffL;
    Live.row(batch, i, tag, seconds * 1_000_000_000L + ring.get(JAVA_INT, at + NANOSECONDS_AT));
    batch.ensureBytes(used + length + VLAN_BYTES);
    if (tagged) {
      length = untag(batch.bytes, used, from, mac, length, at, status);
    } else {
      MemorySegment.copy(from, JAVA_BYTE, mac, batch.bytes, used, length);
    }
    Live.frame(batch, i, linkLayer, used, length);
    offload.take(from, mac - VirtioHeader.BYTES, tagged ? VLAN_BYTES : 0, batch, i);
    return used + length;
  }

  /** Copies a frame with the VLAN tag that the kernel took out of it put back (IEEE 802.1Q). */
  private int untag(
      byte[] to, int used, MemorySegment from, long mac, int length, long at, int status) {
    int type = (status & VLAN_TYPE_VALID) != 0 ? ring.get(JAVA_SHORT, at + VLAN_TYPE_AT) : 0x8100;
    int vlan = ring.get(JAVA_SHORT, at + VLAN_AT);
    MemorySegment.copy(from, JAVA_BYTE, mac, to, used, ADDRESSES);
    to[used + ADDRESSES] = (byte) (type >>> 8);
    to[used + ADDRESSES + 1] = (byte) type;
    to[used + ADDRESSES + 2] = (byte) (vlan >>> 8);
    to[used + ADDRESSES + 3] = (byte) vlan;
    MemorySegment.copy(
        from, JAVA_BYTE, mac + ADDRESSES, to, used + ADDRESSES + VLAN_BYTES, length - ADDRESSES);
    return length + VLAN_BYTES;
  }

  /** The interface was switched off, or is gone; the kernel says so once. */
  @Override
  public void trouble() {
    statisticsLength.set(JAVA_INT, 0, 4);
    if (calls.getsockopt(fd, SOL_SOCKET, SO_ERROR, statistics, statisticsLength) == 0) {
      int error = statistics.get(JAVA_INT, 0);
      if (error != 0) {
        problems.accept(SystemCalls.describe(error) + ".");
      }
    }
  }

  /** The kernel starts from zero whenever it was asked. */
  private void countLost() {
    statisticsLength.set(JAVA_INT, 0, 8);
    if (calls.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, statistics, statisticsLength) == 0) {
      lost += statistics.get(JAVA_INT, 4) & 0xffff_ffffL;
    }
  }
}
