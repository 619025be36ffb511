package dev.portcullis.worker.event;

import dev.portcullis.core.event.EveLine;
import java.util.Arrays;

/**
 * Events for ports of entry that wait for the next tick, in order. A replay asks for them with
 * ticks and says how many bytes it takes at a time, so that they never crowd out packets. At most
 * {@link #MAX_BYTES} wait; more are lost and counted. Thread: one shard.
 */
final class Backlog {

  /** The most bytes that wait. */
  static final int MAX_BYTES = 64 << 20;

  private static final int COLUMNS = 4;

  private byte[] bytes = new byte[0];
  private int from;
  private int to;
  private long[] rows = new long[0];
  private int firstRow;
  private int lastRow;
  private long lost;

  /** Takes a row that waits. */
  interface Sender {

    /**
     * Sends an event.
     *
     * @param ingressTag tag of the port that it goes to
     * @param number number of the frame that caused it, 0: time did
     * @param timeNs what events that time caused are ordered by
     * @return false when there is no room
     */
    boolean send(
        int ingressTag, long number, long timeNs, long flowId, byte[] bytes, int at, int n);
  }

  void add(int ingressTag, long number, long timeNs, long flowId, EveLine line) {
    int length = line.length();
    if (to - from + length > MAX_BYTES) {
      lost++;
      return;
    }
    if (to + length > bytes.length) {
      makeRoom(length);
    }
    System.arraycopy(line.bytes(), 0, bytes, to, length);
    to += length;
    if ((lastRow + 1) * COLUMNS > rows.length) {
      rows = Arrays.copyOf(rows, Math.max(64, rows.length * 2));
    }
    int at = lastRow++ * COLUMNS;
    rows[at] = (long) ingressTag << 32 | length;
    rows[at + 1] = number;
    rows[at + 2] = timeNs;
    rows[at + 3] = flowId;
  }

  private void makeRoom(int length) {
    int waiting = to - from;
    byte[] larger = new byte[Math.max(64 * 1024, Math.max(waiting * 2, waiting + length))];
    System.arraycopy(bytes, from, larger, 0, waiting);
    bytes = larger;
    from = 0;
    to = waiting;
  }

  /** Sends events until {@code budget} bytes are used or there is no room. */
  void drain(Sender sender, int budget) {
    int end = from + Math.max(1, budget);
    while (firstRow < lastRow && from < end) {
      int at = firstRow * COLUMNS;
      int length = (int) rows[at];
      if (!sender.send(
          (int) (rows[at] >>> 32), rows[at + 1], rows[at + 2], rows[at + 3], bytes, from, length)) {
        return;
      }
      from += length;
      firstRow++;
    }
    if (firstRow == lastRow) {
      firstRow = 0;
      lastRow = 0;
      from = 0;
      to = 0;
    }
  }

  /** Bytes that wait. */
  int waiting() {
    return to - from;
  }

  /** Events that found no room. */
  long lost() {
    return lost;
  }
}
