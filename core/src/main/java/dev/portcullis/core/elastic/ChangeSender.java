package dev.portcullis.core.elastic;

import dev.portcullis.core.elastic.ShardMessage.Barrier;
import org.jspecify.annotations.Nullable;

/**
 * The sending side of a change, in every shard of every module: under which table packets go out.
 *
 * <p>S1: on commit, or on any message of the next table, the shard switches in one step: a barrier
 * behind what is queued for every worker, then the next table only. Nobody waits before this. S2,
 * the queue of a channel that is down, is the channel's: barriers keep their place in it.
 *
 * <p>Thread: the shard.
 */
public final class ChangeSender {

  /** Where messages go. */
  public interface Actions {

    /** Puts a message behind all that was sent to a shard, or is queued for it. */
    void send(ShardId to, ShardMessage message);

    /**
     * Opens channels to all shards of a member, if they are not open. Nothing where who runs this
     * opens them for the whole table, or when somebody sends.
     */
    default void open(Life member) {}

    /** A member takes part no more: its channels may go when they are empty. As {@link #open}. */
    default void close(Life member) {}
  }

  private final ShardId self;
  private final Actions actions;
  private Members now;
  private @Nullable Members next;
  private int epoch;

  /** Begins under {@code now}, with channels to all its members. */
  public ChangeSender(ShardId self, Members now, Actions actions) {
    this.self = self;
    this.now = now;
    this.actions = actions;
    epoch = now.epoch();
    now.lives().forEach(actions::open);
  }

  /** Number of the table under which packets go out now. */
  public int epoch() {
    return epoch;
  }

  /** The table before the change in progress, or the present one. */
  public Members now() {
    return now;
  }

  /** The table of the change in progress, null where there is none. */
  public @Nullable Members next() {
    return next;
  }

  /** Whether this shard is under the next table while the change is in progress. */
  public boolean switched() {
    return next != null && epoch == next.epoch();
  }

  /**
   * S3: whether this module may take packets in. One that has no place in the table under which it
   * sends may not: nobody waits for its next barrier.
   */
  public boolean mayTakeIn() {
    Members coming = next;
    return (coming != null && epoch == coming.epoch() ? coming : now).has(self.module());
  }

  /** A change is coming, from a table that is the present one. */
  public void prepare(Members present, Members coming) {
    if (next != null) {
      retireOrAbort();
    }
    now = present;
    epoch = present.epoch();
    next = coming;
    present.lives().forEach(actions::open);
    coming.lives().forEach(actions::open);
  }

  /** S1. Returns whether this was the moment of the switch. */
  public boolean commit() {
    Members coming = next;
    if (coming == null || epoch == coming.epoch()) {
      return false;
    }
    epoch = coming.epoch();
    for (Life member : now.union(coming)) {
      for (int shard = 0; member.isWorker() && shard < member.shards(); shard++) {
        ShardId to = new ShardId(member.module(), shard);
        if (!to.equals(self)) {
          actions.send(to, new Barrier(epoch));
        }
      }
    }
    return true;
  }

  private void retireOrAbort() {
    if (switched()) {
      retire();
    } else {
      abort();
    }
  }

  /** The change will not be. */
  public void abort() {
    Members coming = next;
    next = null;
    if (coming != null) {
      closeAllOf(coming, now);
    }
  }

  /** The change is complete. */
  public void retire() {
    Members coming = next;
    if (coming != null) {
      Members before = now;
      now = coming;
      next = null;
      closeAllOf(before, coming);
    }
  }

  private void closeAllOf(Members gone, Members stay) {
    for (Life member : gone.lives()) {
      if (!stay.has(member.module())) {
        actions.close(member);
      }
    }
  }

  /** Whether a life takes part in the present table or the next. */
  public boolean isMember(Life life) {
    return life.equals(now.of(life.module()))
        || next != null && life.equals(next.of(life.module()));
  }

  /** A life has ended; {@code successor}, if there is one, has its place. */
  public void generation(Life ended, @Nullable Life successor) {
    now = successor == null ? now.without(ended) : now.with(successor);
    if (next != null) {
      next = successor == null ? next.without(ended) : next.with(successor);
    }
    if (successor != null
        && (now.has(successor.module()) || next != null && next.has(successor.module()))) {
      actions.open(successor);
    }
  }
}
