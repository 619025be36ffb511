package dev.portcullis.worker.stage.snat;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.policy.GatewaySpec.Exceptions;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.NatMappings;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.stage.Hairpin;
import dev.portcullis.worker.stage.NewFlow;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.PathRecorder;
import dev.portcullis.worker.stage.Rewrite;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Gives packets the sender that the other side is to see: of requests by what {@link SenderChoice}
 * says, of replies by undoing DNAT. Here a new flow, about which everything is now known, is
 * compiled into the flow table.
 */
public final class SnatStage implements Stage {

  private final LivePolicy policy;
  private final FlowTable flows;
  private final NatMappings mappings;
  private final Hairpin hairpin;
  private final Exceptions exceptions;
  private final SenderChoice choice;
  private final Tuple reply = new Tuple();

  /** Makes the stage. */
  public SnatStage(
      LivePolicy policy,
      Egress egress,
      FlowTable flows,
      NatPorts ports,
      PortBlocks blocks,
      NatMappings mappings,
      Ownership ownership,
      Hairpin hairpin,
      PathRecorder recorder,
      GatewaySpec spec) {
    this.policy = policy;
    this.flows = flows;
    this.mappings = mappings;
    this.hairpin = hairpin;
    this.exceptions = spec.exceptions();
    this.choice =
        new SenderChoice(policy, egress, flows, ports, blocks, mappings, ownership, recorder, spec);
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.OPENING) {
        open(v, i);
      }
      if (v.kind[i] == Vector.KNOWN) {
        int flags = flows.flags(v.flow[i] >>> 1);
        translate(v, i, flags);
        if ((flags & FlowTable.TURNS_BACK) != 0) {
          turnBack(v, i);
        }
      }
    }
  }

  private void translate(Vector v, int i, int flags) {
    int flow = v.flow[i] >>> 1;
    boolean isReply = (v.flow[i] & 1) != 0;
    if ((flags & (isReply ? FlowTable.DNAT : FlowTable.SNAT)) == 0) {
      return;
    }
    PacketHeader h = v.header[i];
    boolean isOutbound = isReply == ((flags & FlowTable.SNAT) == 0);
    if ((flags & FlowTable.MAPPED) != 0 && isOutbound) {
      mappings.sent(mappings.of(flow), v.batch.captureTimeNs[i]);
    }
    int tuple = isReply ? FlowTable.FORWARD : FlowTable.REVERSE;
    long word = flows.get(flow, tuple + 4);
    long changes = flows.get(flow, FlowTable.CHANGES);
    int ip = (int) (isReply ? changes : changes >>> 32) & 0xffff;
    int transport = (int) (isReply ? changes >>> 16 : changes >>> 48) & 0xffff;
    Rewrite.source(
        v.batch.bytes,
        h,
        flows.get(flow, tuple + 2),
        flows.get(flow, tuple + 3),
        Tuple.hasPorts(word) && !(isReply && h.isEcho()) ? Tuple.destinationPort(word) : -1,
        isReply ? Checksum.undone(ip) : ip,
        isReply ? Checksum.undone(transport) : transport);
    v.did[i] |= Vector.DID_SNAT;
  }

  /** Whether a side of a new flow, as it is after translation, is a mapping of this gateway. */
  private boolean turnsBack(PacketHeader h, Tuple forward) {
    return hairpin.isPossible()
        && Tuple.usesPorts(h)
        && (hairpin.isMapping(h.destinationHigh, h.destinationLow, h.destinationPort)
            || hairpin.isMapping(
                forward.sourceHigh, forward.sourceLow, Tuple.sourcePort(forward.ports)));
  }

  private void turnBack(Vector v, int i) {
    PacketHeader h = v.header[i];
    if (hairpin.isMapping(h.destinationHigh, h.destinationLow, h.destinationPort)) {
      hairpin.turn(v, i, h.destinationPort, 0);
    }
  }

  private void open(Vector v, int i) {
    PacketHeader h = v.header[i];
    NewFlow opening = v.opening;
    int lane = Lanes.laneOf(v.batch.vHigh[i], v.batch.vLow[i]);
    long nowNs = v.batch.captureTimeNs[i];
    reply.ofReply(h);
    DropReason wrong = choice.choose(v, i, reply);
    if (wrong != DropReason.NONE) {
      v.drop(i, StageName.SNAT, wrong);
      return;
    }
    long changes =
        opening.dnat ? (long) opening.transportChangeDnat << 16 | opening.ipChangeDnat : 0;
    if (choice.translated) {
      int ip =
          Rewrite.ipChange(h.sourceHigh, h.sourceLow, reply.destinationHigh, reply.destinationLow);
      int port = choice.port < 0 ? h.sourcePort : choice.port;
      int transport = Rewrite.transportChange(h.protocol, ip, h.sourcePort, port);
      changes |= (long) transport << 48 | (long) ip << 32;
    }
    int flow = flows.insert(opening.forward, reply, lane, opening.state, nowNs);
    if (flow < 0) {
      choice.takeBack(reply, lane, nowNs);
      full(v, i, choice.translated || opening.dnat);
      return;
    }
    flows.classAndRule(flow, v.batch.trafficClass[i], opening.rule);
    flows.addFlags(
        flow,
        (v.routed[i] ? FlowTable.ROUTED : 0)
            | (opening.dnat ? FlowTable.DNAT : 0)
            | (choice.translated ? FlowTable.SNAT : 0)
            | (choice.mapping >= 0 ? FlowTable.MAPPED : 0)
            | (turnsBack(h, opening.forward) ? FlowTable.TURNS_BACK : 0)
            | opening.flags);
    if (opening.isExpected) {
      flows.helper(flow, opening.helper, true);
    }
    flows.tcp(flow, opening.words);
    flows.set(flow, FlowTable.CHANGES, changes);
    flows.set(flow, FlowTable.TAGS, (long) v.batch.ingressTag[i] << 32 | v.egress[i]);
    flows.set(flow, FlowTable.POLICY, policy.stamp(h, nowNs));
    flows.set(flow, FlowTable.V_HIGH, v.batch.vHigh[i]);
    flows.set(flow, FlowTable.V_LOW, v.batch.vLow[i]);
    flows.seen(flow, 0, nowNs, h.end - h.offset, h.tcpFlags);
    if (choice.mapping >= 0) {
      mappings.opened(flow, choice.mapping, choice.permits);
    }
    flows.opened(flow);
    v.flow[i] = flow << 1;
    v.kind[i] = Vector.KNOWN;
  }

  private void full(Vector v, int i, boolean translated) {
    if (translated || exceptions.flowTableFull() == ExceptionAction.DROP) {
      v.drop(i, StageName.SNAT, DropReason.FLOW_TABLE_FULL);
    } else {
      v.kind[i] = Vector.STATELESS;
    }
  }
}
