package dev.portcullis.worker.stage;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.flow.Tuple;

/**
 * Keeps the paths of replies (patent, W1 and W3), and sees to it that no two live flows have one
 * tuple of replies: nobody could tell whose a reply is. The one that has the key of the reply
 * decides, which all such flows have in common; the flow that was there first keeps the tuple.
 *
 * <p>Thread: one shard.
 */
public final class PathRecorder {

  private final FlowTable flows;
  private final PathTable paths;
  private final Ownership ownership;
  private final PortBlocks blocks;
  private final boolean records;

  /**
   * Makes it.
   *
   * @param records whether every flow whose replies have another key has a record: not where
   *     gateways compute paths
   */
  public PathRecorder(
      FlowTable flows, PathTable paths, Ownership ownership, PortBlocks blocks, boolean records) {
    this.flows = flows;
    this.paths = paths;
    this.ownership = ownership;
    this.blocks = blocks;
    this.records = records;
  }

  /**
   * Records where replies with a tuple go, or puts off the timeout of that record.
   *
   * @param lane lane of the reply's own key, which is one of this shard
   * @param flow the flow, -1 where it is not here
   * @return {@link DropReason#NONE}, or why there is no record
   */
  public DropReason record(
      Tuple reply, int lane, int flow, int trafficClass, long vHigh, long vLow, long nowNs) {
    if (paths.renew(reply, trafficClass, vHigh, vLow, nowNs)) {
      return DropReason.NONE;
    }
    if (records && !isClaimed(reply)) {
      if (paths.isOthers(reply, trafficClass, vHigh, vLow, nowNs)
          || flows.isInLaneOfAnother(reply, lane, flow, nowNs)) {
        return blocks.isByAddressAlone(reply) ? DropReason.NAT_EXHAUSTED : DropReason.TUPLE_IN_USE;
      }
    }
    return paths.put(reply, lane, trafficClass, vHigh, vLow, nowNs)
        ? DropReason.NONE
        : DropReason.PATH_TABLE_FULL;
  }

  /**
   * Ports of pool addresses are given out one by one, and not again before their flow has ended.
   */
  private boolean isClaimed(Tuple reply) {
    return blocks.pool(reply.destinationHigh, reply.destinationLow) >= 0
        && !blocks.isByAddressAlone(reply);
  }

  /**
   * Whether another live flow has the tuple of the replies of a flow that is to begin here, as far
   * as that is known here: otherwise the one that is to record its path knows.
   *
   * @param lane lane of the key of the flow
   */
  public boolean isTaken(
      Tuple reply, int lane, int trafficClass, long vHigh, long vLow, long nowNs) {
    if (flows.isInLane(reply, lane, nowNs)) {
      return true;
    }
    if (!records) {
      return false;
    }
    FlowKey key = ownership.key;
    int owner = ownership.ownerOf(reply, key);
    if (!ownership.isHere(owner, key.trafficClass, key.vHigh, key.vLow)) {
      return false;
    }
    int replyLane = Lanes.laneOf(key.vHigh, key.vLow);
    return replyLane != lane && flows.isInLane(reply, replyLane, nowNs)
        || paths.isOthers(reply, trafficClass, vHigh, vLow, nowNs);
  }
}
