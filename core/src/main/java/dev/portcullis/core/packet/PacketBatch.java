package dev.portcullis.core.packet;

import java.util.Arrays;

/**
 * Packets as columns over one buffer: row {@code i} of every column belongs to packet {@code i}.
 *
 * <p>The columns are those of the wire ({@code packet_link.proto}); they are public arrays because
 * stages walk over them. Lengths are in bytes, offsets count from the start of {@link #bytes}. A
 * batch has one user at a time; it is handed from thread to thread, never shared. Nothing here
 * allocates after construction but {@link #ensureBytes}.
 */
public final class PacketBatch {

  /** The most packets in one batch; a peer that sends more is refused. */
  public static final int MAX_PACKETS = 1024;

  /**
   * A batch that would have more bytes on the wire than these is sent without the packet that is
   * too much; together with its header a little less than four frames of HTTP/2.
   */
  public static final int TARGET_BYTES = 64 * 1024 - 128;

  /**
   * The longest packet with its link-layer header: 65,535 bytes of IP and 512 of headers and
   * padding.
   */
  public static final int MAX_PACKET_BYTES = 65_535 + 512;

  /** The most bytes of one batch on the wire; a peer that sends more is refused. */
  public static final int MAX_BYTES = TARGET_BYTES + MAX_PACKET_BYTES + 8 * 1024;

  /**
   * {@link #linkType} of a packet whose link-layer header is the encapsulation that it came in
   * with, and goes back with as it is: LINKTYPE_USER0. Only the port that put it there reads it.
   */
  public static final int ENCAPSULATION = 147;

  /** The buffer that all offsets point into. */
  public byte[] bytes;

  /** Number of packets: 0 to {@link #MAX_PACKETS}. */
  public int count;

  /** Capture time in nanoseconds since 1970-01-01T00:00:00Z. */
  public final long[] captureTimeNs = new long[MAX_PACKETS];

  /** Number that the IO module gave the frame, from 1. */
  public final long[] number = new long[MAX_PACKETS];

  /** Upper 64 bits of V. */
  public final long[] vHigh = new long[MAX_PACKETS];

  /** Lower 64 bits of V. */
  public final long[] vLow = new long[MAX_PACKETS];

  /** Traffic class: index into the classes of the distribution table; 0 is the default class. */
  public final int[] trafficClass = new int[MAX_PACKETS];

  /** Bits of {@link PacketFlags}. */
  public final int[] flags = new int[MAX_PACKETS];

  /** Tag of the logical interface that the packet came in by. */
  public final int[] ingressTag = new int[MAX_PACKETS];

  /**
   * In an outcome: id of the drop reason, 0 for forwarded; in a packet: how many frames it stands
   * for besides its own (a reassembled datagram). See {@link #frames}.
   */
  public final int[] reason = new int[MAX_PACKETS];

  /** In an outcome: pieces that left; in a packet: number of this piece, from 0. */
  public final int[] pieces = new int[MAX_PACKETS];

  /**
   * Length of the IP packets that this one is to be cut into, where it is a super-packet: a segment
   * or datagram longer than any link takes, which a port cuts when it puts it out, each piece but
   * the last of this length, its headers included. 0: it is no super-packet.
   */
  public final int[] segmentLength = new int[MAX_PACKETS];

  /** Length of the frame on the wire where it is more than was captured, otherwise 0. */
  public final int[] frameLength = new int[MAX_PACKETS];

  /** LINKTYPE of the link-layer header; 0 where there is none, then the row is an IP packet. */
  public final int[] linkType = new int[MAX_PACKETS];

  /**
   * Tag of the logical interface that the packet is for: of entry on the way to a worker, of exit
   * afterwards.
   */
  public final int[] tag = new int[MAX_PACKETS];

  /** Start of the link-layer header. */
  public final int[] l2Offset = new int[MAX_PACKETS];

  /** Length of the link-layer header; 0: none. */
  public final int[] l2Length = new int[MAX_PACKETS];

  /** Start of the IP packet. */
  public final int[] dataOffset = new int[MAX_PACKETS];

  /** Length of the IP packet with what the frame had behind it. */
  public final int[] dataLength = new int[MAX_PACKETS];

  /** Start of the trace text, in {@link #traceBytes}. */
  public final int[] traceOffset = new int[MAX_PACKETS];

  /** Length of the trace text; 0: none. */
  public final int[] traceLength = new int[MAX_PACKETS];

  /**
   * The buffer that trace offsets point into: {@link #bytes} where the batch came in, or a buffer
   * of its own.
   */
  public byte[] traceBytes;

  /**
   * Makes an empty batch.
   *
   * @param capacityBytes size of the buffer
   */
  public PacketBatch(int capacityBytes) {
    this.bytes = new byte[capacityBytes];
    this.traceBytes = bytes;
  }

  /** Grows the buffer to at least {@code capacityBytes}; what it holds is kept. */
  public void ensureBytes(int capacityBytes) {
    if (bytes.length < capacityBytes) {
      byte[] larger = Arrays.copyOf(bytes, Math.max(capacityBytes, bytes.length * 2));
      if (traceBytes == bytes) {
        traceBytes = larger;
      }
      bytes = larger;
    }
  }

  /**
   * Returns how many of the frames that ports took in row {@code i} stands for, in counters: 0 for
   * a piece after the first, and for what the gateway made itself.
   */
  public int frames(int i) {
    return pieces[i] > 0 || (flags[i] & NO_FRAME) != 0 ? 0 : 1 + reason[i];
  }

  /**
   * Returns the length of the longest IP packet that row {@code i} puts on a wire: of a
   * super-packet that of its pieces. Padding counts.
   */
  public int longest(int i) {
    return segmentLength[i] > 0 ? segmentLength[i] : dataLength[i];
  }

  private static final int NO_FRAME =
      PacketFlags.ORIGINATED | PacketFlags.EVENT | PacketFlags.TICK | PacketFlags.MESSAGE;

  /** Sets all columns of row {@code i} to zero. */
  public void clearRow(int i) {
    captureTimeNs[i] = 0;
    number[i] = 0;
    vHigh[i] = 0;
    vLow[i] = 0;
    trafficClass[i] = 0;
    flags[i] = 0;
    ingressTag[i] = 0;
    reason[i] = 0;
    pieces[i] = 0;
    frameLength[i] = 0;
    segmentLength[i] = 0;
    linkType[i] = 0;
    tag[i] = 0;
    l2Offset[i] = 0;
    l2Length[i] = 0;
    dataOffset[i] = 0;
    dataLength[i] = 0;
    traceOffset[i] = 0;
    traceLength[i] = 0;
  }

  /** Returns the bytes of row {@code i}: link-layer header, packet and trace. */
  public int rowBytes(int i) {
    return l2Length[i] + dataLength[i] + traceLength[i];
  }

  /**
   * Adds a copy of row {@code i} of another batch, with its bytes and trace behind the first {@code
   * used} bytes.
   *
   * @return how many bytes are used then
   */
  public int append(PacketBatch from, int i, int used) {
    int at = used;
    ensureBytes(at + from.rowBytes(i));
    traceBytes = bytes;
    int row = count++;
    copyColumns(row, from, i);
    l2Offset[row] = at;
    l2Length[row] = from.l2Length[i];
    System.arraycopy(from.bytes, from.l2Offset[i], bytes, at, from.l2Length[i]);
    at += from.l2Length[i];
    dataOffset[row] = at;
    dataLength[row] = from.dataLength[i];
    System.arraycopy(from.bytes, from.dataOffset[i], bytes, at, from.dataLength[i]);
    at += from.dataLength[i];
    traceOffset[row] = at;
    traceLength[row] = from.traceLength[i];
    System.arraycopy(from.traceBytes, from.traceOffset[i], bytes, at, from.traceLength[i]);
    return at + from.traceLength[i];
  }

  /** Sets row {@code row} to row {@code i} of another batch, but for its bytes and trace. */
  public void copyColumns(int row, PacketBatch from, int i) {
    captureTimeNs[row] = from.captureTimeNs[i];
    number[row] = from.number[i];
    vHigh[row] = from.vHigh[i];
    vLow[row] = from.vLow[i];
    trafficClass[row] = from.trafficClass[i];
    flags[row] = from.flags[i];
    ingressTag[row] = from.ingressTag[i];
    reason[row] = from.reason[i];
    pieces[row] = from.pieces[i];
    frameLength[row] = from.frameLength[i];
    segmentLength[row] = from.segmentLength[i];
    linkType[row] = from.linkType[i];
    tag[row] = from.tag[i];
  }
}
