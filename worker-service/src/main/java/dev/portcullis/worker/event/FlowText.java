package dev.portcullis.worker.event;

import dev.portcullis.core.event.EveLine;
import dev.portcullis.core.event.EveWriter;
import dev.portcullis.core.event.EventTuple;
import dev.portcullis.core.event.FlowFigures;
import dev.portcullis.core.event.FlowId;
import dev.portcullis.core.event.ProtocolName;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.stage.Ownership;

/** Writes a flow of the table as JSON: as an event, or as a line of a list. Thread: one shard. */
final class FlowText {

  private final FlowTable flows;
  private final Egress egress;
  private final Ownership ownership;
  private final LivePolicy policy;
  private final FlowFigures figures = new FlowFigures();
  private final EventTuple translated = new EventTuple();

  FlowText(FlowTable flows, Egress egress, Ownership ownership, LivePolicy policy) {
    this.flows = flows;
    this.egress = egress;
    this.ownership = ownership;
    this.policy = policy;
  }

  /** Writes the event of a flow that has ended. */
  EveLine ended(EveWriter writer, int flow, String reason, String end, long atNs) {
    tuple(writer.tuple, flow, FlowTable.FORWARD);
    echo(writer.tuple, flow);
    writer.header(atNs, flowId(flow), port(ingress(flow)), "flow", 0);
    if (writer.tuple.icmpType >= 0 && flows.packets(flow, 1) > 0) {
      writer.line.key("response_icmp_type").value(writer.tuple.icmpType == 8 ? 0 : 129);
      writer.line.key("response_icmp_code").value(0);
    }
    FlowFigures f = figures;
    f.packetsToServer = flows.packets(flow, 0);
    f.packetsToClient = flows.packets(flow, 1);
    f.bytesToServer = flows.get(flow, FlowTable.BYTES);
    f.bytesToClient = flows.get(flow, FlowTable.BYTES + 1);
    f.startNs = flows.get(flow, FlowTable.START);
    f.endNs = flows.get(flow, FlowTable.LAST_SEEN);
    f.state = state(flow);
    f.reason = reason;
    writer.flow(f);
    if (isTcp(flow)) {
      writer.tcp(
          flows.tcpFlags(flow, 0), flows.tcpFlags(flow, 1), FlowState.eveNameOf(flows.state(flow)));
    }
    metadata(writer, flow, end);
    return writer.end();
  }

  private void metadata(EveWriter writer, int flow, String end) {
    EveLine line = writer.line;
    line.key("metadata").open('{').key("worker").value(ownership.self());
    line.key("rule").value(rule(flow));
    places(line, flow);
    line.key("end").value(end);
    if (ownership.table != null) {
      line.key("class").value(className(flows.trafficClass(flow)));
      line.key("epoch").value(ownership.table().epoch());
    }
    if (isTranslated(flow)) {
      line.key("nat").open('{');
      writer.addresses(translated(flow));
      line.close('}');
    }
    line.close('}');
  }

  /** Writes a line of a list of flows; {@code nowNs}: the newest capture time, 0: not known. */
  EveLine listed(EveWriter writer, int flow, long nowNs) {
    EveLine line = writer.line.clear().open('{');
    tuple(writer.tuple, flow, FlowTable.FORWARD);
    line.key("flow_id").value(flowId(flow));
    line.key("proto").value(ProtocolName.of(writer.tuple.protocol));
    writer.addresses(writer.tuple);
    if (isTranslated(flow)) {
      line.key("nat").open('{');
      writer.addresses(translated(flow));
      line.close('}');
    }
    line.key("worker").value(ownership.self());
    line.key("rule").value(rule(flow));
    line.key("state").value(FlowState.nameOf(flows.state(flow)));
    line.key("in_iface").value(port(ingress(flow)));
    places(line, flow);
    long startNs = flows.get(flow, FlowTable.START);
    long lastNs = flows.get(flow, FlowTable.LAST_SEEN);
    line.key("pkts_toserver").value(flows.packets(flow, 0));
    line.key("pkts_toclient").value(flows.packets(flow, 1));
    line.key("bytes_toserver").value(flows.get(flow, FlowTable.BYTES));
    line.key("bytes_toclient").value(flows.get(flow, FlowTable.BYTES + 1));
    line.key("start").time(startNs).key("last").time(lastNs);
    line.key("age").value(Math.max(0, (Math.max(nowNs, lastNs) - startNs) / 1_000_000_000L));
    return line.close('}').end();
  }

  private void places(EveLine line, int flow) {
    int out = (int) flows.get(flow, FlowTable.TAGS);
    int in = ingress(flow);
    if (egress.exists(in)) {
      line.key("from").value(egress.at(in).zone());
    }
    if (egress.exists(out)) {
      line.key("to").value(egress.at(out).zone());
      line.key("out_iface").value(port(out));
    }
  }

  private String className(int trafficClass) {
    return ownership
        .table()
        .classNames()
        .get(Math.min(trafficClass, ownership.table().classNames().size() - 1));
  }

  private int ingress(int flow) {
    return (int) (flows.get(flow, FlowTable.TAGS) >>> 32);
  }

  private String port(int tag) {
    return egress.exists(tag) ? egress.at(tag).port() : "?";
  }

  private boolean isTcp(int flow) {
    return Tuple.protocol(flows.get(flow, FlowTable.FORWARD + 4)) == PacketHeader.TCP;
  }

  private boolean isTranslated(int flow) {
    return (flows.flags(flow) & (FlowTable.DNAT | FlowTable.SNAT)) != 0;
  }

  /** The request as it left: what its replies have, the other way round. */
  private EventTuple translated(int flow) {
    tuple(translated, flow, FlowTable.REVERSE);
    EventTuple t = translated;
    t.set(t.version, t.protocol, t.destinationHigh, t.destinationLow, t.sourceHigh, t.sourceLow);
    long ports = flows.get(flow, FlowTable.REVERSE + 4);
    t.ports(showsPorts(ports), Tuple.destinationPort(ports), Tuple.sourcePort(ports));
    return t;
  }

  /** Takes a tuple of a flow: that of its requests or that of its replies. */
  void tuple(EventTuple to, int flow, int word) {
    long ports = flows.get(flow, word + 4);
    to.set(
        (int) ports & 0xff,
        Tuple.protocol(ports),
        flows.get(flow, word),
        flows.get(flow, word + 1),
        flows.get(flow, word + 2),
        flows.get(flow, word + 3));
    to.ports(showsPorts(ports), Tuple.sourcePort(ports), Tuple.destinationPort(ports));
  }

  private static boolean showsPorts(long ports) {
    int protocol = Tuple.protocol(ports);
    return Tuple.hasPorts(ports)
        && protocol != PacketHeader.ICMP
        && protocol != PacketHeader.ICMPV6;
  }

  private void echo(EventTuple t, int flow) {
    if (Tuple.hasPorts(flows.get(flow, FlowTable.FORWARD + 4)) && !t.hasPorts) {
      t.icmpType = t.protocol == PacketHeader.ICMP ? 8 : 128;
      t.icmpCode = 0;
    }
  }

  long flowId(int flow) {
    long ports = flows.get(flow, FlowTable.FORWARD + 4);
    return FlowId.of(
        flows.get(flow, FlowTable.FORWARD),
        flows.get(flow, FlowTable.FORWARD + 1),
        flows.get(flow, FlowTable.FORWARD + 2),
        flows.get(flow, FlowTable.FORWARD + 3),
        Tuple.hasPorts(ports) ? Tuple.protocol(ports) : 0,
        Tuple.sourcePort(ports),
        Tuple.destinationPort(ports));
  }

  /** Returns the name of the rule that lets a flow through, by the policy of now. */
  String rule(int flow) {
    int rule = policy.ruleNow(flows.get(flow, FlowTable.POLICY), flows.rule(flow));
    return policy.now().rules().name(rule);
  }

  private String state(int flow) {
    int state = flows.state(flow);
    if (FlowState.isClosed(state)) {
      return "closed";
    }
    boolean both = flows.packets(flow, 1) > 0;
    return FlowState.isEstablished(state) || !isTcp(flow) && both ? "established" : "new";
  }
}
