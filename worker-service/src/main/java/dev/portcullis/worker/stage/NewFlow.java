package dev.portcullis.worker.stage;

import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import java.util.Arrays;

/**
 * A flow that is being opened: what the stages decide about its first packet, until it is compiled
 * into the flow table.
 */
public final class NewFlow {

  /** Tuple of the packet as it came in. */
  public final Tuple forward = new Tuple();

  /** Whether the receiver was translated. */
  public boolean dnat;

  /**
   * Logical interface by which the address that was translated would be reached, -1: none was or no
   * route leads there.
   */
  public int outerTag;

  /** Endpoint-independent mapping that takes the packet in, -1: none. */
  public int mapping;

  /** State to begin with: a number of {@code FlowState}. */
  public int state;

  /** Rule that accepted it, -1: the default action. */
  public int rule;

  /** Changes of the checksums by DNAT: IP and transport. */
  public int ipChangeDnat;

  /** Change of the transport checksum by DNAT. */
  public int transportChangeDnat;

  /** Flags of the flow table that its state brings along. */
  public int flags;

  /** Whether another connection has announced it: then {@link #expected} decides, and no rule. */
  public boolean isExpected;

  /** What was announced. */
  public final Expected expected = new Expected();

  /** What {@link FlowTable#helper} is to say of one that is expected. */
  public int helper;

  /** What TCP keeps, in the places that it has in the flow table; all else is 0. */
  public final long[] words = new long[FlowTable.WORDS];

  /** Makes an empty one. */
  public NewFlow() {}

  /** Forgets the last one. */
  public void clear() {
    dnat = false;
    outerTag = -1;
    mapping = -1;
    state = 0;
    rule = -1;
    flags = 0;
    isExpected = false;
    Arrays.fill(words, 0);
  }
}
