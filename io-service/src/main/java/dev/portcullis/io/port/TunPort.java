package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.offload.Segmenter;
import dev.portcullis.io.offload.VirtioHeader;
import dev.portcullis.io.system.SystemCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Clock;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * Driver {@code tun}: a network device of the kernel whose other end is this port. What the kernel
 * routes to the device comes in, what leaves here comes in at the kernel by the device. Packets
 * have no link layer. What was read is gone from the kernel: it neither answers nor forwards it.
 *
 * <p>With offload, super-packets and packets without checksum pass as they are; without, the kernel
 * hands over and gets packets that are ready for a wire. Each queue is read by a thread of its own;
 * a flow is always written to the same queue.
 */
public final class TunPort implements Port {

  private static final int FRAMES_AT_ONCE = 256;
  private static final int BUFFER_BYTES = VirtioHeader.BYTES + PacketBatch.MAX_PACKET_BYTES;

  private final int tag;
  private final String name;
  private final int mtu;
  private final int headerBytes;
  private final LinkLoop loop;
  private final Clock clock;
  private final Consumer<String> problems;
  private final int[] queues;
  private final Intake[] intakes;
  private final SystemCalls calls = new SystemCalls();
  private final Arena arena = Arena.ofShared();
  private final MemorySegment out = arena.allocate(BUFFER_BYTES, 64);
  private final VirtioHeader offload = new VirtioHeader();
  private final Segmenter segmenter = new Segmenter();
  private final PacketHeader header = new PacketHeader();
  private final byte[] piece = new byte[PacketBatch.MAX_PACKET_BYTES];
  private boolean closed;

  private TunPort(
      int tag, PortSpec port, int[] queues, LinkLoop loop, Clock clock, Consumer<String> problems) {
    this.tag = tag;
    this.name = port.name();
    this.mtu = port.mtu();
    this.headerBytes = Objects.requireNonNull(port.tun()).offload() ? VirtioHeader.BYTES : 0;
    this.loop = loop;
    this.clock = clock;
    this.problems = problems;
    this.queues = queues;
    this.intakes = new Intake[queues.length];
  }

  /**
   * Opens the device.
   *
   * @param port what the configuration says about the port
   * @param loop thread of the IO module
   * @param clock gives the capture time
   * @param problems told, in one sentence each, what goes wrong later
   * @throws dev.portcullis.io.system.SystemException when the device or a privilege is missing
   */
  public static TunPort open(
      int tag, PortSpec port, LinkLoop loop, Clock clock, Consumer<String> problems) {
    return new TunPort(tag, port, TunDevice.open(port), loop, clock, problems);
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
  public void start(FrameSink sink) {
    for (int i = 0; i < queues.length && !closed; i++) {
      intakes[i] = new Intake("port-" + name + "-" + i, new Queue(queues[i]), loop, sink);
      intakes[i].start();
    }
  }

  /** One queue of the device, as its thread reads it. */
  private final class Queue implements FrameSource {
    private final int fd;
    private final SystemCalls calls = new SystemCalls();
    private final MemorySegment in = arena.allocate(BUFFER_BYTES, 64);
    private final VirtioHeader offload = new VirtioHeader();
    private boolean away;

    Queue(int fd) {
      this.fd = fd;
    }

    @Override
    public int descriptor() {
      return fd;
    }

    @Override
    public boolean fill(PacketBatch batch) {
      long nowNs = Live.nowNs(clock);
      int used = 0;
      while (batch.count < FRAMES_AT_ONCE && used < PacketBatch.TARGET_BYTES) {
        int length = calls.read(fd, in, BUFFER_BYTES) - headerBytes;
        if (length <= 0) {
          return length + headerBytes == -SystemCalls.EAGAIN || isHere(length + headerBytes);
        }
        away = false;
        batch.ensureBytes(used + length);
        MemorySegment.copy(in, JAVA_BYTE, headerBytes, batch.bytes, used, length);
        int i = batch.count++;
        Live.row(batch, i, tag, nowNs);
        int version = batch.bytes[used] >>> 4 & 0xf;
        boolean ip = version == 4 || version == 6;
        batch.flags[i] = ip ? 0 : PacketFlags.NON_IP;
        batch.l2Offset[i] = used;
        batch.l2Length[i] = ip ? 0 : length;
        batch.dataOffset[i] = used + batch.l2Length[i];
        batch.dataLength[i] = length - batch.l2Length[i];
        if (headerBytes > 0) {
          offload.take(in, 0, 0, batch, i);
        }
        used += length;
      }
      return true;
    }

    /** The device is down, or gone; says so once. Returns false: it is asked again later. */
    private boolean isHere(int result) {
      if (!away && !closed) {
        away = true;
        problems.accept(
            "port " + name + ": the device cannot be read: " + SystemCalls.describe(result) + ".");
      }
      return false;
    }
  }

  @Override
  public DropReason transmit(PacketBatch batch, int i) {
    if (closed) {
      return DropReason.PORT_CLOSED;
    }
    if ((batch.flags[i] & PacketFlags.NON_IP) != 0 || batch.dataLength[i] == 0) {
      return DropReason.NON_IP;
    }
    int segment = batch.segmentLength[i];
    if (batch.longest(i) > mtu) {
      return DropReason.MTU_EXCEEDED;
    }
    int queue = queues.length == 1 ? 0 : Live.flowOf(batch, i, queues.length);
    if (headerBytes > 0) {
      offload.put(batch, i, out, 0, 0);
      return write(queue, batch.bytes, batch.dataOffset[i], batch.dataLength[i]);
    }
    return segment > 0 ? cut(queue, batch, i) : whole(queue, batch, i);
  }

  private DropReason whole(int queue, PacketBatch batch, int i) {
    byte[] bytes = batch.bytes;
    if ((batch.flags[i] & PacketFlags.CHECKSUM_MISSING) != 0
        && header.parse(bytes, batch.dataOffset[i], batch.dataLength[i]) == PacketHeader.OK) {
      Checksum.complete(bytes, header);
    }
    return write(queue, bytes, batch.dataOffset[i], batch.dataLength[i]);
  }

  /** Writes the pieces of a super-packet: it has left when the last of them has. */
  private DropReason cut(int queue, PacketBatch batch, int i) {
    int segment = batch.segmentLength[i];
    if (!segmenter.begin(batch.bytes, batch.dataOffset[i], batch.dataLength[i], segment)) {
      return DropReason.MALFORMED;
    }
    DropReason result = DropReason.NONE;
    int length;
    while (result == DropReason.NONE && (length = segmenter.next(piece, 0)) > 0) {
      result = write(queue, piece, 0, length);
    }
    return result;
  }

  private DropReason write(int queue, byte[] bytes, int offset, int length) {
    MemorySegment.copy(bytes, offset, out, JAVA_BYTE, headerBytes, length);
    int written = calls.write(queues[queue], out, headerBytes + length);
    if (written >= 0) {
      return DropReason.NONE;
    }
    return switch (-written) {
      case SystemCalls.EIO, SystemCalls.EBADFD, SystemCalls.ENETDOWN -> DropReason.PORT_CLOSED;
      case SystemCalls.EAGAIN, SystemCalls.ENOBUFS -> DropReason.PORT_FULL;
      default -> DropReason.WRITE_FAILED;
    };
  }

  @Override
  public long nowNs() {
    return Live.nowNs(clock);
  }

  /** Nothing comes: the port never asks about frames. */
  @Override
  public void settled(PacketBatch batch, int i) {}

  @Override
  public void flush() {}

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    boolean ended = true;
    for (Intake it : intakes) {
      ended &= it == null || it.close();
    }
    if (ended) {
      for (int fd : queues) {
        calls.close(fd);
      }
      arena.close();
    }
  }
}
