package dev.portcullis.worker.event;

import dev.portcullis.core.event.EveWriter;
import dev.portcullis.worker.flow.FlowTable;
import java.util.ArrayList;
import java.util.List;

/**
 * A walk over the flows of a shard for somebody who asks, in slices of {@link #SLICE} entries, so
 * that packets go on between two of them. A flow that begins or ends in the meantime may be told of
 * or not. Thread: the shard, for {@link #slice}; any when it has returned true.
 */
public final class FlowListing {

  /** Entries that one slice looks at. */
  static final int SLICE = 1024;

  private final FlowTable flows;
  private final FlowMatch match;
  private final FlowText text;
  private final int limit;
  private final long nowNs;
  private final EveWriter writer = new EveWriter();
  private final List<String> lines = new ArrayList<>();
  private boolean more;
  private int next;

  FlowListing(FlowTable flows, FlowMatch match, FlowText text, int limit, long nowNs) {
    this.flows = flows;
    this.match = match;
    this.text = text;
    this.limit = limit;
    this.nowNs = nowNs;
  }

  /** Looks at the next entries; true when there are no more, or enough was found. */
  public boolean slice() {
    int end = Math.min(flows.entries(), next + SLICE);
    for (; next < end; next++) {
      if (flows.isLive(next) && match.test(next)) {
        if (lines.size() == limit) {
          more = true;
          return true;
        }
        lines.add(text.listed(writer, next, nowNs).toString());
      }
    }
    return next >= flows.entries();
  }

  /** The flows that were found. */
  public List<String> lines() {
    return lines;
  }

  /** Whether there are others. */
  public boolean more() {
    return more;
  }
}
