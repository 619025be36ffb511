package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.LentTuples;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.Tuple;

/**
 * Entries of a shard as rows for a copy of it, with {@link PacketFlags#REPLICA}, and such rows as
 * entries of the copy. Rows are those by which a change of table moves the same state; who owns a
 * key is not asked.
 *
 * <p>Thread: one shard.
 */
final class StateRows {

  private final FlowTable flows;
  private final PathTable paths;
  private final LentTuples lent;
  private final MovingFlows movingFlows;
  private final MovingPaths movingPaths;
  private final FtpMoves ftp;
  private final FlowMoves moves;
  private final StateMessage message = new StateMessage();
  private final Tuple tuple = new Tuple();
  private final long[] words = new long[5];
  private long nowNs;

  StateRows(
      FlowTable flows,
      PathTable paths,
      LentTuples lent,
      MovingFlows movingFlows,
      MovingPaths movingPaths,
      FtpMoves ftp,
      FlowMoves moves) {
    this.flows = flows;
    this.paths = paths;
    this.lent = lent;
    this.movingFlows = movingFlows;
    this.movingPaths = movingPaths;
    this.ftp = ftp;
    this.moves = moves;
  }

  /** Capture time of the packet or tick before. */
  void now(long timeNs) {
    nowNs = timeNs;
  }

  /** Whether a flow has state besides its entry, which changes without it. */
  boolean changesUnseen(int flow) {
    return (flows.flags(flow) & FlowTable.HELPED) != 0 && !flows.isAnnounced(flow);
  }

  /** Adds a flow, with what is known of an FTP control connection; returns the bytes in use. */
  int flow(int flow, PacketBatch out, int used) {
    if ((flows.flags(flow) & FlowTable.MAPPED) != 0) {
      return used; // its mapping does not travel
    }
    int now = add(movingFlows.row(flow, nowNs), out, used);
    PacketBatch control = ftp.row(flow, flows.lane(flow), 0, nowNs);
    return control == null ? now : add(control, out, now);
  }

  /** Adds a path record. */
  int path(int record, PacketBatch out, int used) {
    message.begin(StateMessage.PATHS);
    for (int word = 0; word < PathTable.RECORD_WORDS; word++) {
      message.add(paths.word(record, word));
    }
    return add(message.row(0, nowNs), out, used);
  }

  /**
   * Adds a tuple that is lent.
   *
   * @param epoch table by which it is; negative: it is so no more
   */
  int tuple(long hash, int epoch, PacketBatch out, int used) {
    message.begin(epoch < 0 ? StateMessage.GIVEN_BACK : StateMessage.LENT).add(hash);
    return add(message.row(Math.max(0, epoch), nowNs), out, used);
  }

  /** Adds that an entry has gone. */
  int gone(int type, StateJournal.Words from, int count, PacketBatch out, int used) {
    message.begin(type);
    for (int word = 0; word < count; word++) {
      message.add(from.take());
    }
    return add(message.row(0, nowNs), out, used);
  }

  private static int add(PacketBatch row, PacketBatch out, int used) {
    int now = out.append(row, 0, used);
    out.flags[out.count - 1] |= PacketFlags.REPLICA;
    return now;
  }

  /** Nothing is left of the copy. */
  void clear() {
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      for (int flow = flows.firstOfLane(lane); flow >= 0; flow = flows.firstOfLane(lane)) {
        tuple.read(flows.words(flow), flows.at(flow) + FlowTable.FORWARD);
        flows.forget(tuple, nowNs);
      }
      for (int record = paths.firstOfLane(lane); record >= 0; record = paths.firstOfLane(lane)) {
        paths.remove(record);
      }
    }
  }

  /** Takes an entry in, in place of what the copy had of it. */
  void take(PacketBatch batch, int i) {
    nowNs = batch.captureTimeNs[i];
    switch (StateMessage.type(batch, i)) {
      case FlowRecord.TYPE -> moves.copy(batch, i, ftp);
      case StateMessage.FTP_CONTROL -> ftp.receive(batch, i);
      case StateMessage.PATHS -> movingPaths.copy(batch, i);
      case StateMessage.LENT ->
          lent.lend(StateMessage.word(batch, i, 0), StateMessage.epoch(batch, i), nowNs);
      case StateMessage.GIVEN_BACK -> lent.givenBack(StateMessage.word(batch, i, 0), nowNs);
      case StateMessage.FLOW_GONE -> {
        if (readTuple(batch, i)) {
          flows.forget(tuple, nowNs);
        }
      }
      case StateMessage.PATH_GONE -> {
        if (readTuple(batch, i)) {
          paths.forget(tuple);
        }
      }
      default -> {}
    }
  }

  private boolean readTuple(PacketBatch batch, int i) {
    if (StateMessage.words(batch, i) != words.length) {
      return false;
    }
    for (int word = 0; word < words.length; word++) {
      words[word] = StateMessage.word(batch, i, word);
    }
    tuple.read(words, 0);
    return true;
  }

  /**
   * The copy goes on as the state of a shard: what lives has been seen by somebody who is gone, and
   * the tuples of flows are taken.
   */
  void goOn(long timeNs) {
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      flows.seenAll(lane, timeNs);
      paths.seenAll(lane, timeNs);
      for (int flow = flows.firstOfLane(lane); flow >= 0; flow = flows.nextOfLane(flow)) {
        lent.stays(flow, timeNs);
      }
    }
  }
}
