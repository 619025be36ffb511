package dev.portcullis.worker.event;

import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.Prefix;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import org.jspecify.annotations.Nullable;

/** Which flows of a shard a filter asks for. Thread: the shard. */
final class FlowMatch {

  private final FlowTable flows;
  private final FlowText text;
  private final FlowFilter filter;

  FlowMatch(FlowTable flows, FlowText text, FlowFilter filter) {
    this.flows = flows;
    this.text = text;
    this.filter = filter;
  }

  /** Whether a live flow is one of those. */
  boolean test(int flow) {
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
