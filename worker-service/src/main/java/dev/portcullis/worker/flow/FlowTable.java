package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec;

/**
 * The flows of a shard: 32 longs each, found by the tuple of either direction. A flow is a number
 * from 0; together with the direction (0: as the first packet, 1: the reply) it is a reference
 * {@code flow * 2 + direction}.
 *
 * <p>Time is the capture time of packets. A flow that is past its timeout is there no more for any
 * search; it is taken out when it is met, by {@link #expire}, by {@link #tick}, or in passing:
 * every new flow of a lane does up to {@value #STEPS} steps of what is due in the lane ({@link
 * FlowTimers}). So what is found depends on the packets of the lane alone. The bound is per lane:
 * {@code limits.flows / 16}; for a new flow in a full lane all that is due goes, then, with {@code
 * limits.halfOpenFull: evict-oldest}, the oldest half-open connection of the lane.
 *
 * <p>Thread: one shard.
 */
public final class FlowTable {

  /** Words of an entry; a tuple has five. */
  public static final int FORWARD = 0,
      META = 5,
      LAST_SEEN = 6,
      CHANGES = 7,
      REVERSE = 8,
      TAGS = 13,
      NEXT_HOP = 14;

  /** More words: V, packets and bytes of both directions, V of the reply. */
  public static final int V_HIGH = 15,
      V_LOW = 16,
      PACKETS = 17,
      BYTES = 19,
      REPLY_V_HIGH = 21,
      REPLY_V_LOW = 22;

  /**
   * More words: capture time of the first packet; windows of TCP (two words a direction); what a
   * helper of a protocol keeps elsewhere; the policy that the flow was last matched against.
   */
  public static final int START = 23, WINDOWS = 24, HELPER = 28, POLICY = 29;

  /** Word: what TCP keeps besides its windows. */
  public static final int TCP = 30;

  private static final int LINKS = 31;

  /** Number of words of an entry. */
  public static final int WORDS = 32;

  /** Steps of expiry that a new flow does for its lane. */
  static final int STEPS = 8;

  /** Bytes of a flow. */
  public static final int ENTRY_BYTES = WORDS * Long.BYTES;

  /** Bits of the flags in {@link #META}. */
  public static final int ROUTED = 1,
      DNAT = 2,
      SNAT = 4,
      RECORDED = 8,
      FIN_FORWARD = 16,
      FIN_REVERSE = 32;

  private final EntryStore store = new EntryStore(WORDS);
  private final TupleIndex index = new TupleIndex();
  private final FlowTimers timers = new FlowTimers(store, LINKS, this);
  private final HalfOpen halfOpen = new HalfOpen();
  private final long[] timeoutNs;
  private final int limitPerLane;
  private final int halfOpenPerLane;
  private final boolean evictsOldest;
  private final long[] ended = new long[EndReason.values().length];
  private long created;
  private FlowListener[] listeners = {};

  /**
   * Makes an empty table.
   *
   * @param timeouts idle timeouts
   * @param limits bounds of flows and half-open connections of the worker, and what makes room
   */
  public FlowTable(GatewaySpec.Timeouts timeouts, GatewaySpec.Limits limits) {
    this.timeoutNs = FlowState.timeouts(timeouts);
    this.limitPerLane = Math.max(1, limits.flows() / Lanes.COUNT);
    this.halfOpenPerLane = Math.max(1, limits.halfOpen() / Lanes.COUNT);
    this.evictsOldest = limits.halfOpenFull() == GatewaySpec.HalfOpenFull.EVICT_OLDEST;
  }

  /** Adds a listener; before the first flow. */
  public void listen(FlowListener it) {
    listeners = java.util.Arrays.copyOf(listeners, listeners.length + 1);
    listeners[listeners.length - 1] = it;
  }

  /**
   * First pass: touches what a search will need, so that the memory is there; the result means
   * nothing.
   */
  public long touch(long hash) {
    long slot = index.slot(index.start(hash));
    if (slot == 0) {
      return 0;
    }
    int flow = TupleIndex.reference(slot) >>> 1;
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    return chunk[base] + chunk[base + REVERSE + 4];
  }

  /** {@link #find}, {@link #peek}: there is no flow with this tuple. */
  public static final int NONE = -1;

  /** {@link #peek}: the flow with this tuple has expired. */
  public static final int EXPIRED = -2;

  /**
   * Returns the reference of the live flow with this tuple, {@link #NONE} or {@link #EXPIRED};
   * changes nothing.
   */
  public int peek(Tuple tuple, long hash, long nowNs) {
    int reference = lookup(tuple, hash);
    return reference >= 0 && expired(reference >>> 1, nowNs) ? EXPIRED : reference;
  }

  /**
   * Returns the reference of the live flow with this tuple, -1 where there is none; one that has
   * expired is taken out.
   */
  public int find(Tuple tuple, long hash, long nowNs) {
    int reference = lookup(tuple, hash);
    if (reference >= 0 && expired(reference >>> 1, nowNs)) {
      timeOut(reference >>> 1);
      return NONE;
    }
    return reference;
  }

  private int lookup(Tuple tuple, long hash) {
    int at = index.start(hash);
    for (long slot = index.slot(at); slot != 0; at = index.after(at), slot = index.slot(at)) {
      if (TupleIndex.sameHash(slot, hash)) {
        int reference = TupleIndex.reference(slot);
        int flow = reference >>> 1;
        int word = store.base(flow) + ((reference & 1) == 0 ? FORWARD : REVERSE);
        if (tuple.equalsWords(store.chunk(flow), word)) {
          return reference;
        }
      }
    }
    return NONE;
  }

  /**
   * Whether the lane has as many half-open connections as it may have and no other may take the
   * place of the oldest; takes out what is due first.
   */
  public boolean refusesHalfOpen(int lane, long nowNs) {
    if (evictsOldest || halfOpen.count(lane) < halfOpenPerLane) {
      return false;
    }
    expire(lane, nowNs);
    return halfOpen.count(lane) >= halfOpenPerLane;
  }

  /**
   * Returns a new flow with both tuples, -1 when the lane is full of live flows. One that is half
   * open takes the place of the oldest where there are too many, if that may be.
   */
  public int insert(Tuple forward, Tuple reverse, int lane, int state, long nowNs) {
    expireSome(lane, nowNs);
    boolean opening = FlowState.isHalfOpen(state);
    if (opening && evictsOldest && halfOpen.count(lane) >= halfOpenPerLane) {
      expire(lane, nowNs);
      if (halfOpen.count(lane) >= halfOpenPerLane) {
        evictOldest(lane, nowNs);
      }
    }
    if (timers.count(lane) >= limitPerLane && !makeRoom(lane, nowNs)) {
      return NONE;
    }
    int flow = store.take();
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    forward.write(chunk, base + FORWARD);
    reverse.write(chunk, base + REVERSE);
    chunk[base + LAST_SEEN] = nowNs;
    chunk[base + START] = nowNs;
    chunk[base + META] = (long) lane << 16 | state;
    index.add(forward.hash(), flow << 1);
    index.add(reverse.hash(), flow << 1 | 1);
    timers.add(flow, lane);
    if (opening) {
      halfOpen.add(flow, lane);
    }
    created++;
    return flow;
  }

  private boolean makeRoom(int lane, long nowNs) {
    expire(lane, nowNs);
    return timers.count(lane) < limitPerLane || evictsOldest && evictOldest(lane, nowNs);
  }

  private boolean evictOldest(int lane, long nowNs) {
    int oldest = halfOpen.oldest(lane);
    if (oldest >= 0) {
      remove(oldest, EndReason.EVICTED, nowNs);
    }
    return oldest >= 0;
  }

  /** Takes out every flow of the lane that is past its timeout. */
  public void expire(int lane, long nowNs) {
    int due = timers.due(lane, nowNs, true);
    while (due != FlowTimers.NOTHING) {
      if (due >= 0) {
        timeOut(due);
      }
      due = timers.due(lane, nowNs, true);
    }
  }

  private void expireSome(int lane, long nowNs) {
    for (int i = 0; i < STEPS; i++) {
      int due = timers.due(lane, nowNs, false);
      if (due == FlowTimers.NOTHING) {
        return;
      }
      if (due >= 0) {
        timeOut(due);
      }
    }
  }

  /** Takes out every flow that is past its timeout. */
  public void tick(long nowNs) {
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      expire(lane, nowNs);
    }
  }

  private boolean expired(int flow, long nowNs) {
    return deadlineNs(flow) < nowNs;
  }

  /** Returns when the timeout of a flow is over if no packet comes. */
  long deadlineNs(int flow) {
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    long lastSeenNs = Math.min(chunk[base + LAST_SEEN], FlowTimers.END_OF_TIME_NS);
    return Math.min(
        lastSeenNs + timeoutNs[(int) chunk[base + META] & 0xff], FlowTimers.END_OF_TIME_NS - 1);
  }

  private void timeOut(int flow) {
    int state = state(flow);
    boolean closed = state == FlowState.TCP_TIME_WAIT || state == FlowState.TCP_CLOSED;
    remove(flow, closed ? EndReason.CLOSED : EndReason.TIMEOUT, deadlineNs(flow));
  }

  /** Says that a flow has begun; after all its words are set. */
  public void opened(int flow) {
    for (FlowListener it : listeners) {
      it.opened(flow);
    }
  }

  /**
   * Takes a flow out; its number may be given to another one.
   *
   * @param atNs capture time at which it ended
   */
  public void remove(int flow, EndReason why, long atNs) {
    for (FlowListener it : listeners) {
      it.ended(flow, why, atNs);
    }
    ended[why.ordinal()]++;
    int lane = lane(flow);
    if (FlowState.isHalfOpen(state(flow))) {
      halfOpen.remove(flow, lane);
    }
    timers.remove(flow, lane);
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    index.remove(Tuple.hashOfWords(chunk, base + FORWARD), flow << 1);
    index.remove(Tuple.hashOfWords(chunk, base + REVERSE), flow << 1 | 1);
    store.give(flow);
  }

  /** Counts a packet of a direction and puts off the timeout. */
  public void seen(int flow, int direction, long nowNs, int bytes) {
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    chunk[base + LAST_SEEN] = Math.max(chunk[base + LAST_SEEN], nowNs);
    chunk[base + PACKETS + direction]++;
    chunk[base + BYTES + direction] += bytes;
  }

  /** Counts a packet of a direction that changes nothing else, the timeout included. */
  public void counted(int flow, int direction, int bytes) {
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    chunk[base + PACKETS + direction]++;
    chunk[base + BYTES + direction] += bytes;
  }

  /** Sets the windows and the word of TCP to those in {@code from}, which has a whole entry. */
  public void tcp(int flow, long[] from) {
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    System.arraycopy(from, WINDOWS, chunk, base + WINDOWS, HELPER - WINDOWS);
    chunk[base + TCP] = from[TCP];
  }

  /** The array that has the words of a flow, from {@link #at} on. */
  public long[] words(int flow) {
    return store.chunk(flow);
  }

  /** Place of the first word of a flow in {@link #words}. */
  public int at(int flow) {
    return store.base(flow);
  }

  /** Returns a word of a flow. */
  public long get(int flow, int word) {
    return store.get(flow, word);
  }

  /** Sets a word of a flow. */
  public void set(int flow, int word, long value) {
    store.set(flow, word, value);
  }

  /** State: a number of {@link FlowState}. */
  public int state(int flow) {
    return (int) get(flow, META) & 0xff;
  }

  /** Sets the state; a flow that was not half open must not become it. */
  public void state(int flow, int state) {
    int before = state(flow);
    set(flow, META, get(flow, META) & ~0xffL | state);
    if (timeoutNs[state] < timeoutNs[before]) {
      timers.move(flow, lane(flow));
    }
    if (FlowState.isHalfOpen(before) && !FlowState.isHalfOpen(state)) {
      halfOpen.remove(flow, lane(flow));
    }
  }

  /** Flags: {@link #ROUTED} and the like. */
  public int flags(int flow) {
    return (int) get(flow, META) >>> 8 & 0xff;
  }

  /** Adds flags. */
  public void addFlags(int flow, int flags) {
    set(flow, META, get(flow, META) | (long) flags << 8);
  }

  /** Takes flags away. */
  public void removeFlags(int flow, int flags) {
    set(flow, META, get(flow, META) & ~((long) flags << 8));
  }

  /** Lane: that of the key V. */
  public int lane(int flow) {
    return (int) get(flow, META) >>> 16 & 0xff;
  }

  /** Traffic class of the key. */
  public int trafficClass(int flow) {
    return (int) (get(flow, META) >>> 24) & 0xff;
  }

  /** Traffic class of the key that the reply has. */
  public int replyClass(int flow) {
    return (int) (get(flow, META) >>> 32) & 0xff;
  }

  /** Number of the rule that accepted the flow, -1: the default action, -2: one that has gone. */
  public int rule(int flow) {
    return (int) (get(flow, META) >>> 40) - 2;
  }

  /** Sets the rule. */
  public void rule(int flow, int rule) {
    set(flow, META, get(flow, META) & ~(0xff_ffffL << 40) | (long) (rule + 2) << 40);
  }

  /** Sets class and rule. */
  public void classAndRule(int flow, int trafficClass, int rule) {
    set(flow, META, get(flow, META) | (long) trafficClass << 24 | (long) (rule + 2) << 40);
  }

  /** Sets the key of the reply. */
  public void replyKey(int flow, int trafficClass, long vHigh, long vLow) {
    set(flow, META, get(flow, META) & ~(0xffL << 32) | (long) trafficClass << 32);
    set(flow, REPLY_V_HIGH, vHigh);
    set(flow, REPLY_V_LOW, vLow);
  }

  /** Number of live flows, and of those that have expired and were not met since. */
  public int size() {
    return timers.count();
  }

  /** Number of TCP connections whose handshake is under way. */
  public int halfOpen() {
    return halfOpen.count();
  }

  /** Number of flows that have begun. */
  public long created() {
    return created;
  }

  /** Number of flows that have ended for a reason. */
  public long ended(EndReason why) {
    return ended[why.ordinal()];
  }

  /** First flow of a lane, -1: none. */
  public int firstOfLane(int lane) {
    return timers.first(lane);
  }

  /** The flow after this one in its lane, -1: none; to be asked before the flow is taken out. */
  public int nextOfLane(int flow) {
    return timers.next(flow, lane(flow));
  }
}
