package dev.portcullis.worker.stage.snat;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.policy.GatewaySpec.Exceptions;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.policy.SourceNatTable;
import dev.portcullis.worker.stage.NewFlow;
import dev.portcullis.worker.stage.Rewrite;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Gives packets the sender that the other side is to see: of requests by the rules of SNAT, of
 * replies by undoing DNAT. Here a new flow, about which everything is now known, is compiled into
 * the flow table.
 *
 * <p>Only TCP, UDP and echoes have a port or identifier to translate. What has none (fragments,
 * other protocols) is dropped as {@code nat-exhausted} where a rule of SNAT applies: without a port
 * nothing keeps its replies apart from those of another sender.
 */
public final class SnatStage implements Stage {

  private final LivePolicy policy;
  private final Egress egress;
  private final FlowTable flows;
  private final NatPorts ports;
  private final PortBlocks blocks;
  private final Exceptions exceptions;
  private final Tuple reply = new Tuple();

  /** Makes the stage. */
  public SnatStage(
      LivePolicy policy,
      Egress egress,
      FlowTable flows,
      NatPorts ports,
      PortBlocks blocks,
      Exceptions exceptions) {
    this.policy = policy;
    this.egress = egress;
    this.flows = flows;
    this.ports = ports;
    this.blocks = blocks;
    this.exceptions = exceptions;
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.OPENING) {
        open(v, i);
      }
      if (v.kind[i] == Vector.KNOWN) {
        translate(v, i);
      }
    }
  }

  private void translate(Vector v, int i) {
    int flow = v.flow[i] >>> 1;
    boolean isReply = (v.flow[i] & 1) != 0;
    if ((flows.flags(flow) & (isReply ? FlowTable.DNAT : FlowTable.SNAT)) == 0) {
      return;
    }
    PacketHeader h = v.header[i];
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

  private void open(Vector v, int i) {
    PacketHeader h = v.header[i];
    NewFlow opening = v.opening;
    int lane = Lanes.laneOf(v.batch.vHigh[i], v.batch.vLow[i]);
    long nowNs = v.batch.captureTimeNs[i];
    reply.ofReply(h);
    SourceNatTable rules = policy.now().sources();
    int rule = rules.find(egress.zone(v.batch.ingressTag[i]), egress.zone(v.egress[i]), h);
    long changes =
        opening.dnat ? (long) opening.transportChangeDnat << 16 | opening.ipChangeDnat : 0;
    if (rule >= 0) {
      int port = allocate(rules, rule, h, lane, opening.forward.hash(), nowNs);
      if (port < 0) {
        v.drop(i, StageName.SNAT, DropReason.NAT_EXHAUSTED);
        return;
      }
      int ip =
          Rewrite.ipChange(h.sourceHigh, h.sourceLow, reply.destinationHigh, reply.destinationLow);
      int transport = Rewrite.transportChange(h.protocol, ip, h.sourcePort, port);
      changes |= (long) transport << 48 | (long) ip << 32;
    } else if (isTaken(nowNs)) {
      v.drop(i, StageName.SNAT, DropReason.NAT_EXHAUSTED);
      return;
    }
    int flow = flows.insert(opening.forward, reply, lane, opening.state, nowNs);
    if (flow < 0) {
      full(v, i, rule >= 0 || opening.dnat);
      return;
    }
    flows.classAndRule(flow, v.batch.trafficClass[i], opening.rule);
    flows.addFlags(
        flow,
        (v.routed[i] ? FlowTable.ROUTED : 0)
            | (opening.dnat ? FlowTable.DNAT : 0)
            | (rule >= 0 ? FlowTable.SNAT : 0)
            | opening.flags);
    flows.tcp(flow, opening.words);
    flows.set(flow, FlowTable.CHANGES, changes);
    flows.set(flow, FlowTable.TAGS, (long) v.batch.ingressTag[i] << 32 | v.egress[i]);
    flows.set(flow, FlowTable.POLICY, policy.stamp(h, nowNs));
    flows.set(flow, FlowTable.V_HIGH, v.batch.vHigh[i]);
    flows.set(flow, FlowTable.V_LOW, v.batch.vLow[i]);
    flows.seen(flow, 0, nowNs, h.end - h.offset, h.tcpFlags);
    flows.opened(flow);
    v.flow[i] = flow << 1;
    v.kind[i] = Vector.KNOWN;
  }

  /**
   * Whether the replies of a flow that keeps its sender would be taken for those of another flow.
   */
  private boolean isTaken(long nowNs) {
    return flows.find(reply, reply.hash(), nowNs) >= 0;
  }

  private int allocate(
      SourceNatTable rules, int rule, PacketHeader h, int lane, long seed, long nowNs) {
    boolean translatable =
        h.protocol == PacketHeader.TCP || h.protocol == PacketHeader.UDP || h.isEcho();
    if (!translatable || !Tuple.usesPorts(h)) {
      return -1;
    }
    int[] pools = rules.pools(rule);
    int start = (int) Long.remainderUnsigned(seed >>> 7, pools.length);
    for (int i = 0; i < pools.length; i++) {
      int pool = pools[(start + i) % pools.length];
      reply.destinationHigh = blocks.high(pool);
      reply.destinationLow = blocks.low(pool);
      int port =
          ports.allocate(pool, rules.first(rule), rules.last(rule), lane, reply, h.isEcho(), nowNs);
      if (port >= 0) {
        return port;
      }
    }
    return -1;
  }

  private void full(Vector v, int i, boolean translated) {
    if (translated || exceptions.flowTableFull() == ExceptionAction.DROP) {
      v.drop(i, StageName.SNAT, DropReason.FLOW_TABLE_FULL);
    } else {
      v.kind[i] = Vector.STATELESS;
    }
  }
}
