package dev.portcullis.worker.event;

import dev.portcullis.core.event.EveWriter;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.Prefix;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A walk over the flows of a shard for somebody who asks, in slices of {@link #SLICE} entries, so
 * that packets go on between two of them. A flow that begins or ends in the meantime may be told of
 * or not. Thread: the shard, for {@link #slice}; any when it has returned true.
 */
public final class FlowListing {

  /** Entries that one slice looks at. */
  static final int SLICE = 1024;

  private final FlowTable flows;
  private final FlowText text;
  private final FlowFilter filter;
  private final long nowNs;
  private final EveWriter writer = new EveWriter();
  private final List<String> lines = new ArrayList<>();
  private boolean more;
  private int next;

  FlowListing(FlowTable flows, FlowText text, FlowFilter filter, long nowNs) {
    this.flows = flows;
    this.text = text;
    this.filter = filter;
    this.nowNs = nowNs;
  }

  /** Looks at the next entries; true when there are no more, or enough was found. */
  public boolean slice() {
    int end = Math.min(flows.entries(), next + SLICE);
    for (; next < end; next++) {
      if (flows.isLive(next) && matches(next)) {
        if (lines.size() == filter.limit()) {
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

  private boolean matches(int flow) {
    long ports = flows.get(flow, FlowTable.FORWARD + 4);
    int version = (int) ports & 0xff;
    int port = filter.port();
    boolean state =
        filter.state() == null || filter.state().equals(FlowState.nameOf(flows.state(flow)));
    return state
        && (filter.protocol() < 0 || filter.protocol() == Tuple.protocol(ports))
        && (port < 0
            || Tuple.hasPorts(ports)
                && (Tuple.sourcePort(ports) == port || Tuple.destinationPort(ports) == port))
        && isIn(filter.source(), version, flow, FlowTable.FORWARD)
        && isIn(filter.destination(), version, flow, FlowTable.FORWARD + 2)
        && (filter.rule() == null || filter.rule().equals(text.rule(flow)));
  }

  private boolean isIn(@Nullable Prefix prefix, int version, int flow, int word) {
    return prefix == null
        || prefix.contains(
            new IpAddress(version, flows.get(flow, word), flows.get(flow, word + 1)));
  }
}
