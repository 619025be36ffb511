package dev.portcullis.io.pcap;

import java.io.IOException;

/** The classic format: draft-ietf-opsawg-pcap, with its nanosecond and modified forms. */
final class PcapReader implements CaptureReader {

  private static final long MICROSECONDS = 0xa1b2c3d4L;
  private static final long NANOSECONDS = 0xa1b23c4dL;
  private static final long MODIFIED = 0xa1b2cd34L;

  private final Source source;
  private final boolean nanoseconds;
  private final int recordHeader;
  private final int linkType;
  private final byte[] header = new byte[24];
  private long frames;

  private PcapReader(Source source, boolean nanoseconds, int recordHeader, int linkType) {
    this.source = source;
    this.nanoseconds = nanoseconds;
    this.recordHeader = recordHeader;
    this.linkType = linkType;
  }

  static PcapReader open(Source source, long magic) throws IOException {
    long value = magic;
    source.littleEndian =
        Integer.reverseBytes((int) magic) == (int) MICROSECONDS
            || Integer.reverseBytes((int) magic) == (int) NANOSECONDS
            || Integer.reverseBytes((int) magic) == (int) MODIFIED;
    if (source.littleEndian) {
      value = Integer.reverseBytes((int) magic) & 0xffff_ffffL;
    }
    if (value != MICROSECONDS && value != NANOSECONDS && value != MODIFIED) {
      throw new CaptureDamagedException(
          source.file
              + ": begins with 0x"
              + Long.toHexString(magic)
              + " and so is not a pcap or pcapng capture");
    }
    byte[] header = new byte[20];
    if (source.read(header, 0, 20) < 20) {
      throw new CaptureDamagedException(source.file + ": the header of the pcap file is cut off");
    }
    int linkType = (int) (source.u32(header, 16) & 0xffff);
    return new PcapReader(source, value == NANOSECONDS, value == MODIFIED ? 24 : 16, linkType);
  }

  @Override
  public boolean next(Frame into) throws IOException {
    if (source.atEnd()) {
      return false;
    }
    long at = source.offset();
    if (source.read(header, 0, recordHeader) < recordHeader) {
      throw damaged(at, "the header of the frame is cut off");
    }
    long captured = source.u32(header, 8);
    if (captured > MAX_FRAME_BYTES) {
      throw damaged(
          at, "a frame of " + captured + " bytes; up to " + MAX_FRAME_BYTES + " are read");
    }
    into.room((int) captured);
    int there = source.read(into.bytes, 0, (int) captured);
    if (there < captured) {
      throw damaged(at, "the frame has " + there + " of its " + captured + " bytes");
    }
    frames++;
    into.length = (int) captured;
    into.wireLength = (int) Math.min(Integer.MAX_VALUE, source.u32(header, 12));
    into.linkType = linkType;
    into.timeNs =
        source.u32(header, 0) * 1_000_000_000L + source.u32(header, 4) * (nanoseconds ? 1 : 1000);
    return true;
  }

  private CaptureDamagedException damaged(long at, String what) {
    return new CaptureDamagedException(
        source.file + ": damaged after frame " + frames + ", at byte " + at + ": " + what);
  }

  @Override
  public void close() throws IOException {
    source.close();
  }
}
