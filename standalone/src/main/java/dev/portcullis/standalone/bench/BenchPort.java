package dev.portcullis.standalone.bench;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.port.FrameSink;
import dev.portcullis.io.port.Port;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A port without a wire. Told to go, it makes frames up as fast as the gateway takes them: UDP from
 * 10.9.0.2 to 10.8.0.2 port 4097, no UDP checksum: what xgen sends to the kernel. The source port
 * tells the flow: each flow begins once in turn, then they are drawn at random; more than 8,192
 * flows go to more receivers, the addresses after it. Nothing is asked about the frames afterwards.
 * Frames that leave are counted and forgotten. Thread: the loop of the IO module, but for {@link
 * #go}, {@link #pause} and the counters.
 */
final class BenchPort implements Port {

  private static final VarHandle PACKETS;
  private static final VarHandle BYTES;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      PACKETS = lookup.findVarHandle(BenchPort.class, "packets", long.class);
      BYTES = lookup.findVarHandle(BenchPort.class, "bytes", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static final int FRAMES_AT_ONCE = PacketBatch.MAX_PACKETS;
  private static final int L2_BYTES = 14;
  private static final int IP_BYTES = 20;
  private static final int CHECKSUM_AT = 24;
  private static final int RECEIVER_AT = 32;
  private static final int SOURCE_PORT_AT = 34;
  private static final int FIRST_SOURCE_PORT = 1024;
  private static final int FIRST_RECEIVER = 2;

  /** Flows of one receiver differ in so many bits of their source port. */
  private static final int PORT_BITS = 13;

  private static final int LINKTYPE_ETHERNET = 1;

  /** The most flows: 2^13 source ports to each of 128 receivers. */
  static final int MOST_FLOWS = 1 << PORT_BITS + 7;

  private final int tag;
  private final String name;
  private final LinkLoop loop;
  private final int flowMask;
  private final int frameBytes;
  private final PacketBatch batch;
  private final int headerSum;
  private final Runnable pump = this::pump;

  private long packets;
  private long bytes;
  private Room room = _ -> true;
  private @Nullable FrameSink sink;
  private long random = 0x9e3779b97f4a7c15L;
  private int begun;
  private boolean going;
  private boolean scheduled;

  /**
   * Makes the port; it is silent until {@link #go}.
   *
   * @param frameBytes length of a frame without its check sequence: 60 to 1514
   * @param flows a power of two, at most {@link #MOST_FLOWS}
   */
  BenchPort(int tag, String name, LinkLoop loop, int frameBytes, int flows) {
    this.tag = tag;
    this.name = name;
    this.loop = loop;
    this.flowMask = flows - 1;
    this.frameBytes = frameBytes;
    this.batch = new PacketBatch(FRAMES_AT_ONCE * frameBytes);
    for (int i = 0; i < FRAMES_AT_ONCE; i++) {
      putFrame(batch.bytes, i * frameBytes, frameBytes);
    }
    this.headerSum = Checksum.sum(batch.bytes, L2_BYTES, IP_BYTES, 0);
  }

  /**
   * Writes an Ethernet frame with an IPv4 header (RFC 791) and a UDP header (RFC 768), all but its
   * source port, the last 16 bits of the receiver and the checksum.
   */
  private static void putFrame(byte[] bytes, int at, int frameBytes) {
    int ipLength = frameBytes - L2_BYTES;
    bytes[at] = 2;
    bytes[at + 5] = 2;
    bytes[at + 6] = 2;
    bytes[at + 11] = 1;
    bytes[at + 12] = 8;
    int ip = at + L2_BYTES;
    bytes[ip] = 0x45;
    PacketHeader.put16(bytes, ip + 2, ipLength);
    bytes[ip + 8] = 64;
    bytes[ip + 9] = 17;
    PacketHeader.put16(bytes, ip + 12, 10 << 8 | 9);
    PacketHeader.put16(bytes, ip + 14, 2);
    PacketHeader.put16(bytes, ip + 16, 10 << 8 | 8);
    PacketHeader.put16(bytes, ip + 22, 4097);
    PacketHeader.put16(bytes, ip + 24, ipLength - IP_BYTES);
  }

  @Override
  public int tag() {
    return tag;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void start(FrameSink to) {
    sink = to;
  }

  /** Asked before every batch of frames, on the loop. */
  @FunctionalInterface
  interface Room {

    /** Returns whether the gateway has room for a batch; if not, runs {@code then} when it has. */
    boolean isThere(Runnable then);
  }

  /** From now on asks {@code asked}. */
  void room(Room asked) {
    room = asked;
  }

  /** Begins to make frames. Any thread. */
  void go() {
    loop.execute(
        () -> {
          going = true;
          schedule();
        });
  }

  /** Makes no more frames. Any thread. */
  void pause() {
    loop.execute(() -> going = false);
  }

  private void schedule() {
    if (!scheduled) {
      scheduled = true;
      loop.execute(pump);
    }
  }

  private void pump() {
    scheduled = false;
    FrameSink to = sink;
    if (!going || to == null) {
      return;
    }
    if (room.isThere(pump)) {
      fill();
      to.take(batch);
      schedule();
    } else {
      scheduled = true;
    }
  }

  private void fill() {
    long now = System.currentTimeMillis() * 1_000_000;
    byte[] frames = batch.bytes;
    long x = random;
    for (int i = 0; i < FRAMES_AT_ONCE; i++) {
      // xorshift64, Marsaglia 2003
      x ^= x << 13;
      x ^= x >>> 7;
      x ^= x << 17;
      int at = i * frameBytes;
      int flow = begun <= flowMask ? begun++ : (int) x & flowMask;
      int receiver = FIRST_RECEIVER + (flow >>> PORT_BITS);
      PacketHeader.put16(frames, at + RECEIVER_AT, receiver);
      PacketHeader.put16(frames, at + CHECKSUM_AT, ~Checksum.fold(headerSum + receiver));
      PacketHeader.put16(
          frames, at + SOURCE_PORT_AT, FIRST_SOURCE_PORT + (flow & (1 << PORT_BITS) - 1));
      batch.clearRow(i);
      batch.captureTimeNs[i] = now;
      batch.tag[i] = tag;
      batch.linkType[i] = LINKTYPE_ETHERNET;
      batch.l2Offset[i] = at;
      batch.l2Length[i] = L2_BYTES;
      batch.dataOffset[i] = at + L2_BYTES;
      batch.dataLength[i] = frameBytes - L2_BYTES;
    }
    random = x;
    batch.count = FRAMES_AT_ONCE;
  }

  /** Frames that left so far. */
  long packets() {
    return (long) PACKETS.getOpaque(this);
  }

  /** Bytes of IP packets that left so far. */
  long bytes() {
    return (long) BYTES.getOpaque(this);
  }

  @Override
  public DropReason transmit(PacketBatch leaving, int i) {
    PACKETS.setOpaque(this, packets + 1);
    BYTES.setOpaque(this, bytes + leaving.dataLength[i]);
    return DropReason.NONE;
  }

  @Override
  public void settled(PacketBatch settled, int i) {}

  @Override
  public void flush() {}

  @Override
  public void close() {
    going = false;
  }
}
