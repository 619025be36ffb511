package dev.portcullis.worker.stage.stateful;

import dev.portcullis.worker.flow.FlowState;

/** Follows UDP: new until the other side has answered, then established (RFC 4787 section 4.3). */
final class UdpTracker {

  private UdpTracker() {}

  /** Decides about the first packet of a flow. Returns the state. */
  static int opening() {
    return FlowState.UDP_NEW;
  }

  /** Decides about a packet of a flow. Returns the state after it. */
  static int known(int direction, int state) {
    return direction == 1 ? FlowState.UDP_ESTABLISHED : state;
  }
}
