package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Ownership;

/** Path records, pins included: their key is that of the reply (of a pin, the request). */
final class MovingPaths implements MovingState {

  private final PathTable paths;
  private final Ownership ownership;
  private final StateMessage message = new StateMessage();
  private final FlowKey key = new FlowKey();
  private final Tuple tuple = new Tuple();
  private final long[] words = new long[PathTable.RECORD_WORDS];

  MovingPaths(PathTable paths, Ownership ownership) {
    this.paths = paths;
    this.ownership = ownership;
  }

  @Override
  public void give(int lane, int to, long nowNs, Sink sink) {
    int epoch = ownership.table().epoch();
    message.begin(StateMessage.PATHS, lane);
    int next;
    for (int it = paths.firstOfLane(lane); it >= 0; it = next) {
      next = paths.nextOfLane(it);
      paths.tuple(it, tuple);
      if (ownership.ownerOf(tuple, key) == to) {
        if (!message.hasRoom(PathTable.RECORD_WORDS)) {
          sink.send(message.row(epoch, nowNs));
          message.begin(StateMessage.PATHS, lane);
        }
        for (int word = 0; word < PathTable.RECORD_WORDS; word++) {
          message.add(paths.word(it, word));
        }
        paths.remove(it);
      }
    }
    if (!message.isEmpty()) {
      sink.send(message.row(epoch, nowNs));
    }
  }

  /** Takes records in whose replies come here. */
  void take(PacketBatch batch, int i) {
    take(batch, i, false);
  }

  /** Takes records of another worker in, of which this is a copy. */
  void copy(PacketBatch batch, int i) {
    take(batch, i, true);
  }

  private void take(PacketBatch batch, int i, boolean isCopy) {
    int count = StateMessage.words(batch, i);
    for (int at = 0; at + words.length <= count; at += words.length) {
      for (int word = 0; word < words.length; word++) {
        words[word] = StateMessage.word(batch, i, at + word);
      }
      tuple.read(words, 0);
      if (isCopy) {
        paths.install(tuple, words, PathTable.lane(words));
        continue;
      }
      int owner = ownership.ownerOf(tuple, key);
      if (ownership.owns(owner, key.vHigh, key.vLow)) {
        paths.install(tuple, words, Lanes.laneOf(key.vHigh, key.vLow));
      }
    }
  }
}
