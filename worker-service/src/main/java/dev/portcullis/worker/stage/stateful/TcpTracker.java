package dev.portcullis.worker.stage.stateful;

import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.stage.NewFlow;

/**
 * Follows TCP connections: states ({@link TcpTransitions}), windows ({@link TcpWindows}), and what
 * RFC 5961 asks of whom is between the two sides: a RST ends a connection only with the exact
 * number, and a SYN in a live connection is for its receiver to decide about.
 *
 * <p>Thread: one shard.
 */
final class TcpTracker {

  private static final int FIN_OF_FIRST = FlowTable.FIN_FORWARD;
  private static final int BOTH_FINS = FlowTable.FIN_FORWARD | FlowTable.FIN_REVERSE;

  private final FlowTable flows;
  private final TcpSegment segment = new TcpSegment();

  TcpTracker(FlowTable flows) {
    this.flows = flows;
  }

  /**
   * The combinations of flags that segments have; PSH goes with any, URG with those that carry data
   * (RFC 9293 section 3.10.7, conntrack's table of valid flags).
   */
  private static int kind(int flags) {
    return switch (flags & ~PacketHeader.PSH) {
      case PacketHeader.ACK, PacketHeader.ACK | PacketHeader.URG -> TcpTransitions.ACK;
      case PacketHeader.SYN, PacketHeader.SYN | PacketHeader.URG -> TcpTransitions.SYN;
      case PacketHeader.SYN | PacketHeader.ACK -> TcpTransitions.SYN_ACK;
      case PacketHeader.FIN | PacketHeader.ACK,
          PacketHeader.FIN | PacketHeader.ACK | PacketHeader.URG ->
          TcpTransitions.FIN;
      case PacketHeader.RST, PacketHeader.RST | PacketHeader.ACK -> TcpTransitions.RST;
      default -> TcpTransitions.NONSENSE;
    };
  }

  /** Decides about the first packet of a flow. Returns what is wrong with it, or the state. */
  int opening(PacketHeader h, byte[] bytes, NewFlow flow) {
    TcpSegment t = segment;
    t.read(bytes, h);
    int kind = kind(t.flags);
    if (kind == TcpTransitions.NONSENSE) {
      flow.state = FlowState.TCP_CLOSED;
      return Outcome.OUT_OF_STATE;
    }
    if (kind == TcpTransitions.SYN) {
      TcpWindows.begin(flow.words, 0, 0, t, bytes);
      flow.state = FlowState.TCP_SYN_SENT;
      return flow.state;
    }
    TcpWindows.learn(flow.words, 0, 0, t);
    flow.state =
        switch (kind) {
          case TcpTransitions.FIN -> FlowState.TCP_FIN_WAIT;
          case TcpTransitions.RST -> FlowState.TCP_CLOSED;
          default -> FlowState.TCP_ESTABLISHED;
        };
    flow.flags = kind == TcpTransitions.FIN ? FIN_OF_FIRST : 0;
    return Outcome.MIDSTREAM;
  }

  /** Decides about a packet of a flow. Returns the state after it, or an {@link Outcome}. */
  int known(int flow, int direction, int state, PacketHeader h, byte[] bytes) {
    TcpSegment t = segment;
    t.read(bytes, h);
    long[] w = flows.words(flow);
    int at = flows.at(flow);
    // the common case: a segment of an established connection
    if (state == FlowState.TCP_ESTABLISHED
        && (t.flags & ~(PacketHeader.PSH | PacketHeader.URG)) == PacketHeader.ACK
        && TcpWindows.isKnown(w, at, direction)) {
      int fit = TcpWindows.check(w, at, direction, t, bytes);
      return fit == TcpWindows.IN ? state : unfit(fit, w, at, direction, state, TcpTransitions.ACK);
    }
    int kind = kind(t.flags);
    if (kind == TcpTransitions.NONSENSE) {
      return Outcome.OUT_OF_STATE;
    }
    kind = inThisConnection(kind, flow, direction, w, at);
    int next = TcpTransitions.next(kind, direction, state);
    if (next == TcpTransitions.INVALID) {
      return Outcome.OUT_OF_STATE;
    }
    if (kind == TcpTransitions.RST) {
      return reset(direction, state, w, at);
    }
    boolean answersPassedSyn =
        kind == TcpTransitions.SYN_ACK
            && direction == 1
            && TcpWindows.hasPassed(w, at, TcpWindows.PASSED_SYN, t.ack)
            && !TcpWindows.isRepeated(w, at, t);
    if (answersPassedSyn) {
      return openedAnew(flow, state, w, at, bytes);
    }
    if (next == TcpTransitions.KEEPS) {
      return passes(kind, direction, w, at, bytes);
    }
    return switch (kind) {
      case TcpTransitions.SYN -> syn(direction, next, w, at, bytes);
      case TcpTransitions.SYN_ACK -> synAck(direction, next, w, at, bytes);
      default -> segment(kind, flow, direction, state, next, w, at, bytes);
    };
  }

  /** A FIN that is repeated is an ACK; an ACK may be the last one. */
  private int inThisConnection(int kind, int flow, int direction, long[] w, int at) {
    int fins = flows.flags(flow) & BOTH_FINS;
    if (fins == 0 || kind != TcpTransitions.ACK && kind != TcpTransitions.FIN) {
      return kind;
    }
    if (kind == TcpTransitions.FIN && (fins & FIN_OF_FIRST << direction) == 0) {
      return kind;
    }
    boolean last =
        (fins & FIN_OF_FIRST << 1 - direction) != 0
            && segment.ack == TcpWindows.end(w, at, 1 - direction);
    return last ? TcpTransitions.LAST : TcpTransitions.ACK;
  }

  private int passes(int kind, int direction, long[] w, int at, byte[] bytes) {
    if (kind == TcpTransitions.SYN && direction == 0) {
      TcpWindows.passedSyn(w, at, segment, bytes);
    } else if (kind != TcpTransitions.SYN_ACK) {
      TcpWindows.passedAck(w, at, segment);
    }
    return Outcome.PASSES;
  }

  /** The other side has answered a SYN that passed: both are in a connection that is new to us. */
  private int openedAnew(int flow, int state, long[] w, int at, byte[] bytes) {
    TcpWindows.beginWithPassedSyn(w, at);
    TcpWindows.answer(w, at, 1, segment, bytes);
    flows.removeFlags(flow, BOTH_FINS);
    return FlowState.isHalfOpen(state) ? FlowState.TCP_SYN_RECEIVED : FlowState.TCP_ESTABLISHED;
  }

  private int syn(int direction, int next, long[] w, int at, byte[] bytes) {
    TcpSegment t = segment;
    if (!TcpWindows.isKnown(w, at, direction)) {
      TcpWindows.answer(w, at, direction, t, bytes);
      w[at + FlowTable.TCP] |= TcpWindows.SIMULTANEOUS;
      return next;
    }
    if (t.end == TcpWindows.end(w, at, direction)) {
      // a SYN that is repeated and never answered must not keep the flow, and its translation
      return next == FlowState.TCP_SYN_SENT ? Outcome.PASSES : next;
    }
    // another SYN than the first: which one counts says the answer
    return direction == 0
        ? passes(TcpTransitions.SYN, direction, w, at, bytes)
        : Outcome.OUT_OF_WINDOW;
  }

  private int synAck(int direction, int next, long[] w, int at, byte[] bytes) {
    if (!TcpWindows.isKnown(w, at, direction)) {
      return TcpWindows.answer(w, at, direction, segment, bytes) ? next : Outcome.OUT_OF_WINDOW;
    }
    return TcpWindows.check(w, at, direction, segment, bytes) == TcpWindows.IN
        ? next
        : Outcome.OUT_OF_WINDOW;
  }

  private int segment(
      int kind, int flow, int direction, int state, int next, long[] w, int at, byte[] bytes) {
    if (!TcpWindows.isKnown(w, at, direction)) {
      // picked up mid-stream: the first of this side
      TcpWindows.learn(w, at, direction, segment);
    } else {
      int fit = TcpWindows.check(w, at, direction, segment, bytes);
      if (fit != TcpWindows.IN) {
        return unfit(fit, w, at, direction, state, kind);
      }
    }
    if (kind == TcpTransitions.FIN) {
      flows.addFlags(flow, FIN_OF_FIRST << direction);
    }
    boolean completes =
        next == FlowState.TCP_SYN_RECEIVED
            && (w[at + FlowTable.TCP] & TcpWindows.SIMULTANEOUS) != 0;
    return completes ? FlowState.TCP_ESTABLISHED : next;
  }

  /** A segment that does not fit: in a connection picked up mid-stream the windows follow it. */
  private int unfit(int fit, long[] w, int at, int direction, int state, int kind) {
    if ((w[at + FlowTable.TCP] & TcpWindows.LIBERAL) != 0) {
      if (kind != TcpTransitions.ACK) {
        return Outcome.PASSES;
      }
      if (fit == TcpWindows.OUT) {
        TcpWindows.learn(w, at, direction, segment);
      }
      return state;
    }
    return fit == TcpWindows.OLD ? Outcome.PASSES : Outcome.OUT_OF_WINDOW;
  }

  /**
   * RFC 9293 section 3.10.7, RFC 5961 section 3: with the exact number a RST ends the connection;
   * in the window, of an established one, it passes, and its receiver asks back; elsewhere it is
   * not of this connection. The exact number is what the sender would send next, or what the
   * receiver has acknowledged.
   */
  private int reset(int direction, int state, long[] w, int at) {
    TcpSegment t = segment;
    boolean acknowledges = TcpWindows.acknowledges(t);
    if (direction == 1
        && acknowledges
        && TcpWindows.hasPassed(w, at, TcpWindows.PASSED_SYN, t.ack)) {
      return FlowState.TCP_CLOSED;
    }
    if (direction == 0
        && FlowState.isHalfOpen(state)
        && TcpWindows.hasPassed(w, at, TcpWindows.PASSED_ACK, t.seq)) {
      return Outcome.PASSES;
    }
    if (!TcpWindows.isKnown(w, at, direction)) {
      boolean refuses = acknowledges && TcpWindows.acknowledgesFirst(w, at, direction, t);
      return refuses || isLiberal(w, at) ? FlowState.TCP_CLOSED : Outcome.OUT_OF_WINDOW;
    }
    int late = TcpWindows.end(w, at, 1 - direction) - t.ack;
    boolean closing = state > FlowState.TCP_ESTABLISHED;
    if (acknowledges && late < 0 && !closing) {
      return isLiberal(w, at) ? Outcome.PASSES : Outcome.OUT_OF_WINDOW;
    }
    boolean otherIsKnown = TcpWindows.isKnown(w, at, 1 - direction);
    int acked = otherIsKnown ? TcpWindows.acked(w, at, 1 - direction) : t.seq;
    if (t.seq == TcpWindows.end(w, at, direction) || otherIsKnown && t.seq == acked) {
      return FlowState.TCP_CLOSED;
    }
    boolean inWindow = t.seq - acked >= 0 && t.seq - TcpWindows.limit(w, at, direction) <= 0;
    if (inWindow && state != FlowState.TCP_ESTABLISHED) {
      return FlowState.TCP_CLOSED;
    }
    return inWindow || closing || isLiberal(w, at) ? Outcome.PASSES : Outcome.OUT_OF_WINDOW;
  }

  private static boolean isLiberal(long[] w, int at) {
    return (w[at + FlowTable.TCP] & TcpWindows.LIBERAL) != 0;
  }

  /**
   * Whether a SYN opens a new connection in the place of this flow, which is closed: after a RST
   * any, after both FINs one above all that its side has sent (RFC 9293 section 3.6.1). Others are
   * for the receiver to decide about.
   */
  static boolean opensAnew(FlowTable flows, int flow, int direction, PacketHeader h, byte[] bytes) {
    int state = flows.state(flow);
    if (state != FlowState.TCP_TIME_WAIT) {
      return state == FlowState.TCP_CLOSED;
    }
    int seq = (int) PacketHeader.u32(bytes, h.transportOffset + 4);
    return seq - TcpWindows.end(flows.words(flow), flows.at(flow), direction) >= 0;
  }
}
