package dev.portcullis.worker.stage;

import dev.portcullis.worker.flow.Tuple;

/**
 * A flow that is being opened: what the stages decide about its first packet, until it is compiled
 * into the flow table.
 */
public final class NewFlow {

  /** Tuple of the packet as it came in. */
  public final Tuple forward = new Tuple();

  /** Whether the receiver was translated. */
  public boolean dnat;

  /** State to begin with: a number of {@code FlowState}. */
  public int state;

  /** Rule that accepted it, -1: the default action. */
  public int rule;

  /** Changes of the checksums by DNAT: IP and transport. */
  public int ipChangeDnat;

  /** Change of the transport checksum by DNAT. */
  public int transportChangeDnat;

  /** Makes an empty one. */
  public NewFlow() {}

  /** Forgets the last one. */
  public void clear() {
    dnat = false;
    state = 0;
    rule = -1;
  }
}
