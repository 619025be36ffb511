package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import java.util.Arrays;

/**
 * When flows are due: a timing wheel of seven levels of 64 slots per lane. A tick is 2^24 ns, a
 * slot of level n is 64^n ticks. A packet does not touch the wheel: a flow stays where its old
 * deadline put it, and is put where it belongs when that is reached. Every flow of the lane is in
 * exactly one slot, so the wheel is the list of the flows of a lane, too.
 *
 * <p>Let {@code now} be the tick that the wheel has come to. A flow lies at the level of the
 * highest digit (to base 64) in which its tick differs from {@code now}; so all slots of a level
 * come before those of the next, and slots that nothing is in are passed over however long they
 * are. A slot of a higher level that {@code now} reaches is emptied into lower ones, flow by flow.
 *
 * <p>The last word of an entry links it: previous and next, as numbers plus one; at the ends, minus
 * the number of the slot less one.
 *
 * <p>Work: a flow goes down a level at most six times in its life, and is put off once in a
 * timeout; each call of {@link #due} does one such step. Thread: one shard.
 */
final class FlowTimers {

  /** Deadlines lie before this, whatever the packets say: half of all time. */
  static final long END_OF_TIME_NS = Long.MAX_VALUE / 2;

  private static final int TICK_BITS = 24;
  private static final int DIGIT = 6;
  private static final int SLOTS = 1 << DIGIT;
  private static final int LEVELS = 7;

  private final EntryStore store;
  private final int linkWord;
  private final FlowTable flows;
  private final int[] heads = new int[Lanes.COUNT * LEVELS * SLOTS];
  private final long[] occupied = new long[Lanes.COUNT * LEVELS];
  private final long[] nowTick = new long[Lanes.COUNT];
  private final long[] soonestNs = new long[Lanes.COUNT];
  private final int[] counts = new int[Lanes.COUNT];

  FlowTimers(EntryStore store, int linkWord, FlowTable flows) {
    this.store = store;
    this.linkWord = linkWord;
    this.flows = flows;
    Arrays.fill(heads, -1);
    Arrays.fill(soonestNs, Long.MIN_VALUE);
  }

  private static long tick(long timeNs) {
    return Math.clamp(timeNs, 0, END_OF_TIME_NS) >>> TICK_BITS;
  }

  /** Takes a flow in. */
  void add(int flow, int lane) {
    counts[lane]++;
    put(flow, lane);
  }

  /** Takes a flow out. */
  void remove(int flow, int lane) {
    counts[lane]--;
    unlink(flow);
  }

  /** Puts a flow where its deadline is now: it may be sooner than it was. */
  void move(int flow, int lane) {
    unlink(flow);
    put(flow, lane);
  }

  int count(int lane) {
    return counts[lane];
  }

  int count() {
    int sum = 0;
    for (int count : counts) {
      sum += count;
    }
    return sum;
  }

  private void put(int flow, int lane) {
    long deadlineNs = flows.deadlineNs(flow);
    long tick = Math.max(tick(deadlineNs), nowTick[lane]);
    int level = (63 - Long.numberOfLeadingZeros(tick ^ nowTick[lane] | SLOTS - 1)) / DIGIT;
    int digit = (int) (tick >>> level * DIGIT) & SLOTS - 1;
    if (tick == nowTick[lane]) {
      soonestNs[lane] = Math.min(soonestNs[lane], deadlineNs);
    }
    int row = lane * LEVELS + level;
    int slot = row * SLOTS + digit;
    int head = heads[slot];
    link(flow, -1 - slot, head >= 0 ? head + 1 : -1 - slot);
    if (head >= 0) {
      link(head, flow + 1, nextCode(head));
    }
    heads[slot] = flow;
    occupied[row] |= 1L << digit;
  }

  private void unlink(int flow) {
    int previous = previousCode(flow);
    int next = nextCode(flow);
    if (previous > 0) {
      link(previous - 1, previousCode(previous - 1), next);
    } else {
      int slot = -1 - previous;
      heads[slot] = next > 0 ? next - 1 : -1;
      if (next < 0) {
        occupied[slot / SLOTS] &= ~(1L << slot % SLOTS);
      }
    }
    if (next > 0) {
      link(next - 1, previous, nextCode(next - 1));
    }
  }

  private void link(int flow, int previous, int next) {
    store.set(flow, linkWord, (long) previous << 32 | next & 0xffff_ffffL);
  }

  private int previousCode(int flow) {
    return (int) (store.get(flow, linkWord) >>> 32);
  }

  private int nextCode(int flow) {
    return (int) store.get(flow, linkWord);
  }

  /** {@link #due}: nothing is due. */
  static final int NOTHING = -1;

  /** {@link #due}: a flow was moved; more may be due. */
  static final int MOVED = -2;

  /**
   * Does one step: returns a flow of the lane that is past its deadline, which the caller takes
   * out, {@link #MOVED} or {@link #NOTHING}.
   *
   * @param withinTick whether to look for what is due within the present tick too; without, {@link
   *     #NOTHING} speaks of whole ticks
   */
  int due(int lane, long nowNs, boolean withinTick) {
    // time may go back, between captures: what was due later than now has its slot here then
    long reached = Math.max(tick(nowNs), nowTick[lane]);
    int level = lowestLevel(lane);
    if (level < 0) {
      advance(lane, reached);
      return NOTHING;
    }
    int row = lane * LEVELS + level;
    int digit = Long.numberOfTrailingZeros(occupied[row]);
    int shift = level * DIGIT;
    long above = nowTick[lane] >>> shift + DIGIT << shift + DIGIT;
    long start = above | (long) digit << shift;
    if (start > reached || start == reached && level == 0) {
      advance(lane, reached);
      return start == reached && withinTick
          ? withinTick(lane, row * SLOTS + digit, nowNs)
          : NOTHING;
    }
    advance(lane, start);
    int flow = heads[row * SLOTS + digit];
    if (flows.deadlineNs(flow) < nowNs) {
      return flow;
    }
    move(flow, lane);
    return MOVED;
  }

  /**
   * Returns the level whose slots come first, -1: all are empty; a slot that is being emptied comes
   * first.
   */
  private int lowestLevel(int lane) {
    int lowest = -1;
    for (int level = LEVELS - 1; level >= 0; level--) {
      long slots = occupied[lane * LEVELS + level];
      if (slots != 0) {
        lowest = level;
        long present = nowTick[lane] >>> level * DIGIT & SLOTS - 1;
        if (level > 0 && (slots >>> present & 1) != 0) {
          return level;
        }
      }
    }
    return lowest;
  }

  private void advance(int lane, long tick) {
    if (tick > nowTick[lane]) {
      nowTick[lane] = tick;
      soonestNs[lane] = Long.MIN_VALUE;
    }
  }

  /** Looks through the slot of the present tick, if one can be due in it. */
  private int withinTick(int lane, int slot, long nowNs) {
    if (nowNs <= soonestNs[lane]) {
      return -1;
    }
    long soonest = Long.MAX_VALUE;
    int flow = heads[slot];
    while (flow >= 0) {
      int next = nextCode(flow);
      long deadlineNs = flows.deadlineNs(flow);
      if (deadlineNs < nowNs) {
        return flow;
      }
      if (tick(deadlineNs) > nowTick[lane]) {
        move(flow, lane);
      } else {
        soonest = Math.min(soonest, deadlineNs);
      }
      flow = next > 0 ? next - 1 : -1;
    }
    soonestNs[lane] = soonest;
    return -1;
  }

  /** First flow of a lane, -1: none. */
  int first(int lane) {
    return firstFrom(lane * LEVELS * SLOTS, lane);
  }

  /** The flow after this one in its lane, -1: none. */
  int next(int flow, int lane) {
    int next = nextCode(flow);
    return next > 0 ? next - 1 : firstFrom(-next, lane);
  }

  private int firstFrom(int slot, int lane) {
    int at = slot;
    int end = (lane + 1) * LEVELS * SLOTS;
    while (at < end) {
      long rest = occupied[at / SLOTS] >>> at % SLOTS;
      if (rest != 0) {
        return heads[at + Long.numberOfTrailingZeros(rest)];
      }
      at = (at / SLOTS + 1) * SLOTS;
    }
    return -1;
  }
}
