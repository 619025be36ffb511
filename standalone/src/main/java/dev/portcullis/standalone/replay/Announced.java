package dev.portcullis.standalone.replay;

import dev.portcullis.core.wire.FtpLine;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.PayloadChanges;
import dev.portcullis.core.wire.TcpNumbers;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the gateway has rewritten in commands of FTP clients ({@code PORT}, {@code EPRT}), and what
 * a real server would do about it that a recorded one does not: it opens the data connection to the
 * address and port that it reads, and acknowledges the bytes that it gets. Thread: one.
 */
final class Announced {

  /** The most connections whose numbers are known to be shifted; others stay as recorded. */
  private static final int MAX_CONNECTIONS = 1 << 12;

  /** The most announcements that wait for their connection; a new one takes an old one's place. */
  private static final int MAX_WAITING = 1 << 10;

  private final FtpLine before = new FtpLine();
  private final FtpLine after = new FtpLine();
  private final Map<Integer, PayloadChanges> changes = new HashMap<>();

  private final long[] high = new long[MAX_WAITING];
  private final long[] low = new long[MAX_WAITING];
  private final int[] port = new int[MAX_WAITING];
  private final long[] toHigh = new long[MAX_WAITING];
  private final long[] toLow = new long[MAX_WAITING];
  private final int[] toPort = new int[MAX_WAITING];
  private int count;

  /** Entries of the flow book mean nothing any more. */
  void forget() {
    changes.clear();
  }

  /**
   * Compares a request with what left for it.
   *
   * @param entry its flow in the flow book
   */
  void learn(int entry, byte[] bytes, PacketHeader h, byte[] leftBytes, PacketHeader leftHeader) {
    if (h.protocol != PacketHeader.TCP || !h.hasPorts || h.fragment || !leftHeader.hasPorts) {
      return;
    }
    int start = TcpNumbers.payload(bytes, h);
    int leftStart = TcpNumbers.payload(leftBytes, leftHeader);
    int at = start;
    int leftAt = leftStart;
    while (at >= 0 && at < h.end && leftAt >= 0 && isCommand(bytes[at])) {
      int kind = before.read(bytes, at, h.end, false);
      int leftKind = after.read(leftBytes, leftAt, leftHeader.end, false);
      if (kind != FtpLine.NONE && kind == leftKind && !isSame()) {
        expect();
        int sequence = TcpNumbers.sequence(bytes, h) + before.start - start;
        change(entry, sequence, before.end - before.start, after.end - after.start);
      }
      at = before.next;
      leftAt = after.next;
    }
  }

  private static boolean isCommand(byte first) {
    return first >= 'A' && first <= 'Z' || first >= 'a' && first <= 'z';
  }

  private boolean isSame() {
    return before.high == after.high && before.low == after.low && before.port == after.port;
  }

  private void expect() {
    int i = find(before.high, before.low, before.port);
    if (i < 0) {
      i = count++ % MAX_WAITING;
    }
    high[i] = before.high;
    low[i] = before.low;
    port[i] = before.port;
    toHigh[i] = after.high;
    toLow[i] = after.low;
    toPort[i] = after.port;
  }

  private int find(long wantedHigh, long wantedLow, int wantedPort) {
    for (int i = 0; i < Math.min(count, MAX_WAITING); i++) {
      if (port[i] == wantedPort && low[i] == wantedLow && high[i] == wantedHigh) {
        return i;
      }
    }
    return -1;
  }

  private void change(int entry, int position, int length, int lengthAfter) {
    PayloadChanges known = changes.get(entry);
    if (known == null) {
      if (changes.size() == MAX_CONNECTIONS) {
        return;
      }
      known = new PayloadChanges();
      changes.put(entry, known);
    }
    if (known.isEmpty() || position - known.position(0) > 0) {
      known.add(position, length, new byte[lengthAfter]);
    }
  }

  /**
   * Notes in the flow book that a connection which a server opens is one that it was told of: it
   * comes in as replies do, to the address and port that the server has read.
   *
   * @param h the packet of the book's last look-up
   * @param entry its flow
   */
  void open(FlowBook book, PacketHeader h, int entry) {
    if (count == 0 || (h.tcpFlags & (PacketHeader.SYN | PacketHeader.ACK)) != PacketHeader.SYN) {
      return;
    }
    int i = find(h.destinationHigh, h.destinationLow, h.destinationPort);
    if (i >= 0) {
      port[i] = 0;
      book.announced(entry, h, toHigh[i], toLow[i], toPort[i]);
    }
  }

  /** Makes a recorded reply acknowledge what has left the gateway. */
  void acknowledge(int entry, byte[] bytes, PacketHeader h) {
    if (changes.isEmpty() || h.protocol != PacketHeader.TCP || !h.hasPorts || h.fragment) {
      return;
    }
    @Nullable PayloadChanges known = changes.get(entry);
    if (known != null) {
      TcpNumbers.acknowledgeChanged(bytes, h, known);
    }
  }
}
