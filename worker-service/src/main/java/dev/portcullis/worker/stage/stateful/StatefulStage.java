package dev.portcullis.worker.stage.stateful;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.Lanes;
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
 * Follows connections and lets pass what fits them: TCP by state and windows, UDP by who has
 * spoken, echoes by request and reply, all else by addresses; each in a tracker of its own. What
 * does not fit is dropped, or passes without effect, as {@code exceptions} says.
 */
public final class StatefulStage implements Stage {

  private final Exceptions exceptions;
  private final FlowTable flows;
  private final TcpTracker tcp;

  /** Makes the stage. */
  public StatefulStage(Exceptions exceptions, FlowTable flows) {
    this.exceptions = exceptions;
    this.flows = flows;
    this.tcp = new TcpTracker(flows);
  }

  /** Whether a SYN opens a new connection in the place of this flow, which is closed. */
  public static boolean opensAnew(
      FlowTable flows, int flow, int direction, PacketHeader h, byte[] bytes) {
    return TcpTracker.opensAnew(flows, flow, direction, h, bytes);
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.KNOWN) {
        known(v, i);
      } else if (v.kind[i] == Vector.OPENING) {
        opening(v, i);
      } else if (v.kind[i] == Vector.MOVED) {
        moved(v, i);
      }
    }
  }

  private void known(Vector v, int i) {
    int flow = v.flow[i] >>> 1;
    int before = flows.state(flow);
    int outcome = outcome(v, i, before);
    boolean fits = outcome != Outcome.OUT_OF_STATE && outcome != Outcome.OUT_OF_WINDOW;
    if (!fits && exceptions.outOfState() == ExceptionAction.DROP) {
      v.drop(i, StageName.STATEFUL, reason(outcome));
      v.state[i] = before << Vector.BEFORE_SHIFT;
      v.did[i] |= Vector.DID_REFUSE;
      return;
    }
    int after = follow(v, i, flow, before, fits ? outcome : before);
    v.state[i] = before << Vector.BEFORE_SHIFT | after;
    v.did[i] |= Vector.DID_STATEFUL;
  }

  private int outcome(Vector v, int i, int before) {
    int flow = v.flow[i] >>> 1;
    int direction = v.flow[i] & 1;
    return switch (before) {
      case FlowState.UDP_NEW, FlowState.UDP_ESTABLISHED -> UdpTracker.known(direction, before);
      case FlowState.ICMP -> EchoTracker.known(before);
      case FlowState.OTHER -> OtherTracker.known(before);
      default -> tcp.known(flow, direction, before, v.header[i], v.batch.bytes);
    };
  }

  /** Returns the state of the flow after a packet that may pass. */
  private int follow(Vector v, int i, int flow, int before, int outcome) {
    PacketHeader h = v.header[i];
    int direction = v.flow[i] & 1;
    int length = h.end - h.offset;
    if (outcome == Outcome.PASSES) {
      flows.counted(flow, direction, length, h.tcpFlags);
      return before;
    }
    if (outcome != before) {
      flows.state(flow, outcome);
    }
    flows.seen(flow, direction, v.batch.captureTimeNs[i], length, h.tcpFlags);
    return outcome;
  }

  /**
   * Follows a connection whose flow is at another worker: its shadow comes to the same state there,
   * from the same packets. Whether a packet passes is decided there.
   */
  private void moved(Vector v, int i) {
    int flow = v.flow[i] >>> 1;
    boolean endsHere = (flows.flags(flow) & FlowTable.ROUTED) != 0 && v.header[i].ttl <= 1;
    if (!endsHere) {
      int before = flows.state(flow);
      int outcome = outcome(v, i, before);
      if (outcome != Outcome.OUT_OF_STATE && outcome != Outcome.OUT_OF_WINDOW) {
        follow(v, i, flow, before, outcome);
      } else if (exceptions.outOfState() != ExceptionAction.DROP) {
        follow(v, i, flow, before, before);
      }
    }
    v.kind[i] = Vector.PASSED_ON;
  }

  private static DropReason reason(int outcome) {
    return switch (outcome) {
      case Outcome.OUT_OF_WINDOW -> DropReason.OUT_OF_WINDOW;
      case Outcome.MIDSTREAM -> DropReason.MIDSTREAM;
      default -> DropReason.OUT_OF_STATE;
    };
  }

  private void opening(Vector v, int i) {
    PacketHeader h = v.header[i];
    int outcome = Tuple.usesPorts(h) ? openingWithPorts(v, i, h) : other(v, h);
    if (outcome >= 0) {
      v.opening.state = outcome;
    } else {
      ExceptionAction action =
          outcome == Outcome.MIDSTREAM ? exceptions.midstream() : exceptions.outOfState();
      if (action == ExceptionAction.DROP) {
        v.drop(i, StageName.STATEFUL, reason(outcome));
        return;
      }
    }
    if (FlowState.isHalfOpen(v.opening.state)
        && exceptions.halfOpenLimit() == ExceptionAction.DROP
        && flows.refusesHalfOpen(
            Lanes.laneOf(v.batch.vHigh[i], v.batch.vLow[i]), v.batch.captureTimeNs[i])) {
      v.drop(i, StageName.STATEFUL, DropReason.HALF_OPEN_LIMIT);
      return;
    }
    v.state[i] = v.opening.state;
    v.did[i] |= Vector.DID_STATEFUL;
  }

  private int openingWithPorts(Vector v, int i, PacketHeader h) {
    return switch (h.protocol) {
      case PacketHeader.TCP -> tcp.opening(h, v.batch.bytes, v.opening);
      case PacketHeader.UDP -> UdpTracker.opening();
      case PacketHeader.ICMP, PacketHeader.ICMPV6 -> {
        v.opening.state = FlowState.ICMP;
        yield EchoTracker.opening(h);
      }
      default -> other(v, h);
    };
  }

  private static int other(Vector v, PacketHeader h) {
    v.opening.state = FlowState.OTHER;
    return OtherTracker.opening(h);
  }
}
