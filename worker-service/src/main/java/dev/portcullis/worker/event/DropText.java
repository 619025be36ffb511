package dev.portcullis.worker.event;

import dev.portcullis.core.counters.DropCounters;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.event.Anomaly;
import dev.portcullis.core.event.EveLine;
import dev.portcullis.core.event.EveWriter;
import dev.portcullis.core.event.EventTuple;
import dev.portcullis.core.event.FlowId;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Vector;

/** Writes a dropped packet as an event, with the addresses that it came in with. One shard. */
final class DropText {

  private final FlowText flows;
  private final Egress egress;
  private final Ownership ownership;
  private final LivePolicy policy;

  DropText(FlowText flows, Egress egress, Ownership ownership, LivePolicy policy) {
    this.flows = flows;
    this.egress = egress;
    this.ownership = ownership;
    this.policy = policy;
  }

  /** Writes the event of type {@code anomaly} of a row. */
  EveLine anomaly(EveWriter writer, Vector v, int i, DropReason reason) {
    header(writer, v, i, "anomaly");
    writer.anomaly(Anomaly.type(reason), Anomaly.event(reason, v.header[i].version));
    return end(writer, v, i, reason);
  }

  /** Writes that the connection of a row has broken, as an event of type {@code anomaly}. */
  EveLine broken(EveWriter writer, Vector v, int i) {
    header(writer, v, i, "anomaly");
    writer.anomaly("stream", "portcullis.flow_broken");
    return end(writer, v, i, DropReason.byId(v.reason[i]));
  }

  /** Returns what the events of the flow of a row that opens one are known by. */
  static long flowId(Vector v, int i) {
    PacketHeader h = v.header[i];
    Tuple f = v.opening.forward;
    return FlowId.of(
        h.sourceHigh,
        h.sourceLow,
        f.destinationHigh,
        f.destinationLow,
        h.protocol,
        h.sourcePort,
        Tuple.hasPorts(f.ports) ? Tuple.destinationPort(f.ports) : h.destinationPort);
  }

  /** Writes the event of type {@code drop} of a row. */
  EveLine dropped(EveWriter writer, Vector v, int i, DropReason reason) {
    header(writer, v, i, "drop");
    boolean ip = (v.batch.flags[i] & PacketFlags.NON_IP) == 0;
    int length = ip ? v.batch.dataLength[i] : v.batch.l2Length[i];
    writer.drop(v.batch.bytes, v.header[i], length, reason.label());
    return end(writer, v, i, reason);
  }

  private void header(EveWriter writer, Vector v, int i, String type) {
    int tag = v.batch.ingressTag[i];
    EventTuple tuple = writer.tuple;
    PacketHeader h = v.header[i];
    long flowId = -1;
    readAgain(v, i, h);
    tuple.of(h);
    if (v.kindBefore[i] == Vector.RELATED) {
      flowId = flows.flowId(v.flow[i] >>> 1);
    } else if (v.kindBefore[i] == Vector.KNOWN) {
      int flow = v.flow[i] >>> 1;
      boolean reply = (v.flow[i] & 1) != 0;
      flows.tuple(tuple, flow, reply ? FlowTable.REVERSE : FlowTable.FORWARD);
      tuple.icmpType = h.icmpType;
      tuple.icmpCode = h.icmpCode;
      flowId = flows.flowId(flow);
    } else if (h.hasAddresses) {
      if (v.kindBefore[i] == Vector.OPENING) {
        Tuple f = v.opening.forward;
        tuple.destinationHigh = f.destinationHigh;
        tuple.destinationLow = f.destinationLow;
        tuple.destinationPort =
            tuple.hasPorts && Tuple.hasPorts(f.ports)
                ? Tuple.destinationPort(f.ports)
                : h.destinationPort;
      }
      boolean ports = Tuple.usesPorts(h);
      flowId =
          FlowId.of(
              h.sourceHigh,
              h.sourceLow,
              tuple.destinationHigh,
              tuple.destinationLow,
              ports ? h.protocol : 0,
              ports ? h.sourcePort : 0,
              ports ? tuple.hasPorts ? tuple.destinationPort : h.destinationPort : 0);
    }
    writer.header(
        v.batch.captureTimeNs[i],
        flowId,
        egress.exists(tag) ? egress.at(tag).port() : "?",
        type,
        v.batch.number[i]);
  }

  /** Reads the headers of what was dropped before they were read. */
  private static void readAgain(Vector v, int i, PacketHeader h) {
    boolean ip = (v.batch.flags[i] & PacketFlags.NON_IP) == 0;
    if (!ip) {
      h.parse(v.batch.bytes, v.batch.dataOffset[i], 0);
    } else {
      switch (DropReason.byId(v.reason[i])) {
        case NO_TABLE, UNKNOWN_TAG, STAGE_FAILED ->
            h.parse(v.batch.bytes, v.batch.dataOffset[i], v.batch.dataLength[i]);
        default -> {}
      }
    }
  }

  private EveLine end(EveWriter writer, Vector v, int i, DropReason reason) {
    EveLine line = writer.line;
    line.key("metadata").open('{').key("worker").value(ownership.self());
    line.key("stage").value(DropCounters.stageOf(reason));
    int tag = v.batch.ingressTag[i];
    if (egress.exists(tag)) {
      line.key("from").value(egress.at(tag).zone());
    }
    if (egress.exists(v.egress[i])) {
      line.key("to").value(egress.at(v.egress[i]).zone());
    }
    if ((v.did[i] & Vector.DID_ACL) != 0) {
      line.key("rule").value(policy.now().rules().name(v.rule[i]));
    }
    if (ownership.table != null) {
      line.key("epoch").value(ownership.table().epoch());
    }
    line.close('}');
    return writer.end();
  }
}
