package dev.portcullis.standalone.replay;

import dev.portcullis.core.packet.PacketBatch;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a replay has to write, kept back behind frames of which it is not known yet what becomes of
 * them, so that files are in order of frames and pieces. At most {@link #MAX_BYTES}; then it no
 * longer waits for the frames that it waits for, and what comes of them stands where it came.
 * Thread: one.
 */
final class Backlog {

  /** The most bytes that are kept back. */
  static final long MAX_BYTES = 64L << 20;

  private static final int PIECE_BITS = 16;

  private final TreeSet<Long> waiting = new TreeSet<>();
  private final TreeMap<Long, Object> entries = new TreeMap<>();
  private final long maxBytes;
  private long bytes;

  /** A piece that left a port: row 0 of what {@link Writer#piece} gets. */
  private record Piece(
      int tag, int linkType, long timeNs, int frameLength, int l2Length, byte[] bytes) {}

  /** Writes what need not wait any longer. */
  interface Writer {

    /** Writes row {@code i}. */
    void piece(PacketBatch batch, int i) throws ReplayException;

    /** Writes what became of a frame. */
    void line(String line) throws ReplayException;
  }

  Backlog() {
    this(MAX_BYTES);
  }

  Backlog(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** It is not known yet what becomes of this frame. */
  void waits(long number) {
    waiting.add(number);
  }

  /** It is known now what became of this frame. */
  void known(long number) {
    waiting.remove(number);
  }

  /** Whether anything must be kept back. */
  boolean isActive() {
    return !waiting.isEmpty() || !entries.isEmpty();
  }

  /** Keeps a copy of a piece. */
  void piece(PacketBatch batch, int i) {
    int l2 = batch.l2Length[i];
    byte[] copy = new byte[l2 + batch.dataLength[i]];
    System.arraycopy(batch.bytes, batch.l2Offset[i], copy, 0, l2);
    System.arraycopy(batch.bytes, batch.dataOffset[i], copy, l2, batch.dataLength[i]);
    Piece piece =
        new Piece(
            batch.tag[i],
            batch.linkType[i],
            batch.captureTimeNs[i],
            batch.frameLength[i],
            l2,
            copy);
    int order = Math.min(batch.pieces[i], (1 << PIECE_BITS) - 2) + 1;
    entries.put(batch.number[i] << PIECE_BITS | order, piece);
    bytes += copy.length + 100;
  }

  /** Keeps what became of a frame. */
  void line(long number, String line) {
    entries.put(number << PIECE_BITS, line);
    bytes += line.length() + 100;
  }

  /** Writes everything that stands before the first frame that is waited for. */
  void drain(Writer to) throws ReplayException {
    if (bytes > maxBytes) {
      waiting.clear();
    }
    long end = waiting.isEmpty() ? Long.MAX_VALUE : waiting.first() << PIECE_BITS;
    PacketBatch row = new PacketBatch(0);
    for (Map.Entry<Long, Object> it = entries.firstEntry();
        it != null && it.getKey() < end;
        it = entries.firstEntry()) {
      entries.remove(it.getKey());
      if (it.getValue() instanceof Piece piece) {
        bytes -= piece.bytes.length + 100;
        load(row, it.getKey() >>> PIECE_BITS, piece);
        to.piece(row, 0);
      } else {
        String line = (String) it.getValue();
        bytes -= line.length() + 100;
        to.line(line);
      }
    }
  }

  private static void load(PacketBatch row, long number, Piece piece) {
    row.clearRow(0);
    row.bytes = piece.bytes;
    row.number[0] = number;
    row.tag[0] = piece.tag;
    row.linkType[0] = piece.linkType;
    row.captureTimeNs[0] = piece.timeNs;
    row.frameLength[0] = piece.frameLength;
    row.l2Length[0] = piece.l2Length;
    row.dataOffset[0] = piece.l2Length;
    row.dataLength[0] = piece.bytes.length - piece.l2Length;
    row.count = 1;
  }
}
