package dev.portcullis.worker.stage.stateful;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.policy.GatewaySpec.Exceptions;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Follows connections: TCP by its flags (RFC 9293 section 3.3.2; sequence numbers are not checked),
 * UDP by who has spoken, echoes by request and reply, all else by addresses.
 */
public final class StatefulStage implements Stage {

  private static final int BAD = -1;

  private final Exceptions exceptions;
  private final FlowTable flows;

  /** Makes the stage. */
  public StatefulStage(Exceptions exceptions, FlowTable flows) {
    this.exceptions = exceptions;
    this.flows = flows;
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.KNOWN) {
        known(v, i);
      } else if (v.kind[i] == Vector.OPENING) {
        opening(v, i);
      }
    }
  }

  private void known(Vector v, int i) {
    int flow = v.flow[i] >>> 1;
    int direction = v.flow[i] & 1;
    PacketHeader h = v.header[i];
    int before = flows.state(flow);
    int after = before;
    if (before <= FlowState.TCP_CLOSED) {
      after = tcp(flow, before, direction, h.tcpFlags);
      if (after == BAD) {
        if (exceptions.outOfState() == ExceptionAction.DROP) {
          v.drop(i, StageName.STATEFUL, DropReason.OUT_OF_STATE);
          return;
        }
        after = before;
      }
    } else if (before == FlowState.UDP_NEW && direction == 1) {
      after = FlowState.UDP_ESTABLISHED;
    }
    if (after != before) {
      flows.state(flow, after);
    }
    flows.seen(flow, direction, v.batch.captureTimeNs[i], h.end - h.offset);
    v.state[i] = after;
    v.did[i] |= Vector.DID_STATEFUL;
  }

  private int tcp(int flow, int state, int direction, int flags) {
    if (isNonsense(flags)) {
      return BAD;
    }
    if ((flags & PacketHeader.RST) != 0) {
      return FlowState.TCP_CLOSED;
    }
    boolean syn = (flags & PacketHeader.SYN) != 0;
    boolean ack = (flags & PacketHeader.ACK) != 0;
    switch (state) {
      case FlowState.TCP_SYN_SENT -> {
        if (direction == 0) {
          return syn && !ack ? state : BAD;
        }
        return syn ? FlowState.TCP_SYN_RECEIVED : BAD;
      }
      case FlowState.TCP_SYN_RECEIVED -> {
        if (syn) {
          return state;
        }
        if ((flags & PacketHeader.FIN) != 0) {
          return fin(flow, state, direction);
        }
        return direction == 0 && ack ? FlowState.TCP_ESTABLISHED : state;
      }
      case FlowState.TCP_ESTABLISHED, FlowState.TCP_CLOSING -> {
        if (syn) {
          return ack && direction == 1 ? state : BAD;
        }
        return (flags & PacketHeader.FIN) != 0 ? fin(flow, state, direction) : state;
      }
      default -> {
        return syn ? BAD : state;
      }
    }
  }

  private int fin(int flow, int state, int direction) {
    flows.addFlags(flow, direction == 0 ? FlowTable.FIN_FORWARD : FlowTable.FIN_REVERSE);
    int both = FlowTable.FIN_FORWARD | FlowTable.FIN_REVERSE;
    if ((flows.flags(flow) & both) == both) {
      return FlowState.TCP_CLOSED;
    }
    return Math.max(state, FlowState.TCP_CLOSING);
  }

  /** No flag that begins, goes on or ends anything; or a beginning and an end at once. */
  private static boolean isNonsense(int flags) {
    return (flags & (PacketHeader.SYN | PacketHeader.ACK | PacketHeader.RST)) == 0
        || (flags & PacketHeader.SYN) != 0 && (flags & (PacketHeader.FIN | PacketHeader.RST)) != 0;
  }

  private void opening(Vector v, int i) {
    PacketHeader h = v.header[i];
    int state = FlowState.OTHER;
    DropReason wrong = DropReason.NONE;
    ExceptionAction action = ExceptionAction.PASS;
    if (Tuple.usesPorts(h)) {
      switch (h.protocol) {
        case PacketHeader.TCP -> {
          boolean first = (h.tcpFlags & (PacketHeader.SYN | PacketHeader.ACK)) == PacketHeader.SYN;
          state = first ? FlowState.TCP_SYN_SENT : FlowState.TCP_ESTABLISHED;
          if ((h.tcpFlags & PacketHeader.RST) != 0) {
            state = FlowState.TCP_CLOSED;
          }
          if (isNonsense(h.tcpFlags)) {
            wrong = DropReason.OUT_OF_STATE;
            action = exceptions.outOfState();
          } else if (!first) {
            wrong = DropReason.MIDSTREAM;
            action = exceptions.midstream();
          }
        }
        case PacketHeader.UDP -> state = FlowState.UDP_NEW;
        case PacketHeader.ICMP, PacketHeader.ICMPV6 -> {
          state = FlowState.ICMP;
          if (h.icmpType == 0 || h.icmpType == 129) {
            wrong = DropReason.OUT_OF_STATE;
            action = exceptions.outOfState();
          }
        }
        default -> state = FlowState.OTHER;
      }
    }
    if (action == ExceptionAction.DROP) {
      v.drop(i, StageName.STATEFUL, wrong);
      return;
    }
    v.opening.state = state;
    v.state[i] = state;
    v.did[i] |= Vector.DID_STATEFUL;
  }
}
