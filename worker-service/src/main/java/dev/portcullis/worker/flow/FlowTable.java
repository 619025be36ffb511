package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec;

/**
 * The flows of a shard: 32 longs each, found by the tuple of either direction. A flow is a number
 * from 0; together with the direction (0: as the first packet, 1: the reply) it is a reference
 * {@code flow * 2 + direction}.
 *
 * <p>Time is the capture time of packets. A flow that is past its timeout is taken out when it is
 * met: by a search, or by the walk of two flows of its lane that every new flow of the lane makes.
 * So what is found depends on the packets of the lane alone. The bound is per lane: {@code
 * limits.flows / 16}; a full lane is searched for expired flows as soon as there can be one.
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

  private static final int WORDS = 32;

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
  private final long[] timeoutNs;
  private final int limitPerLane;
  private final long[] earliestExpiryNs = new long[Lanes.COUNT];
  private FlowListener[] listeners = {};

  /**
   * Makes an empty table.
   *
   * @param timeouts idle timeouts
   * @param limit most flows of the worker
   */
  public FlowTable(GatewaySpec.Timeouts timeouts, int limit) {
    this.timeoutNs = FlowState.timeouts(timeouts);
    this.limitPerLane = Math.max(1, limit / Lanes.COUNT);
    java.util.Arrays.fill(earliestExpiryNs, Long.MAX_VALUE);
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

  /** Returns a new flow with both tuples, -1 when the lane is full of live flows. */
  public int insert(Tuple forward, Tuple reverse, int lane, int state, long nowNs) {
    for (int i = 0; i < 2; i++) {
      int old = store.walk(lane);
      if (old >= 0 && expired(old, nowNs)) {
        timeOut(old);
      }
    }
    if (store.count(lane) >= limitPerLane && !makeRoom(lane, nowNs)) {
      return -1;
    }
    int flow = store.allocate(lane);
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    forward.write(chunk, base + FORWARD);
    reverse.write(chunk, base + REVERSE);
    chunk[base + LAST_SEEN] = nowNs;
    chunk[base + START] = nowNs;
    chunk[base + META] = (long) lane << 16 | state;
    index.add(forward.hash(), flow << 1);
    index.add(reverse.hash(), flow << 1 | 1);
    mayExpire(flow, lane);
    return flow;
  }

  private boolean makeRoom(int lane, long nowNs) {
    if (nowNs < earliestExpiryNs[lane]) {
      return false;
    }
    long earliest = Long.MAX_VALUE;
    int flow = store.head(lane);
    while (flow >= 0) {
      int next = store.next(flow);
      if (expired(flow, nowNs)) {
        timeOut(flow);
      } else {
        earliest = Math.min(earliest, get(flow, LAST_SEEN) + timeoutNs[state(flow)]);
      }
      flow = next;
    }
    earliestExpiryNs[lane] = earliest;
    return store.count(lane) < limitPerLane;
  }

  private void mayExpire(int flow, int lane) {
    earliestExpiryNs[lane] =
        Math.min(earliestExpiryNs[lane], get(flow, LAST_SEEN) + timeoutNs[state(flow)]);
  }

  private boolean expired(int flow, long nowNs) {
    return nowNs - get(flow, LAST_SEEN) > timeoutNs[state(flow)];
  }

  private void timeOut(int flow) {
    int state = state(flow);
    remove(
        flow,
        state == FlowState.TCP_CLOSED ? EndReason.CLOSED : EndReason.TIMEOUT,
        get(flow, LAST_SEEN) + timeoutNs[state]);
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
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    index.remove(Tuple.hashOfWords(chunk, base + FORWARD), flow << 1);
    index.remove(Tuple.hashOfWords(chunk, base + REVERSE), flow << 1 | 1);
    store.free(flow, lane(flow));
  }

  /** Counts a packet of a direction and puts off the timeout. */
  public void seen(int flow, int direction, long nowNs, int bytes) {
    long[] chunk = store.chunk(flow);
    int base = store.base(flow);
    chunk[base + LAST_SEEN] = Math.max(chunk[base + LAST_SEEN], nowNs);
    chunk[base + PACKETS + direction]++;
    chunk[base + BYTES + direction] += bytes;
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

  /** Sets the state. */
  public void state(int flow, int state) {
    set(flow, META, get(flow, META) & ~0xffL | state);
    mayExpire(flow, lane(flow));
  }

  /** Flags: {@link #ROUTED} and the like. */
  public int flags(int flow) {
    return (int) get(flow, META) >>> 8 & 0xff;
  }

  /** Adds flags. */
  public void addFlags(int flow, int flags) {
    set(flow, META, get(flow, META) | (long) flags << 8);
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
    return store.count();
  }

  /** First flow of a lane, -1: none. */
  public int firstOfLane(int lane) {
    return store.head(lane);
  }

  /** The flow after this one in its lane, -1: none. */
  public int nextOfLane(int flow) {
    return store.next(flow);
  }
}
