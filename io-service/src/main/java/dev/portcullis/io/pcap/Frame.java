package dev.portcullis.io.pcap;

/** One captured frame; reused from frame to frame. */
public final class Frame {

  /** The captured bytes are the first {@link #length} of these. */
  public byte[] bytes = new byte[2048];

  /** Captured bytes. */
  public int length;

  /** Length of the frame on the wire, in bytes: at least {@link #length} in a sane capture. */
  public int wireLength;

  /** LINKTYPE, as registered with tcpdump.org. */
  public int linkType;

  /** Capture time in nanoseconds since 1970-01-01T00:00:00Z. */
  public long timeNs;

  void room(int capacity) {
    if (bytes.length < capacity) {
      bytes = new byte[Math.max(capacity, bytes.length * 2)];
    }
  }
}
