package dev.portcullis.worker.event;

import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.FlowTable;

/**
 * A walk over the flows of a shard that ends those which a filter asks for, in slices of {@link
 * FlowListing#SLICE} entries, so that packets go on between two of them. A flow that begins in the
 * meantime may be ended or not. Shadows go as well, uncounted: they would be the flows again.
 * Thread: the shard, for {@link #slice}; any when it has returned true.
 */
public final class FlowClearing {

  private final FlowTable flows;
  private final FlowMatch match;
  private final Runnable before;
  private final long nowNs;
  private int next;
  private long cleared;

  FlowClearing(FlowTable flows, FlowMatch match, Runnable before, long nowNs) {
    this.flows = flows;
    this.match = match;
    this.before = before;
    this.nowNs = nowNs;
  }

  /** Looks at the next entries; true when there are no more. */
  public boolean slice() {
    before.run();
    int end = Math.min(flows.entries(), next + FlowListing.SLICE);
    for (; next < end; next++) {
      boolean isLive = flows.isLive(next);
      if ((isLive || flows.has(next, FlowTable.MOVED)) && match.test(next)) {
        long atNs = Math.max(nowNs, flows.get(next, FlowTable.LAST_SEEN));
        flows.remove(next, EndReason.CLEARED, atNs);
        cleared += isLive ? 1 : 0;
      }
    }
    return next >= flows.entries();
  }

  /** How many flows were ended. */
  public long cleared() {
    return cleared;
  }
}
