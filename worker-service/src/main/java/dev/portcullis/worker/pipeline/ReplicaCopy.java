package dev.portcullis.worker.pipeline;

import dev.portcullis.core.elastic.Replica;
import dev.portcullis.core.elastic.ReplicaMessage;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a guardian has of one shard of a worker: {@link Replica} over the tables of a shard that
 * takes no packets. Thread: the shard of the guardian that the rows come to, which runs that shard,
 * too.
 */
public final class ReplicaCopy implements Replica.Store {

  static final int FILL = 0, CHANGES = 1, FULL = 2, DISMISS = 3, BEAT = 4;

  private static final ReplicaMessage NEWS = new ReplicaMessage.Changes(0, null, List.of());

  private final StateRows rows;
  private final Replica machine = new Replica(this);
  private final StateMessage message = new StateMessage();
  private long number;
  private long answered;
  private long awaited;
  private long lastNs;
  private long generation;

  ReplicaCopy(StateRows rows) {
    this.rows = rows;
  }

  /** Takes a row; once it is sealed nothing. */
  public void take(PacketBatch batch, int i) {
    if (machine.isSealed()) {
      return;
    }
    lastNs = Math.max(lastNs, batch.captureTimeNs[i]);
    if (StateMessage.type(batch, i) != StateMessage.REPLICA) {
      rows.take(batch, i);
      awaited--;
      return;
    }
    if (StateMessage.words(batch, i) == 4) {
      number = StateMessage.word(batch, i, 0);
      awaited = StateMessage.word(batch, i, 2);
      generation = StateMessage.word(batch, i, 3);
      machine.take(
          switch ((int) StateMessage.word(batch, i, 1)) {
            case FILL -> {
              answered = number - 1;
              yield new ReplicaMessage.Fill();
            }
            case FULL -> new ReplicaMessage.Full();
            case DISMISS -> new ReplicaMessage.Dismiss();
            case BEAT -> new ReplicaMessage.Beat();
            default -> NEWS;
          });
    }
  }

  /**
   * Says how far it is, to where the rows come from, if that is farther than before.
   *
   * @param guardian life of this worker
   */
  public void answer(@Nullable Outlet to, long guardian) {
    long all = awaited > 0 ? number - 1 : number;
    if (to == null || machine.isSealed() || all <= answered) {
      return;
    }
    answered = all;
    PacketBatch row = message.begin(StateMessage.REPLICATED).add(guardian).add(all).row(0, lastNs);
    row.flags[0] |= PacketFlags.REPLICA;
    to.offer(row, 0);
    to.flush();
  }

  /** Which life of the worker it is of. */
  public long generation() {
    return generation;
  }

  /** Whether a successor could begin with it. */
  public boolean isFull() {
    return machine.isFull();
  }

  /** Takes nothing any more. Returns whether a successor can begin with it. */
  public boolean seal() {
    return machine.seal() && awaited <= 0;
  }

  /** The successor begins. */
  public void goOn(long nowNs) {
    rows.goOn(Math.max(nowNs, lastNs));
  }

  @Override
  public void clear() {
    rows.clear();
  }

  @Override
  public void install(Object entries) {
    // they come as rows of their own
  }
}
