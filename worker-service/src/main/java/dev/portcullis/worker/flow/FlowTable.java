package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec;

/**
 * The flows of a shard: 32 longs each, found by the tuple of either direction. A flow is a number
 * from 0; together with the direction (0: as the first packet, 1: the reply) it is a reference
 * {@code flow * 2 + direction}.
 *
 * <p>Time is the capture time of packets. A flow that is past its timeout is there no more for any
 * search; it is taken out when it is met, by {@link #expire}, by {@link #tick}, or, where {@link
 * #inPassing} says so, in passing: every new flow of a lane does up to {@value #STEPS} steps of
 * what is due in the lane ({@link FlowTimers}). The bound is per lane: {@code limits.flows / 16};
 * for a new flow in a full lane all that is due goes, then, with {@code limits.halfOpenFull:
 * evict-oldest}, the oldest half-open connection of the lane.
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

  /**
   * More words that many packets need, so that they lie in the same cache lines: when the path
   * record was last put ({@link PathTable#unit}); packets (with the flags of TCP above {@link
   * #FLAGS_SHIFT}) and bytes of both directions; the policy that the flow was last matched against.
   */
  public static final int RECORDED_AT = 15, PACKETS = 16, BYTES = 18, POLICY = 20;

  /** More words: windows of TCP (two words a direction); what TCP keeps besides. */
  public static final int WINDOWS = 21, TCP = 25;

  /**
   * More words: capture time of the first packet; what a helper of a protocol keeps elsewhere
   * (lower half) and the endpoint-independent mapping ({@link NatMappings}, upper half); V; how far
   * its first bytes were looked at, or the class that they told.
   */
  public static final int START = 26, HELPER = 27, V_HIGH = 28, V_LOW = 29, LOOK = 30;

  private static final int LINKS = 31;

  /** Shift of the flags that TCP segments of a direction had, beside the count of its packets. */
  private static final int FLAGS_SHIFT = 56;

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
      HELPED = 8,
      FIN_FORWARD = 16,
      FIN_REVERSE = 32;

  /**
   * More flags: the flow uses an endpoint-independent mapping; its packets may have a mapping of
   * this gateway as their receiver.
   */
  public static final int MAPPED = 64, TURNS_BACK = 128;

  /** In the word {@link #HELPER}: another flow has announced this one. */
  private static final int ANNOUNCED = 1 << 31;

  /**
   * Marks in {@link #META}, for flows whose packets do not simply go through the stages: {@link
   * #LOOKING}, the first bytes are still to tell its class; {@link #MOVED}, it lives at another
   * worker, and this entry is its shadow; {@link #GUEST}, it began at another worker, which has its
   * shadow.
   */
  public static final long LOOKING = 1L << 32, MOVED = 1L << 33, GUEST = 1L << 34;

  /** All marks. */
  public static final long MARKS = LOOKING | MOVED | GUEST;

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
  private int translated;
  private int shadows;
  private final Tuple installedForward = new Tuple();
  private final Tuple installedReverse = new Tuple();
  private FlowListener[] listeners = {};
  private long noticedNs;
  private boolean inPassing = true;

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

  /** Whether packets take out what is due in passing; otherwise ticks and lack of room alone do. */
  public void inPassing(boolean it) {
    inPassing = it;
  }

  /** Returns the reference where a search for the hash begins, {@link #NONE} where it ends. */
  public int guess(long hash) {
    return TupleIndex.reference(index.slot(index.start(hash)));
  }

  /**
   * Touches the words of a flow that most packets need, so that they are in the cache; the result
   * means nothing.
   */
  public long touch(int reference) {
    int flow = reference >>> 1;
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    return chunk[base] + chunk[base + REVERSE] + chunk[base + PACKETS];
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
    noticedNs = nowNs;
    int reference = lookup(tuple, hash);
    if (reference >= 0 && expired(reference >>> 1, nowNs)) {
      timeOut(reference >>> 1);
      return NONE;
    }
    return reference;
  }

  /**
   * Whether a live flow of this lane has this tuple; one that has expired is taken out. Flows of
   * other lanes are not looked at, so that the answer is the same for every number of shards.
   */
  public boolean isInLane(Tuple tuple, int lane, long nowNs) {
    int reference = lookup(tuple, tuple.hash());
    return reference >= 0 && lane(reference >>> 1) == lane && find(tuple, tuple.hash(), nowNs) >= 0;
  }

  /** As {@link #isInLane}, and it is not {@code flow}. */
  public boolean isInLaneOfAnother(Tuple tuple, int lane, int flow, long nowNs) {
    return isInLane(tuple, lane, nowNs) && lookup(tuple, tuple.hash()) >>> 1 != flow;
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
    if (inPassing) {
      expireSome(lane, nowNs);
    }
    int flow = place(forward, reverse, lane, state, nowNs);
    if (flow >= 0) {
      created++;
    }
    return flow;
  }

  private int place(Tuple forward, Tuple reverse, int lane, int state, long nowNs) {
    noticedNs = nowNs;
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
    return flow;
  }

  /**
   * Takes in a flow that began at another worker, in place of what had one of its tuples; -1 when
   * the lane is full. Takes out nothing in passing. Listeners hear of its end only.
   *
   * @param words all but the last word of an entry, with the marks that it has from now on
   */
  public int install(long[] words, int lane, long nowNs) {
    installedForward.read(words, FORWARD);
    installedReverse.read(words, REVERSE);
    replace(installedForward, nowNs);
    replace(installedReverse, nowNs);
    int state = (int) words[META] & 0xff;
    int flow = place(installedForward, installedReverse, lane, state, nowNs);
    if (flow >= 0) {
      long[] chunk = store.chunk(flow);
      int base = store.base(flow);
      System.arraycopy(words, 0, chunk, base, LINKS);
      chunk[base + META] = words[META] & ~(0xffL << 16) | (long) lane << 16;
      timers.move(flow, lane);
      if (has(flow, MOVED)) {
        shadows++;
      }
      if ((flags(flow) & SNAT) != 0 && !has(flow, GUEST)) {
        translated++;
      }
    }
    return flow;
  }

  /**
   * Takes out the flow that began with a tuple, if there is one: it lives elsewhere, and here is a
   * copy of it.
   */
  public void forget(Tuple forward, long nowNs) {
    int reference = lookup(forward, forward.hash());
    if (reference >= 0 && (reference & 1) == 0) {
      remove(reference >>> 1, EndReason.HANDED_OVER, nowNs);
    }
  }

  /** Every flow of a lane was seen now, at least: nobody was there to see it. */
  public void seenAll(int lane, long nowNs) {
    for (int flow = timers.first(lane); flow >= 0; flow = timers.next(flow, lane)) {
      set(flow, LAST_SEEN, Math.max(get(flow, LAST_SEEN), nowNs));
    }
  }

  private void replace(Tuple tuple, long nowNs) {
    noticedNs = nowNs;
    int reference = lookup(tuple, tuple.hash());
    if (reference >= 0) {
      remove(reference >>> 1, EndReason.REPLACED, nowNs);
    }
  }

  /** Another worker has the flow from now on: its entry becomes its shadow. */
  public void leave(int flow) {
    unmark(flow, LOOKING);
    mark(flow, MOVED);
    shadows++;
  }

  /** The flow of a shadow lives here again. */
  public void takeBack(int flow) {
    unmark(flow, MOVED);
    shadows--;
  }

  /** Whether a flow has any of the marks. */
  public boolean isMarked(int flow) {
    return (get(flow, META) & MARKS) != 0;
  }

  /** Whether a flow has a mark. */
  public boolean has(int flow, long mark) {
    return (get(flow, META) & mark) != 0;
  }

  /** Gives a flow a mark. */
  public void mark(int flow, long mark) {
    set(flow, META, get(flow, META) | mark);
  }

  /** Takes a mark from a flow. */
  public void unmark(int flow, long mark) {
    set(flow, META, get(flow, META) & ~mark);
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
    expire(lane, nowNs, Integer.MAX_VALUE);
  }

  private int expire(int lane, long nowNs, int most) {
    noticedNs = nowNs;
    int gone = 0;
    int due = FlowTimers.MOVED;
    while (gone < most && due != FlowTimers.NOTHING) {
      due = timers.due(lane, nowNs, true);
      if (due >= 0) {
        timeOut(due);
        gone++;
      }
    }
    return gone;
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

  /**
   * Takes out flows that are past their timeout.
   *
   * @param most how many, at most
   * @return how many; as many as {@code most}: there may be more
   */
  public int tick(long nowNs, int most) {
    int gone = 0;
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      gone += expire(lane, nowNs, most - gone);
    }
    return gone;
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

  /** Capture time of the packet or tick that made a listener hear of the end of a flow. */
  public long noticedNs() {
    return noticedNs;
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
    if (has(flow, MOVED)) {
      shadows--;
    } else {
      ended[why.ordinal()]++;
    }
    if ((flags(flow) & SNAT) != 0 && !has(flow, GUEST)) {
      translated--;
    }
    int lane = lane(flow);
    if (FlowState.isHalfOpen(state(flow))) {
      halfOpen.remove(flow, lane);
    }
    timers.remove(flow, lane);
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    index.remove(Tuple.hashOfWords(chunk, base + FORWARD), flow << 1);
    index.remove(Tuple.hashOfWords(chunk, base + REVERSE), flow << 1 | 1);
    chunk[base + META] = 0;
    store.give(flow);
  }

  /**
   * Counts a packet of a direction and puts off the timeout.
   *
   * @param tcpFlags flags of TCP, 0 of anything else
   */
  public void seen(int flow, int direction, long nowNs, int bytes, int tcpFlags) {
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    chunk[base + LAST_SEEN] = Math.max(chunk[base + LAST_SEEN], nowNs);
    count(chunk, base + direction, bytes, tcpFlags);
  }

  /** Counts a packet of a direction that changes nothing else, the timeout included. */
  public void counted(int flow, int direction, int bytes, int tcpFlags) {
    count(store.chunk(flow), store.base(flow) + direction, bytes, tcpFlags);
  }

  private static void count(long[] chunk, int at, int bytes, int tcpFlags) {
    chunk[at + PACKETS] = chunk[at + PACKETS] + 1 | (long) tcpFlags << FLAGS_SHIFT;
    chunk[at + BYTES] += bytes;
  }

  /** Sets the windows and the word of TCP to those in {@code from}, which has a whole entry. */
  public void tcp(int flow, long[] from) {
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    System.arraycopy(from, WINDOWS, chunk, base + WINDOWS, TCP + 1 - WINDOWS);
  }

  /** The array that has the words of a flow, from {@link #at} on. */
  public long[] words(int flow) {
    return store.chunk(flow);
  }

  /** Place of the first word of a flow in {@link #words}. */
  public int at(int flow) {
    return store.base(flow);
  }

  /** Number of packets of a direction. */
  public long packets(int flow, int direction) {
    return get(flow, PACKETS + direction) & (1L << FLAGS_SHIFT) - 1;
  }

  /** All flags that TCP segments of a direction had. */
  public int tcpFlags(int flow, int direction) {
    return (int) (get(flow, PACKETS + direction) >>> FLAGS_SHIFT);
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
    if ((flags & ~flags(flow) & SNAT) != 0) {
      translated++;
    }
    set(flow, META, get(flow, META) | (long) flags << 8);
  }

  /** Takes flags away. */
  public void removeFlags(int flow, int flags) {
    set(flow, META, get(flow, META) & ~((long) flags << 8));
  }

  /**
   * What a helper of a protocol has noted of a flow with the flag {@link #HELPED}, at least 0; 0
   * before it has.
   */
  public int helper(int flow) {
    return (int) get(flow, HELPER) & ~ANNOUNCED;
  }

  /**
   * Notes something of a flow and gives it the flag {@link #HELPED}.
   *
   * @param note at least 0
   * @param announced whether another flow has announced this one
   */
  public void helper(int flow, int note, boolean announced) {
    int word = announced ? note | ANNOUNCED : note;
    set(flow, HELPER, get(flow, HELPER) & ~0xffff_ffffL | word & 0xffff_ffffL);
    addFlags(flow, HELPED);
  }

  /** Whether another flow has announced this one; then {@link #helper} is about that one. */
  public boolean isAnnounced(int flow) {
    return (flags(flow) & HELPED) != 0 && (int) get(flow, HELPER) < 0;
  }

  /** Lane: that of the key V. */
  public int lane(int flow) {
    return (int) get(flow, META) >>> 16 & 0xff;
  }

  /** Traffic class of the key. */
  public int trafficClass(int flow) {
    return (int) (get(flow, META) >>> 24) & 0xff;
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

  /** Number of live flows, and of those that have expired and were not met since; no shadows. */
  public int size() {
    return timers.count() - shadows;
  }

  /** Number of flows that began here and live at another worker. */
  public int shadows() {
    return shadows;
  }

  /** Number of TCP connections whose handshake is under way. */
  public int halfOpen() {
    return halfOpen.count();
  }

  /** Number of flows that have begun. */
  public long created() {
    return created;
  }

  /** Number of flows whose sender is translated now: each has one translated tuple. */
  public int translated() {
    return translated;
  }

  /** Number of flows that have ended for a reason. */
  public long ended(EndReason why) {
    return ended[why.ordinal()];
  }

  /** Numbers of flows that were ever given out: 0 to this, less one. */
  public int entries() {
    return store.used();
  }

  /** Whether a number below {@link #entries} is that of a flow now, which is served here. */
  public boolean isLive(int flow) {
    return state(flow) != 0 && !has(flow, MOVED);
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
