package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.offload.Segmenter;
import dev.portcullis.io.pcap.CaptureReader;
import dev.portcullis.io.pcap.Frame;
import dev.portcullis.io.pcap.LinkLayer;
import dev.portcullis.io.pcap.PcapngWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Driver {@code pcap}: frames are read from capture files, one after the other, and written to a
 * pcapng file in the order in which they leave. Lossless: it reads no further while {@link
 * #MAX_UNSETTLED_FRAMES} or {@link #MAX_UNSETTLED_BYTES} of its frames are inside the gateway,
 * which is less than the smallest queue there.
 */
public final class PcapPort implements Port {

  /** The most frames of this port inside the gateway. */
  public static final int MAX_UNSETTLED_FRAMES = 2048;

  /**
   * The most bytes of this port inside the gateway; when it is reached, the port waits until none
   * is left inside.
   */
  public static final int MAX_UNSETTLED_BYTES = 512 * 1024;

  private static final int FRAMES_AT_ONCE = 256;
  private static final int LINKTYPE_RAW = 101;

  private final int tag;
  private final String name;
  private final List<Path> files;
  private final @Nullable PcapngWriter out;
  private final LinkLoop loop;
  private final Consumer<String> problems;
  private final PacketBatch batch = new PacketBatch(PacketBatch.MAX_BYTES);
  private final Frame frame = new Frame();
  private final LinkLayer linkLayer = new LinkLayer();

  private final PacketHeader header = new PacketHeader();
  private final Segmenter segmenter = new Segmenter();
  private final PacketBatch piece = new PacketBatch(PacketBatch.MAX_PACKET_BYTES);

  private @Nullable FrameSink sink;
  private @Nullable CaptureReader reader;
  private int nextFile;
  private boolean pending;
  private boolean scheduled;
  private boolean ended;
  private boolean writeFailed;
  private long newestNs;
  private long endedAtNs;
  private int unsettledFrames;
  private int bytesSinceNoneWasInside;

  /**
   * Makes the port; files are opened when it starts.
   *
   * @param files captures to read, in order; may be empty
   * @param out where frames that leave are written; null: they are counted and forgotten
   * @param loop thread of the IO module
   * @param problems told, in one sentence each, what is wrong with a file
   */
  public PcapPort(
      int tag,
      String name,
      List<Path> files,
      @Nullable PcapngWriter out,
      LinkLoop loop,
      Consumer<String> problems) {
    this.tag = tag;
    this.name = name;
    this.files = List.copyOf(files);
    this.out = out;
    this.loop = loop;
    this.problems = problems;
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
    schedule();
  }

  private void schedule() {
    if (!scheduled && !ended) {
      scheduled = true;
      loop.execute(this::pump);
    }
  }

  /**
   * Reads a batch and hands it on; comes back by itself until the bound is reached or the input
   * ends.
   */
  private void pump() {
    scheduled = false;
    FrameSink to = sink;
    if (ended || to == null) {
      return;
    }
    batch.count = 0;
    int used = 0;
    while (batch.count < FRAMES_AT_ONCE && mayTake() && fill()) {
      if (used + frame.length > PacketBatch.TARGET_BYTES && used > 0) {
        break;
      }
      used = append(used);
      pending = false;
    }
    boolean more = batch.count > 0;
    if (more) {
      to.take(batch);
    }
    if (more && mayTake()) {
      schedule();
    }
  }

  private boolean mayTake() {
    return unsettledFrames < MAX_UNSETTLED_FRAMES && bytesSinceNoneWasInside < MAX_UNSETTLED_BYTES;
  }

  /** Makes sure that {@link #frame} holds a frame that was not handed on yet. */
  private boolean fill() {
    while (!pending) {
      CaptureReader current = reader;
      if (current == null) {
        if (nextFile == files.size()) {
          ended = true;
          endedAtNs = System.nanoTime();
          return false;
        }
        try {
          reader = CaptureReader.open(files.get(nextFile++));
        } catch (IOException e) {
          problems.accept(e.getMessage());
        }
        continue;
      }
      try {
        pending = current.next(frame);
      } catch (IOException e) {
        problems.accept(e.getMessage());
      }
      if (!pending) {
        closeReader(current);
      }
    }
    return true;
  }

  private void closeReader(CaptureReader current) {
    reader = null;
    try {
      current.close();
    } catch (IOException e) {
      problems.accept(e.getMessage());
    }
  }

  private int append(int used) {
    int i = batch.count++;
    batch.clearRow(i);
    batch.ensureBytes(used + frame.length);
    System.arraycopy(frame.bytes, 0, batch.bytes, used, frame.length);
    linkLayer.parse(frame);
    batch.tag[i] = tag;
    batch.captureTimeNs[i] = frame.timeNs;
    newestNs = Math.max(newestNs, frame.timeNs);
    batch.flags[i] = PacketFlags.REPORT;
    if (!linkLayer.ip) {
      batch.flags[i] |=
          PacketFlags.NON_IP | (linkLayer.knownLinkType ? 0 : PacketFlags.UNKNOWN_LINK_TYPE);
    }
    int l2Length = linkLayer.ip ? linkLayer.l2Length : frame.length;
    batch.linkType[i] = frame.linkType;
    batch.l2Offset[i] = used;
    batch.l2Length[i] = l2Length;
    batch.dataOffset[i] = used + l2Length;
    batch.dataLength[i] = frame.length - l2Length;
    batch.frameLength[i] = frame.wireLength > frame.length ? frame.wireLength : 0;
    unsettledFrames++;
    bytesSinceNoneWasInside += frame.length;
    return used + frame.length;
  }

  /**
   * The newest time of the frames that were handed on; from the end of the input on it goes on with
   * the wall clock. So no timer runs ahead of a capture, however fast it is played, and flows end
   * after it as they would have. 0 for a port that reads nothing.
   */
  @Override
  public long nowNs() {
    return newestNs == 0 || endedAtNs == 0 ? newestNs : newestNs + (System.nanoTime() - endedAtNs);
  }

  @Override
  public void settled(PacketBatch settled, int i) {
    int flags = settled.flags[i];
    // what is held counts no longer: the worker bounds it
    if ((flags & PacketFlags.OUTCOME) == 0 || (flags & PacketFlags.WAS_HELD) != 0) {
      return;
    }
    unsettledFrames--;
    if (unsettledFrames == 0) {
      bytesSinceNoneWasInside = 0;
    }
    if (mayTake()) {
      schedule();
    }
  }

  @Override
  public DropReason transmit(PacketBatch leaving, int i) {
    if (writeFailed) {
      return DropReason.WRITE_FAILED;
    }
    if (out == null) {
      return DropReason.NONE;
    }
    if ((leaving.flags[i] & PacketFlags.CHECKSUM_MISSING) != 0) {
      return leaving.segmentLength[i] > 0 ? cut(leaving, i) : complete(leaving, i);
    }
    return write(leaving, i);
  }

  /** A live port has left the checksum to us. */
  private DropReason complete(PacketBatch leaving, int i) {
    if (header.parse(leaving.bytes, leaving.dataOffset[i], leaving.dataLength[i])
        == PacketHeader.OK) {
      Checksum.complete(leaving.bytes, header);
    }
    return write(leaving, i);
  }

  /** A live port has left it to us to cut a super-packet. */
  private DropReason cut(PacketBatch leaving, int i) {
    if (!segmenter.begin(
        leaving.bytes, leaving.dataOffset[i], leaving.dataLength[i], leaving.segmentLength[i])) {
      return DropReason.MALFORMED;
    }
    int l2 = leaving.l2Length[i];
    System.arraycopy(leaving.bytes, leaving.l2Offset[i], piece.bytes, 0, l2);
    piece.clearRow(0);
    piece.captureTimeNs[0] = leaving.captureTimeNs[i];
    piece.linkType[0] = leaving.linkType[i];
    piece.l2Length[0] = l2;
    piece.dataOffset[0] = l2;
    DropReason result = DropReason.NONE;
    while (result == DropReason.NONE
        && (piece.dataLength[0] = segmenter.next(piece.bytes, l2)) > 0) {
      result = write(piece, 0);
    }
    return result;
  }

  private DropReason write(PacketBatch leaving, int i) {
    PcapngWriter to = Objects.requireNonNull(out);
    try {
      boolean framed = leaving.l2Length[i] > 0 || leaving.linkType[i] != 0;
      to.write(
          framed ? leaving.linkType[i] : LINKTYPE_RAW,
          leaving.captureTimeNs[i],
          leaving.bytes,
          leaving.l2Offset[i],
          leaving.l2Length[i],
          leaving.dataOffset[i],
          leaving.dataLength[i],
          Math.max(leaving.frameLength[i], leaving.l2Length[i] + leaving.dataLength[i]));
      return DropReason.NONE;
    } catch (IOException e) {
      writeFailed = true;
      problems.accept(e.getMessage());
      return DropReason.WRITE_FAILED;
    }
  }

  @Override
  public void flush() {}

  @Override
  public void close() {
    ended = true;
    if (reader != null) {
      closeReader(reader);
    }
    if (out != null && !writeFailed) {
      try {
        out.close();
      } catch (IOException e) {
        problems.accept(e.getMessage());
      }
    }
  }
}
