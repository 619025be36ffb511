package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.LentTuples;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.stage.Ownership;

/**
 * Flows, shadows and guests: their key is that of their packets before NAT, of a guest that of its
 * class. What is known of an FTP control connection goes behind its flow.
 */
final class MovingFlows implements MovingState {

  private final FlowTable flows;
  private final Ownership ownership;
  private final LivePolicy policy;
  private final LentTuples lent;
  private final FtpMoves ftp;
  private final FlowRecord record = new FlowRecord();
  private final FlowKey key = new FlowKey();
  private final Tuple tuple = new Tuple();
  private long moved;
  private long broken;

  MovingFlows(
      FlowTable flows, Ownership ownership, LivePolicy policy, LentTuples lent, FtpMoves ftp) {
    this.flows = flows;
    this.ownership = ownership;
    this.policy = policy;
    this.lent = lent;
    this.ftp = ftp;
  }

  /** Flows that were given to other workers. Any thread. */
  long moved() {
    return moved;
  }

  /** Flows that could not be given, and messages that never came. Any thread. */
  long broken() {
    return broken;
  }

  /** So many messages of another shard never came. */
  void lost(long messages) {
    broken += messages;
  }

  /**
   * No packet comes any more for what goes from a lane: says to the owners of their ports which
   * tuples live, here or where they go, and to those who may get them which connections are
   * expected.
   */
  void close(int lane, long nowNs) {
    int next;
    for (int flow = flows.firstOfLane(lane); flow >= 0; flow = next) {
      next = flows.nextOfLane(flow);
      int owner = owner(flow);
      if (flows.has(flow, FlowTable.GUEST) && !isLedAway(flow)) {
        flows.remove(flow, EndReason.HANDED_OVER, nowNs); // its shadow takes it back
      } else {
        if (owner == ownership.self()) {
          lent.stays(flow, nowNs);
        } else {
          lent.leaves(flow, nowNs);
        }
        ftp.tellAgain(flow);
      }
    }
  }

  /** Owner of a flow by the present table; {@link #key} is what it is owned by. */
  private int owner(int flow) {
    if (flows.has(flow, FlowTable.GUEST)) {
      tuple.read(flows.words(flow), flows.at(flow) + FlowTable.FORWARD);
      return ownership.ownerOf(tuple, (int) flows.get(flow, FlowTable.LOOK), key);
    }
    key.set(
        flows.trafficClass(flow),
        flows.get(flow, FlowTable.V_HIGH),
        flows.get(flow, FlowTable.V_LOW));
    return ownership.table().owner(key.trafficClass, key.vHigh, key.vLow);
  }

  /** Whether the worker that has the shadow of a guest still does not serve its class. */
  private boolean isLedAway(int guest) {
    DistributionTable table = ownership.table();
    int beginning =
        table.owner(
            flows.trafficClass(guest),
            flows.get(guest, FlowTable.V_HIGH),
            flows.get(guest, FlowTable.V_LOW));
    return table.leadsAway((int) flows.get(guest, FlowTable.LOOK), beginning);
  }

  @Override
  public void give(int lane, int to, long nowNs, Sink sink) {
    int epoch = ownership.table().epoch();
    int next;
    for (int flow = flows.firstOfLane(lane); flow >= 0; flow = next) {
      next = flows.nextOfLane(flow);
      if (owner(flow) == to) {
        boolean isWhole = (flows.flags(flow) & FlowTable.MAPPED) == 0;
        boolean sent = isWhole && sink.send(row(flow, key, epoch, nowNs));
        if (sent) {
          ftp.leaves(flow, lane, epoch, nowNs, sink);
        }
        moved += sent ? 1 : 0;
        broken += sent ? 0 : 1;
        flows.remove(flow, sent ? EndReason.HANDED_OVER : EndReason.EVICTED, nowNs);
      }
    }
  }

  /** Returns the row of a flow as it is, with its marks, for who is to have a copy of it. */
  PacketBatch row(int flow, long nowNs) {
    key.set(
        flows.trafficClass(flow),
        flows.get(flow, FlowTable.V_HIGH),
        flows.get(flow, FlowTable.V_LOW));
    return row(flow, key, 0, nowNs);
  }

  private PacketBatch row(int flow, FlowKey of, int epoch, long nowNs) {
    int rule = policy.ruleNow(flows.get(flow, FlowTable.POLICY), flows.rule(flow));
    String name = policy.now().rules().name(rule);
    return record.write(flows, flow, of, name, epoch, nowNs);
  }
}
