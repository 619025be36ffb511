package dev.portcullis.standalone.simulate;

import java.util.ArrayDeque;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/** Simulated time: events run one after the other, by time and then in the order they were made. */
final class Clockwork {

  static final long US = 1_000;
  static final long MS = 1_000_000;
  static final long SECOND = 1_000_000_000;

  /** Who runs events: while it is paused they wait for it, and with its end they go. */
  static class Actor {
    private final ArrayDeque<Runnable> inbox = new ArrayDeque<>();
    private long pausedUntilNs;
    private boolean ended;

    /** Whether nothing runs here any more. */
    boolean ended() {
      return ended;
    }

    /** Nothing runs here any more. */
    void end() {
      ended = true;
      inbox.clear();
    }
  }

  private record Event(long atNs, long number, @Nullable Actor actor, Runnable task)
      implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      int order = Long.compare(atNs, other.atNs);
      return order != 0 ? order : Long.compare(number, other.number);
    }
  }

  private final PriorityQueue<Event> queue = new PriorityQueue<>();
  private long nowNs;
  private long made;
  private long ran;
  private long digest = 0x9e3779b97f4a7c15L;

  long nowNs() {
    return nowNs;
  }

  /** Number of events that have run. */
  long ran() {
    return ran;
  }

  /** A sum over what happened: equal for equal runs. */
  long digest() {
    return digest;
  }

  /** Adds something that happened to the digest. */
  void note(long what) {
    digest = Long.rotateLeft(digest ^ what, 23) * 0x9e3779b97f4a7c15L;
  }

  /** Runs {@code task} at a time, not before now. */
  void at(long atNs, @Nullable Actor actor, Runnable task) {
    queue.add(new Event(Math.max(atNs, nowNs), made++, actor, task));
  }

  /** Runs {@code task} later. */
  void after(long delayNs, @Nullable Actor actor, Runnable task) {
    at(nowNs + delayNs, actor, task);
  }

  /** From now on an actor does nothing until a time; what comes meanwhile waits, in order. */
  void pause(Actor actor, long untilNs) {
    if (untilNs > actor.pausedUntilNs && !actor.ended) {
      actor.pausedUntilNs = untilNs;
      at(untilNs, null, () -> wake(actor));
    }
  }

  private void wake(Actor actor) {
    if (nowNs >= actor.pausedUntilNs) {
      while (!actor.inbox.isEmpty()) {
        run(actor.inbox.poll());
      }
    }
  }

  private void run(Runnable task) {
    ran++;
    note(nowNs);
    task.run();
  }

  /** Runs the next event. Returns false when there is none. */
  boolean step() {
    Event event = queue.poll();
    if (event == null) {
      return false;
    }
    nowNs = event.atNs;
    Actor actor = event.actor;
    if (actor == null) {
      run(event.task);
    } else if (!actor.ended) {
      if (nowNs < actor.pausedUntilNs || !actor.inbox.isEmpty()) {
        actor.inbox.add(event.task);
      } else {
        run(event.task);
      }
    }
    return true;
  }
}
