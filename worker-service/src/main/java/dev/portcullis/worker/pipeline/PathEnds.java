package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.FlowListener;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Ownership;

/**
 * Tells the one that records the path of a flow's replies that the flow has ended, so that another
 * flow may have the tuple. What does not arrive costs time only: the record expires by itself. News
 * that comes before the record, which a new table moves, waits for it as packets do.
 *
 * <p>Thread: one shard.
 */
final class PathEnds implements FlowListener {

  /** Words of an end: the tuple of replies, and the key of the flow. */
  private static final int WORDS = 8;

  private final FlowTable flows;
  private final PathTable paths;
  private final Ownership ownership;
  private final Mail mail;
  private final FlowKey key = new FlowKey();
  private final Tuple tuple = new Tuple();
  private final long[] words = new long[WORDS];
  private final StateMessage message = new StateMessage();

  PathEnds(FlowTable flows, PathTable paths, Ownership ownership, Mail mail) {
    this.flows = flows;
    this.paths = paths;
    this.ownership = ownership;
    this.mail = mail;
  }

  @Override
  public void ended(int flow, EndReason why, long atNs) {
    if (why == EndReason.HANDED_OVER
        || flows.has(flow, FlowTable.MOVED)
        || ownership.table == null) {
      return;
    }
    tuple.read(flows.words(flow), flows.at(flow) + FlowTable.REVERSE);
    int owner = ownership.ownerOf(tuple, key);
    int trafficClass = flows.trafficClass(flow);
    long vHigh = flows.get(flow, FlowTable.V_HIGH);
    long vLow = flows.get(flow, FlowTable.V_LOW);
    if (key.trafficClass == trafficClass && key.vHigh == vHigh && key.vLow == vLow) {
      return; // nobody else sees its replies
    }
    long nowNs = Math.max(atNs, flows.noticedNs());
    if (ownership.isHere(owner, key.trafficClass, key.vHigh, key.vLow)) {
      paths.ended(tuple, trafficClass, vHigh, vLow, nowNs);
      return;
    }
    message.begin(StateMessage.PATH_ENDED);
    for (int word = 0; word < WORDS - 3; word++) {
      message.add(flows.get(flow, FlowTable.REVERSE + word));
    }
    message.add(trafficClass).add(vHigh).add(vLow);
    int lane = Lanes.laneOf(key.vHigh, key.vLow);
    mail.send(
        owner, ownership.linkLane(owner, lane), message.row(ownership.table().epoch(), nowNs, key));
  }

  /** Another shard tells of the end of a flow. */
  void receive(PacketBatch batch, int i) {
    if (StateMessage.words(batch, i) == WORDS) {
      for (int word = 0; word < WORDS; word++) {
        words[word] = StateMessage.word(batch, i, word);
      }
      tuple.read(words, 0);
      paths.ended(
          tuple,
          (int) words[WORDS - 3],
          words[WORDS - 2],
          words[WORDS - 1],
          batch.captureTimeNs[i]);
    }
  }
}
