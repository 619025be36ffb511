package dev.portcullis.standalone.simulate;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Objects;
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

  /** Children of a place of the heap. */
  private static final int CHILDREN = 4;

  /** Bits of {@link #heap} that name a place in {@link #tasks}; the number is above. */
  private static final int SLOT_BITS = 20;

  private static final int FIRST_SIZE = 1 << 9;

  // what is to come: of each its time, then its number and its slot
  private long[] heap = new long[2 * FIRST_SIZE];
  private int size;

  // by slot
  private @Nullable Actor[] actors = new Actor[FIRST_SIZE];
  private @Nullable Runnable[] tasks = new Runnable[FIRST_SIZE];
  private int[] free = new int[FIRST_SIZE];
  private int slots;
  private int freeSlots;

  // the schedule, beside the heap: all of it is known from the beginning
  private long[] scheduledNs = new long[0];
  private Runnable[] scheduled = new Runnable[0];
  private long firstScheduled;
  private int nextScheduled;

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
    int slot = freeSlots > 0 ? free[--freeSlots] : newSlot();
    actors[slot] = actor;
    tasks[slot] = task;
    if (2 * size == heap.length) {
      heap = Arrays.copyOf(heap, 2 * heap.length);
    }
    long timeNs = Math.max(atNs, nowNs);
    int place = size++;
    // it has the highest number: of equal times it is the last
    while (place > 0) {
      int parent = (place - 1) / CHILDREN;
      if (heap[2 * parent] <= timeNs) {
        break;
      }
      set(place, heap[2 * parent], heap[2 * parent + 1]);
      place = parent;
    }
    set(place, timeNs, made++ << SLOT_BITS | slot);
  }

  private int newSlot() {
    if (slots == tasks.length) {
      if (slots == 1 << SLOT_BITS) {
        throw new IllegalStateException("more than " + slots + " events are to come");
      }
      actors = Arrays.copyOf(actors, 2 * slots);
      tasks = Arrays.copyOf(tasks, 2 * slots);
      free = Arrays.copyOf(free, 2 * slots);
    }
    return slots++;
  }

  private void set(int place, long timeNs, long number) {
    heap[2 * place] = timeNs;
    heap[2 * place + 1] = number;
  }

  /** Takes the first out of the heap. */
  private void removeFirst() {
    long[] all = heap;
    int end = 2 * --size;
    long timeNs = all[end];
    long number = all[end + 1];
    int place = 0;
    while (true) {
      int child = CHILDREN * place + 2;
      if (child >= end) {
        break;
      }
      int least = child;
      long leastNs = all[child];
      int last = Math.min(child + 2 * CHILDREN, end);
      for (int it = child + 2; it < last; it += 2) {
        long itNs = all[it];
        if (itNs < leastNs || itNs == leastNs && all[it + 1] < all[least + 1]) {
          least = it;
          leastNs = itNs;
        }
      }
      if (timeNs < leastNs || timeNs == leastNs && number < all[least + 1]) {
        break;
      }
      all[place] = leastNs;
      all[place + 1] = all[least + 1];
      place = least;
    }
    all[place] = timeNs;
    all[place + 1] = number;
  }

  /** Runs tasks that have a time each, ascending, as if they were added now, one by one. */
  void schedule(long[] timesNs, Runnable[] all) {
    scheduledNs = timesNs;
    scheduled = all;
    firstScheduled = made;
    made += all.length;
  }

  /** Whether what was scheduled is next. */
  private boolean isScheduledNext() {
    if (nextScheduled == scheduled.length) {
      return false;
    }
    long timeNs = scheduledNs[nextScheduled];
    return size == 0
        || timeNs < heap[0]
        || timeNs == heap[0] && firstScheduled + nextScheduled < heap[1] >> SLOT_BITS;
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
    if (isScheduledNext()) {
      nowNs = scheduledNs[nextScheduled];
      run(scheduled[nextScheduled++]);
      return true;
    }
    if (size == 0) {
      return false;
    }
    nowNs = heap[0];
    int slot = (int) heap[1] & (1 << SLOT_BITS) - 1;
    removeFirst();
    Actor actor = actors[slot];
    Runnable task = Objects.requireNonNull(tasks[slot]);
    actors[slot] = null;
    tasks[slot] = null;
    free[freeSlots++] = slot;
    if (actor == null) {
      run(task);
    } else if (!actor.ended) {
      if (nowNs < actor.pausedUntilNs || !actor.inbox.isEmpty()) {
        actor.inbox.add(task);
      } else {
        run(task);
      }
    }
    return true;
  }
}
