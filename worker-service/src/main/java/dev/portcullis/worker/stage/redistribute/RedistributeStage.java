package dev.portcullis.worker.stage.redistribute;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.PathRecorder;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Chooses the worker that continues: the owner of the reply as the egress IO module will see it
 * (patent, W1). Where that key is not the flow's own, the owner keeps a path record: another worker
 * or shard gets the packet for that, this shard writes it down itself (W3). Replies go no further
 * way. Every packet of a flow takes the same way, so that order is kept; each puts off the record's
 * timeout.
 */
public final class RedistributeStage implements Stage {

  /** Bits of the lane in the word {@link FlowTable#NEXT_HOP}; the owner plus one is above. */
  private static final int LANE_BITS = 8;

  private final FlowTable flows;
  private final PathTable paths;
  private final Ownership ownership;
  private final PathRecorder recorder;
  private final boolean all;
  private final Tuple reply = new Tuple();

  /**
   * Makes the stage.
   *
   * @param all whether it works on all flows: a gateway that computes paths leaves only those to it
   *     that were announced, as their key does not follow from their addresses
   */
  public RedistributeStage(
      FlowTable flows, PathTable paths, Ownership ownership, PathRecorder recorder, boolean all) {
    this.recorder = recorder;
    this.all = all;
    this.flows = flows;
    this.paths = paths;
    this.ownership = ownership;
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.KNOWN
          && (v.flow[i] & 1) == 0
          && (all || flows.isAnnounced(v.flow[i] >>> 1))) {
        redistribute(v, i);
      }
    }
  }

  private void redistribute(Vector v, int i) {
    int flow = v.flow[i] >>> 1;
    PacketHeader h = v.header[i];
    DistributionTable table = ownership.table();
    int epoch = table.epoch() + 1;
    long hop = flows.get(flow, FlowTable.NEXT_HOP);
    if ((int) (hop >>> 32) != epoch) {
      FlowKey key = ownership.key;
      table.assignReply(h, key);
      boolean same =
          key.trafficClass == flows.trafficClass(flow)
              && key.vHigh == flows.get(flow, FlowTable.V_HIGH)
              && key.vLow == flows.get(flow, FlowTable.V_LOW);
      int to =
          same
              ? 0
              : 1 + table.owner(key.trafficClass, key.vHigh, key.vLow) << LANE_BITS
                  | Lanes.laneOf(key.vHigh, key.vLow);
      hop = (long) epoch << 32 | to;
      flows.set(flow, FlowTable.NEXT_HOP, hop);
      flows.set(flow, FlowTable.RECORDED_AT, 0);
    }
    if ((int) hop == 0) {
      return;
    }
    int owner = ((int) hop >>> LANE_BITS) - 1;
    int lane = (int) hop & (1 << LANE_BITS) - 1;
    if (owner != ownership.self() || !ownership.runs(lane) || isToCome(h)) {
      v.worker[i] = owner;
      v.lane[i] = ownership.linkLane(owner, lane);
      v.key(
          i,
          flows.trafficClass(flow),
          flows.get(flow, FlowTable.V_HIGH),
          flows.get(flow, FlowTable.V_LOW));
    } else {
      recordHere(v, i, flow, lane);
    }
  }

  /** Whether the records of this reply are this shard's, but have not come yet. */
  private boolean isToCome(PacketHeader h) {
    if (ownership.admission == null) {
      return false;
    }
    FlowKey key = ownership.key;
    int owner = ownership.table().assignReply(h, key);
    return !ownership.isHere(owner, key.trafficClass, key.vHigh, key.vLow);
  }

  /** Most packets find that the record was put in this unit of time already. */
  private void recordHere(Vector v, int i, int flow, int lane) {
    long nowNs = v.batch.captureTimeNs[i];
    long unit = paths.unit(nowNs);
    if (flows.get(flow, FlowTable.RECORDED_AT) == unit) {
      return;
    }
    reply.ofReply(v.header[i]);
    int trafficClass = flows.trafficClass(flow);
    long vHigh = flows.get(flow, FlowTable.V_HIGH);
    long vLow = flows.get(flow, FlowTable.V_LOW);
    DropReason wrong = recorder.record(reply, lane, flow, trafficClass, vHigh, vLow, nowNs);
    if (wrong == DropReason.NONE) {
      flows.set(flow, FlowTable.RECORDED_AT, unit);
    } else {
      v.drop(i, StageName.REDISTRIBUTE, wrong);
    }
  }
}
