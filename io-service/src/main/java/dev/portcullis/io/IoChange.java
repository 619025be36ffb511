package dev.portcullis.io;

import dev.portcullis.core.change.ShardRow;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.elastic.ChangeModule;
import dev.portcullis.core.elastic.ChangeSender;
import dev.portcullis.core.elastic.ControlMessage.Abort;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.elastic.ShardMessage;
import dev.portcullis.core.packet.PacketBatch;
import org.jspecify.annotations.Nullable;

/**
 * A change of table in an IO module: runs {@link ChangeSender} and {@link ChangeModule}. Thread:
 * the loop of the module.
 */
final class IoChange implements ChangeSender.Actions, ChangeModule.Actions {

  /** What the module does for it. */
  interface Host {

    /** Opens links to the workers of a table that is coming. */
    void open(DistributionTable coming);

    /** From now on assigns by this table. */
    void switchTo(DistributionTable table);

    /** Closes links to workers that have no place in the present table. */
    void closeUnused();

    /** Puts a message behind all that was sent to a shard. */
    void send(ShardId to, PacketBatch row);

    /** Whether to acknowledge at once what others send. */
    void eager(boolean it);

    /** Tells the switch module. */
    void answer(Answer answer);
  }

  private final Life self;
  private final Host host;
  private final ShardRow row = new ShardRow();
  private int epoch;
  private @Nullable ChangeModule module;
  private @Nullable ChangeSender sender;
  private @Nullable DistributionTable next;
  private boolean left;

  IoChange(Life self, Host host) {
    this.self = self;
    this.host = host;
  }

  /**
   * A step has come.
   *
   * @param coming the table that is coming; with {@code prepare}
   */
  void order(Order order, @Nullable DistributionTable coming) {
    if (order instanceof Prepare prepare && prepare.next().epoch() != epoch) {
      epoch = prepare.next().epoch();
      module = new ChangeModule(self, this);
      sender = new ChangeSender(new ShardId(self.module(), 0), prepare.now(), this);
      next = coming;
    }
    ChangeModule it = module;
    if (it != null) {
      it.order(order);
    }
  }

  @Override
  public void shards(Order order) {
    ChangeSender it = sender;
    ChangeModule of = module;
    DistributionTable coming = next;
    if (it == null || of == null || coming == null) {
      return;
    }
    switch (order) {
      case Prepare prepare -> {
        host.eager(true);
        host.open(coming);
        it.prepare(prepare.now(), prepare.next());
        of.prepared(0, prepare.next().epoch(), true);
      }
      case Commit commit -> {
        it.commit();
        of.done(0, commit.epoch());
      }
      case Abort _ -> {
        it.abort();
        end();
      }
      case Retire _ -> {
        it.retire();
        end();
      }
      case Generation generation -> it.generation(generation.ended(), generation.successor());
      default -> {}
    }
  }

  private void end() {
    left |= !mayTakeIn();
    sender = null;
    next = null;
    host.eager(false);
    host.closeUnused();
  }

  /**
   * S3: whether packets may be taken in. Not any more when this module sends by a table in which it
   * has no place: nobody waits for its next barrier.
   */
  boolean mayTakeIn() {
    ChangeSender it = sender;
    return !left && (it == null || it.mayTakeIn());
  }

  /** Whether a table without this module holds. */
  boolean hasLeft() {
    return left;
  }

  /** Whether a change is in progress. */
  boolean inProgress() {
    return sender != null;
  }

  /** The change to a table is complete, if it is in progress: its last step has not come. */
  void complete(int epoch) {
    ChangeSender it = sender;
    if (it != null && it.switched() && it.epoch() == epoch) {
      it.retire();
      end();
    }
  }

  /** A change that nobody goes on with. */
  void abandon() {
    if (sender != null) {
      end();
    }
  }

  /** Packets under a table have come: whoever sends by the next one has been told to. */
  void heard(int epoch) {
    ChangeSender it = sender;
    if (it != null && epoch > it.epoch()) {
      it.commit();
    }
  }

  @Override
  public void send(ShardId to, ShardMessage message) {
    DistributionTable coming = next;
    if (coming != null) {
      host.switchTo(coming);
      host.send(to, row.write(new ShardId(self.module(), 0), message));
    }
  }

  @Override
  public void answer(Answer answer) {
    host.answer(answer);
  }
}
