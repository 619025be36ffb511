package dev.portcullis.worker.stage.stateful;

import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowState;

/**
 * Follows all else by addresses: SCTP by ports too. There is one state. Tuples tell ICMP queries
 * and their answers apart: a host that was asked may not ask back.
 */
final class OtherTracker {

  private OtherTracker() {}

  /** Decides about the first packet of a flow. Returns what is wrong with it, or the state. */
  static int opening(PacketHeader h) {
    return h.isAnswer() && !h.fragment ? Outcome.OUT_OF_STATE : FlowState.OTHER;
  }

  /** Decides about a packet of a flow. Returns the state after it. */
  static int known(int state) {
    return state;
  }
}
