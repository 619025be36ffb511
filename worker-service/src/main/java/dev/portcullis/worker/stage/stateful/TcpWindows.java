package dev.portcullis.worker.stage.stateful;

import static dev.portcullis.worker.flow.FlowTable.TCP;
import static dev.portcullis.worker.flow.FlowTable.WINDOWS;

import dev.portcullis.core.wire.PacketHeader;

/**
 * Which sequence numbers a TCP connection may use now: Guido van Rooij, "Real Stateful TCP Packet
 * Filtering in IP Filter" (2000), with the bounds that Linux conntrack has for acknowledgements,
 * window scaling (RFC 7323) and SACK (RFC 2018).
 *
 * <p>Of each side the flow has, in the words from {@code WINDOWS + 2 * direction}: {@code end}, the
 * number behind all that it has sent, and {@code limit}, up to which it may send (upper and lower
 * half); {@code acked}, up to where it has acknowledged the other side (its own first number while
 * nothing is known of the other), and {@code window}, the largest that it has offered, in bytes; 0:
 * it has sent nothing yet. A segment of the sender fits when
 *
 * <ol>
 *   <li>{@code seq <= sender.limit}: it may send that far,
 *   <li>{@code end >= sender.end - receiver.window}: it is not older than what can still be
 *       missing,
 *   <li>{@code ack <= receiver.end}: it acknowledges what was sent,
 *   <li>{@code ack >= receiver.end - max(sender.window, 66000)}: not too late.
 * </ol>
 *
 * All numbers of a side are its own, before the gateway shifts any ({@link TcpSegment}). The word
 * {@code TCP} has scales, what was offered, and the last segment that passed without effect.
 */
final class TcpWindows {

  /** {@link #check}: fits, and the windows know it now. */
  static final int IN = 0;

  /** {@link #check}: violates 2 or 4; repeats what has arrived, or is overtaken. */
  static final int OLD = 1;

  /** {@link #check}: violates 1 or 3. */
  static final int OUT = 2;

  /** How late an acknowledgement may be, whatever the window: conntrack's MAXACKWINCONST. */
  private static final int LEAST_ACK_WINDOW = 66_000;

  /** Stands for the window of a SYN that passed without effect: the largest one without scale. */
  private static final int UNSCALED_WINDOW = 65_535;

  /** Bits of the word {@code TCP}; scales of both sides stand in bits 0 to 7. */
  private static final int OFFERED_SCALE = 1 << 8, OFFERED_SACK = 1 << 10;

  /** Bit: picked up mid-stream; the scales are not known. */
  static final int LIBERAL = 1 << 12;

  /** Bit: both sides have opened at once. */
  static final int SIMULTANEOUS = 1 << 13;

  /** Bits: what passed last without effect; its scale in bits 16 to 19, its number in 32 to 63. */
  static final int PASSED_SYN = 1 << 14, PASSED_ACK = 1 << 15;

  private static final int PASSED_SCALE_SHIFT = 16;
  private static final int PASSED_OFFERED_SCALE = 1 << 20, PASSED_OFFERED_SACK = 1 << 21;
  private static final long PASSED =
      0xffff_ffff_0000_0000L
          | 0xf << PASSED_SCALE_SHIFT
          | PASSED_SYN
          | PASSED_ACK
          | PASSED_OFFERED_SCALE
          | PASSED_OFFERED_SACK;

  private TcpWindows() {}

  private static int sender(int at, int direction) {
    return at + WINDOWS + 2 * direction;
  }

  private static int high(long word) {
    return (int) (word >>> 32);
  }

  private static long pair(int high, int low) {
    return (long) high << 32 | low & 0xffff_ffffL;
  }

  private static int atMost(long window) {
    return (int) Math.min(window, Integer.MAX_VALUE);
  }

  /** Number behind all that a side has sent. */
  static int end(long[] w, int at, int direction) {
    return high(w[sender(at, direction)]);
  }

  /** Up to where a side may send. */
  static int limit(long[] w, int at, int direction) {
    return (int) w[sender(at, direction)];
  }

  /** Up to where a side has acknowledged the other. */
  static int acked(long[] w, int at, int direction) {
    return high(w[sender(at, direction) + 1]);
  }

  /** Whether a side has sent anything that counts. */
  static boolean isKnown(long[] w, int at, int direction) {
    return (int) w[sender(at, direction) + 1] != 0;
  }

  /** Whether a segment acknowledges anything: a RST of some stacks says ACK and means nothing. */
  static boolean acknowledges(TcpSegment t) {
    return (t.flags & PacketHeader.ACK) != 0 && (t.ack != 0 || (t.flags & PacketHeader.RST) == 0);
  }

  /**
   * Says whether a segment fits a connection whose both sides are known, and if it does, moves the
   * windows.
   *
   * @param w array that has the words of the flow
   * @param at place of the first
   */
  static int check(long[] w, int at, int direction, TcpSegment t, byte[] bytes) {
    int sender = sender(at, direction);
    int receiver = sender(at, 1 - direction);
    long tcp = w[at + TCP];
    if (t.hasOptions() && (tcp & OFFERED_SACK << 1 - direction) != 0) {
      t.readSack(bytes);
    }
    int end = high(w[sender]);
    int window = (int) w[sender + 1];
    int limit = (int) w[sender];
    int receiverEnd = high(w[receiver]);
    int receiverWindow = (int) w[receiver + 1];
    boolean acknowledges = acknowledges(t);
    int ack = acknowledges ? t.ack : receiverEnd;
    int sack = acknowledges ? t.sack : receiverEnd;
    int fit = fit(t, end, limit, receiverWindow, sack, receiverEnd, window);
    if (fit != IN) {
      return fit;
    }
    int scale = (t.flags & PacketHeader.SYN) != 0 ? 0 : (int) tcp >>> 4 * direction & 0xf;
    int offered = t.window << scale;
    int acked = high(w[sender + 1]);
    if (t.end - end > 0) {
      w[sender] = pair(t.end, limit);
    }
    int largest = Math.max(window, atMost((long) offered + (sack - ack)));
    boolean acknowledgesMore = acknowledges && ack - acked > 0;
    if (acknowledgesMore || largest != window) {
      w[sender + 1] = pair(acknowledgesMore ? ack : acked, largest);
    }
    if (t.end - limit > 0) {
      // a probe of a closed window, or one byte too many
      w[receiver + 1] =
          pair(high(w[receiver + 1]), atMost((long) receiverWindow + (t.end - limit)));
    }
    int receiverLimit = ack + offered + (offered == 0 ? 1 : 0);
    if (receiverLimit - (int) w[receiver] > 0) {
      w[receiver] = pair(receiverEnd, receiverLimit);
    }
    return IN;
  }

  private static int fit(
      TcpSegment t, int end, int limit, int receiverWindow, int sack, int receiverEnd, int window) {
    if (t.seq - limit > 0 || sack - receiverEnd > 0) {
      return OUT;
    }
    boolean old =
        t.end - (end - receiverWindow) < 0
            || sack - (receiverEnd - Math.max(window, LEAST_ACK_WINDOW)) < 0;
    return old ? OLD : IN;
  }

  /** Begins with the SYN of a side; nothing is known of the other. */
  static void begin(long[] w, int at, int direction, TcpSegment syn, byte[] bytes) {
    int sender = sender(at, direction);
    syn.readOptionsOfSyn(bytes);
    w[sender] = pair(syn.end, syn.end);
    w[sender + 1] = pair(syn.seq, Math.max(1, syn.window));
    offers(w, at, direction, syn.scale, syn.sackPermitted);
  }

  private static void offers(long[] w, int at, int direction, int scale, boolean sack) {
    long tcp = w[at + TCP];
    tcp &= ~((long) (OFFERED_SCALE | OFFERED_SACK) << direction | 0xfL << 4 * direction);
    if (scale >= 0) {
      tcp |= (long) OFFERED_SCALE << direction | (long) scale << 4 * direction;
    }
    if (sack) {
      tcp |= (long) OFFERED_SACK << direction;
    }
    w[at + TCP] = tcp;
  }

  /**
   * Takes the SYN of the second side, with or without ACK. Both sides must have offered to scale:
   * RFC 7323 section 2.2.
   *
   * @return whether it acknowledges the first SYN, if it acknowledges anything; otherwise nothing
   *     has changed
   */
  static boolean answer(long[] w, int at, int direction, TcpSegment syn, byte[] bytes) {
    int sender = sender(at, direction);
    int receiver = sender(at, 1 - direction);
    int receiverEnd = high(w[receiver]);
    int receiverWindow = (int) w[receiver + 1];
    int acked = high(w[receiver + 1]);
    if (acknowledges(syn)) {
      if (!acknowledgesFirst(w, at, direction, syn)) {
        return false;
      }
      acked = syn.ack;
      w[receiver] = pair(receiverEnd, syn.ack + syn.window);
    }
    syn.readOptionsOfSyn(bytes);
    w[sender] = pair(syn.end, syn.end + receiverWindow);
    w[sender + 1] = pair(acked, Math.max(1, syn.window));
    w[receiver + 1] = pair(syn.seq, receiverWindow);
    offers(w, at, direction, syn.scale, syn.sackPermitted);
    long both = (long) OFFERED_SCALE << 1 | OFFERED_SCALE;
    if ((w[at + TCP] & both) != both) {
      w[at + TCP] &= ~0xffL;
    }
    return true;
  }

  /**
   * Whether the first segment of a side acknowledges the SYN of the other: RFC 9293 section
   * 3.10.7.3.
   */
  static boolean acknowledgesFirst(long[] w, int at, int direction, TcpSegment t) {
    int other = sender(at, 1 - direction);
    return t.ack - high(w[other + 1]) > 0 && t.ack - high(w[other]) <= 0;
  }

  /** Whether a SYN-ACK of the second side is a repeated one of this connection. */
  static boolean isRepeated(long[] w, int at, TcpSegment synAck) {
    int sent = end(w, at, 1) - synAck.end;
    int sentByFirst = end(w, at, 0) - synAck.ack;
    return isKnown(w, at, 1)
        && sent >= 0
        && sent <= UNSCALED_WINDOW
        && sentByFirst >= 0
        && sentByFirst <= UNSCALED_WINDOW;
  }

  /** Begins, or goes on, with any segment of a connection that is picked up mid-stream. */
  static void learn(long[] w, int at, int direction, TcpSegment t) {
    int sender = sender(at, direction);
    int receiver = sender(at, 1 - direction);
    w[at + TCP] |= LIBERAL | OFFERED_SACK | OFFERED_SACK << 1;
    int window = Math.max(1, Math.max(t.window, (int) w[sender + 1]));
    w[sender] = pair(t.end, t.end + window);
    w[sender + 1] = pair(t.ack, window);
    boolean isFirst = (int) w[receiver + 1] == 0;
    if (isFirst || t.ack - high(w[receiver]) > 0) {
      w[receiver] = pair(t.ack, t.ack + window);
    }
    if (isFirst) {
      w[receiver + 1] = pair(t.seq, 0);
    }
  }

  /** Remembers a SYN that passes without effect: the other side may answer it. */
  static void passedSyn(long[] w, int at, TcpSegment syn, byte[] bytes) {
    syn.readOptionsOfSyn(bytes);
    long passed = (long) syn.end << 32 | PASSED_SYN;
    if (syn.scale >= 0) {
      passed |= PASSED_OFFERED_SCALE | (long) syn.scale << PASSED_SCALE_SHIFT;
    }
    if (syn.sackPermitted) {
      passed |= PASSED_OFFERED_SACK;
    }
    w[at + TCP] = w[at + TCP] & ~PASSED | passed;
  }

  /** Remembers an ACK of an older connection that passes without effect: a RST may answer it. */
  static void passedAck(long[] w, int at, TcpSegment t) {
    w[at + TCP] = w[at + TCP] & ~PASSED | (long) t.ack << 32 | PASSED_ACK;
  }

  /** Whether this kind of segment passed last without effect, and had this number. */
  static boolean hasPassed(long[] w, int at, int kind, int number) {
    return (w[at + TCP] & kind) != 0 && high(w[at + TCP]) == number;
  }

  /** Begins anew with the SYN that passed last. */
  static void beginWithPassedSyn(long[] w, int at) {
    long tcp = w[at + TCP];
    int end = high(tcp);
    w[at + TCP] = 0;
    offers(
        w,
        at,
        0,
        (tcp & PASSED_OFFERED_SCALE) != 0 ? (int) tcp >>> PASSED_SCALE_SHIFT & 0xf : -1,
        (tcp & PASSED_OFFERED_SACK) != 0);
    int sender = sender(at, 0);
    w[sender] = pair(end, end);
    w[sender + 1] = pair(end - 1, UNSCALED_WINDOW);
    w[sender + 2] = 0;
    w[sender + 3] = 0;
  }
}
