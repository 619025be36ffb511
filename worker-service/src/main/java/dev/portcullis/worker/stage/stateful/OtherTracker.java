package dev.portcullis.worker.stage.stateful;

import dev.portcullis.worker.flow.FlowState;

/** Follows all else by addresses: SCTP by ports too. There is one state. */
final class OtherTracker {

  private OtherTracker() {}

  /** Decides about the first packet of a flow. Returns the state. */
  static int opening() {
    return FlowState.OTHER;
  }

  /** Decides about a packet of a flow. Returns the state after it. */
  static int known(int state) {
    return state;
  }
}
