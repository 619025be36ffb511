package dev.portcullis.core.elastic;

import dev.portcullis.core.link.ModuleId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the coordinator and the modules say to each other. */
public sealed interface ControlMessage {

  /** From the coordinator; a module obeys the highest term that it has met. */
  sealed interface Order extends ControlMessage {
    /** Life of the coordinator, from the operator. */
    long term();
  }

  /**
   * The first order to a life that has a place: it starts under this table.
   *
   * @param next table of a change in progress in which it has the place of an earlier life, null
   *     where there is none
   * @param committed whether {@code next} is decided
   */
  record Begin(long term, Members now, @Nullable Members next, boolean committed)
      implements Order {}

  /**
   * A change is coming: know {@code next}, open channels, copy. To a module that had no place in
   * {@code now} this is the first order.
   */
  record Prepare(long term, Members now, Members next) implements Order {}

  /** The change is decided: switch. */
  record Commit(long term, int epoch) implements Order {}

  /** The change will not be: forget it. */
  record Abort(long term, int epoch) implements Order {}

  /** The change is complete: the table before it may go. */
  record Retire(long term, int epoch) implements Order {}

  /** A new coordinator asks for the {@link State}. */
  record Ask(long term) implements Order {}

  /**
   * A life has ended or is fenced: nothing of it is taken any more.
   *
   * @param ended the life
   * @param successor the one that goes on with its number, null where there is none
   */
  record Generation(long term, Life ended, @Nullable Life successor) implements Order {}

  /** To a worker: who should have its replica. */
  record Guard(long term, Life guardian) implements Order {}

  /** To a worker: its guardian is known to have a full replica; others may be dismissed. */
  record Guarded(long term, Life guardian) implements Order {}

  /**
   * To a guardian: what it has of a life that has ended goes on as the next life of that worker.
   */
  record Takeover(long term, Life of) implements Order {}

  /** A life is known to have ended: as a guardian it counts no longer. */
  record Gone(long term, Life life) implements Order {}

  /** A module says something of itself. */
  sealed interface Answer extends ControlMessage {
    /** Who says it. */
    Life from();
  }

  /**
   * The table is known and channels are open.
   *
   * @param copied whether little is left to copy, too
   */
  record Prepared(Life from, int epoch, boolean copied) implements Answer {}

  /** Nothing of the change is left to do here. */
  record Done(Life from, int epoch) implements Answer {}

  /** The barrier of a member has not come {@link Timing#barrierNs} after the switch. */
  record Missing(Life from, int epoch, ModuleId member) implements Answer {}

  /**
   * What a guardian has; said when it changes, and again ahead of each {@link State}.
   *
   * @param of the life whose replica it is
   * @param full whether a successor could begin with it
   */
  record Guarding(Life from, Life of, boolean full) implements Answer {}

  /**
   * Answer to {@link Ask}.
   *
   * @param now the table before the change in progress, or the present one; {@link Members#NONE}:
   *     no order has come yet
   * @param next table of the change in progress, null where there is none
   * @param committed whether {@code next} is decided
   * @param left whether it had a place and has none any more: it ends
   * @param ended the last life of each module that it was told the end of
   * @param guardians lives that may have its replica, as far as it was not told their end
   */
  record State(
      Life from,
      long term,
      Members now,
      @Nullable Members next,
      boolean committed,
      boolean left,
      List<Life> ended,
      List<Life> guardians)
      implements Answer {

    /** Whether this module takes nothing of a life any more. */
    boolean refuses(Life life) {
      return ended.stream()
          .anyMatch(
              it -> it.module().equals(life.module()) && it.generation() >= life.generation());
    }
  }
}
