package dev.portcullis.worker.stage.stateful;

import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowState;

/**
 * Follows echoes: a flow per identifier, which a request opens (RFC 792, RFC 4443 section 4, RFC
 * 5508 section 3). Tuples tell requests and replies apart, so that a reply belongs to a flow only
 * when it was asked for, and two hosts can ping each other with one identifier.
 */
final class EchoTracker {

  private EchoTracker() {}

  /** Decides about the first packet of a flow. Returns what is wrong with it, or the state. */
  static int opening(PacketHeader h) {
    return h.isAnswer() ? Outcome.OUT_OF_STATE : FlowState.ICMP;
  }

  /** Decides about a packet of a flow. Returns the state after it. */
  static int known(int state) {
    return state;
  }
}
