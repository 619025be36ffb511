package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;

/**
 * Path records of a shard: by the tuple of a reply, the key of the worker that knows its flow
 * (patent, W1 and W2). A record has the key and not the worker, so it stays right when the table
 * changes. It outlives the flow: it expires after the longest timeout that a flow can have. When it
 * was last seen is kept in {@link #unit units}, so that not every packet has to come here. The
 * bound is per lane of the reply: {@code limits.paths / 16}. New records take out old ones in
 * passing, two looks each, unless ticks do ({@link #inPassing}).
 *
 * <p>A record may also be a <em>pin</em>: by the tuple of a request, the key that the owner by
 * {@code least-loaded} has chosen for it. How many pins lead to each slot is counted per lane.
 *
 * <p>Thread: one shard.
 */
public final class PathTable {

  /**
   * How long the tuple of a flow that has ended belongs to it still, so that what another flow is
   * told does not depend on how fast the news of its end is.
   */
  public static final long REST_NS = TupleClaims.QUARANTINE_NS;

  private static final int TUPLE = 0, V_HIGH = 5, V_LOW = 6, CLASS_AND_LANE = 7, LAST_SEEN = 8;
  private static final int TIMEOUT = 9;
  private static final int WORDS = 11;

  /** More slots than any pool has. */
  private static final int MAX_SLOTS = 1 << 16;

  /** Words of a record that travel to another worker. */
  public static final int RECORD_WORDS = WORDS - 1;

  /** In {@link #CLASS_AND_LANE}: the record is a pin. */
  private static final long PIN = 1 << 16;

  /** In {@link #CLASS_AND_LANE}: the flow has ended. */
  private static final long ENDED = 1 << 17;

  /** Bytes of a record. */
  public static final int ENTRY_BYTES = WORDS * Long.BYTES;

  private final EntryStore store = new EntryStore(WORDS);
  private final TupleIndex index = new TupleIndex();
  private final long timeoutNs;
  private final int unitBits;
  private final int limitPerLane;
  private final PinCounts pins = new PinCounts();
  private EntryListener listener = EntryListener.NONE;
  private boolean inPassing = true;

  /**
   * Makes an empty table.
   *
   * @param timeoutNs how long a record lives without packets, at least; up to 1/64 longer
   * @param limit most records of the worker
   */
  public PathTable(long timeoutNs, int limit) {
    this.timeoutNs = timeoutNs;
    this.unitBits = Math.max(0, 63 - Long.numberOfLeadingZeros(timeoutNs) - 6);
    this.limitPerLane = Math.max(1, limit / Lanes.COUNT);
  }

  /**
   * Whether new records take out old ones in passing; otherwise {@link #expire} and lack of room.
   */
  public void inPassing(boolean it) {
    inPassing = it;
  }

  /** Says who is told of what changes but for when a record was last seen; before the first. */
  public void listen(EntryListener it) {
    listener = it;
  }

  /** Takes out all records that have expired. */
  public void expire(long nowNs) {
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      int record = store.head(lane);
      while (record >= 0) {
        int next = store.next(record);
        if (isExpired(record, nowNs)) {
          remove(record);
        }
        record = next;
      }
    }
  }

  /**
   * Returns the unit of time that {@code nowNs} lies in, 1/128 to 1/64 of the timeout; never 0.
   * Putting the same record again within it changes nothing.
   */
  public long unit(long nowNs) {
    return nowNs >> unitBits << 1 | 1;
  }

  /** Pins are seen with every packet, what has ended with none: they need no units. */
  private boolean hasUnits(int record) {
    return (store.get(record, CLASS_AND_LANE) & (PIN | ENDED)) == 0;
  }

  private boolean isExpired(int record, long nowNs) {
    long idleNs = nowNs - store.get(record, LAST_SEEN);
    long limitNs = store.get(record, TIMEOUT);
    return hasUnits(record) ? idleNs >= limitNs + (1L << unitBits) : idleNs > limitNs;
  }

  private void seen(int record, long nowNs) {
    long seenNs = hasUnits(record) ? nowNs >> unitBits << unitBits : nowNs;
    store.set(record, LAST_SEEN, Math.max(seenNs, store.get(record, LAST_SEEN)));
  }

  /** Returns the live record of this tuple and puts off its timeout; -1 where there is none. */
  public int find(Tuple tuple, long hash, long nowNs) {
    int record = lookup(tuple, hash);
    if (record >= 0 && isExpired(record, nowNs)) {
      remove(record);
      return -1;
    }
    if (record >= 0) {
      seen(record, nowNs);
    }
    return record;
  }

  /** Returns the live record of this tuple, -1 where there is none; changes nothing. */
  public int peek(Tuple tuple, long hash, long nowNs) {
    int record = lookup(tuple, hash);
    return record >= 0 && isExpired(record, nowNs) ? -1 : record;
  }

  private int lookup(Tuple tuple, long hash) {
    return index.find(store, 0, tuple, hash);
  }

  /**
   * Records the key of the earlier hop for the replies with this tuple, in place of what was there.
   *
   * @param lane lane of the reply's own key
   * @return false when the lane is full of live records
   */
  public boolean put(Tuple tuple, int lane, int trafficClass, long vHigh, long vLow, long nowNs) {
    int record = place(tuple, lane, limitPerLane, inPassing, nowNs);
    if (record < 0) {
      return false;
    }
    store.set(record, V_HIGH, vHigh);
    store.set(record, V_LOW, vLow);
    store.set(record, CLASS_AND_LANE, (long) trafficClass << 8 | lane);
    store.set(record, TIMEOUT, timeoutNs);
    seen(record, nowNs);
    listener.changed(record);
    return true;
  }

  /**
   * Pins the requests with this tuple to a slot. Pins are made while the lane is less than half
   * full: the replies of what is pinned need records too.
   *
   * @param lane lane of the request's own key
   * @param trafficClass class of the pin, with the bit that says so
   * @param spread upper half of V of the pin: tells flows apart
   * @return false when there is no room
   */
  public boolean pin(
      Tuple tuple,
      int lane,
      int trafficClass,
      long spread,
      int slot,
      long pinTimeoutNs,
      long nowNs) {
    int record = place(tuple, lane, limitPerLane / 2, inPassing, nowNs);
    if (record < 0) {
      return false;
    }
    store.set(record, V_HIGH, spread);
    store.set(record, V_LOW, slot);
    store.set(record, CLASS_AND_LANE, PIN | (long) trafficClass << 8 | lane);
    store.set(record, TIMEOUT, pinTimeoutNs);
    seen(record, nowNs);
    pins.add(lane, trafficClass, slot, 1);
    listener.changed(record);
    return true;
  }

  /**
   * Returns the record of a tuple, a new one where there is none; -1: the lane has {@code limit}.
   */
  private int place(Tuple tuple, int lane, int limit, boolean looksAround, long nowNs) {
    long hash = tuple.hash();
    int record = find(tuple, hash, nowNs);
    if (record >= 0) {
      unpin(record);
      return record;
    }
    int looks = looksAround || store.count(lane) >= limit ? 2 : 0;
    for (int i = 0; i < looks; i++) {
      int old = store.walk(lane);
      if (old >= 0 && isExpired(old, nowNs)) {
        remove(old);
      }
    }
    if (store.count(lane) >= limit) {
      return -1;
    }
    record = store.allocate(lane);
    tuple.write(store.chunk(record), store.base(record) + TUPLE);
    index.add(hash, record);
    return record;
  }

  private void unpin(int record) {
    if (isPin(record)) {
      int lane = (int) store.get(record, CLASS_AND_LANE) & 0xff;
      pins.add(lane, trafficClass(record), (int) vLow(record), -1);
    }
  }

  /** Whether a record is a pin. */
  public boolean isPin(int record) {
    return (store.get(record, CLASS_AND_LANE) & PIN) != 0;
  }

  /** How long a pin lives without packets. */
  public long pinTimeout(int record) {
    return store.get(record, TIMEOUT);
  }

  /** Gives a pin another timeout. */
  public void pinTimeout(int record, long pinTimeoutNs) {
    store.set(record, TIMEOUT, pinTimeoutNs);
    listener.changed(record);
  }

  /**
   * Returns the slot, of {@code slots}, that the fewest pins of a lane lead to; of equal ones the
   * next from {@code start} on.
   */
  public int leastPinned(int lane, int trafficClass, int slots, int start) {
    return pins.least(lane, trafficClass, slots, start);
  }

  /**
   * Puts off the timeout of the record of a tuple that leads to a key.
   *
   * @return false where there is none
   */
  public boolean renew(Tuple tuple, int trafficClass, long vHigh, long vLow, long nowNs) {
    int record = lookup(tuple, tuple.hash());
    if (record < 0 || !leadsTo(record, trafficClass, vHigh, vLow) || isExpired(record, nowNs)) {
      return false;
    }
    store.set(record, TIMEOUT, timeoutNs);
    store.set(record, CLASS_AND_LANE, store.get(record, CLASS_AND_LANE) & ~ENDED);
    seen(record, nowNs);
    listener.changed(record);
    return true;
  }

  /** The flow with a key has ended: the record of its replies lives for {@link #REST_NS} more. */
  public void ended(Tuple tuple, int trafficClass, long vHigh, long vLow, long nowNs) {
    int record = lookup(tuple, tuple.hash());
    if (record >= 0 && leadsTo(record, trafficClass, vHigh, vLow)) {
      store.set(record, TIMEOUT, Math.min(timeoutNs, REST_NS));
      store.set(record, CLASS_AND_LANE, store.get(record, CLASS_AND_LANE) | ENDED);
      store.set(record, LAST_SEEN, nowNs);
      listener.changed(record);
    }
  }

  private boolean leadsTo(int record, int trafficClass, long vHigh, long vLow) {
    return !isPin(record)
        && vHigh(record) == vHigh
        && vLow(record) == vLow
        && trafficClass(record) == trafficClass;
  }

  /** Whether another key has a live record of this tuple: it belongs to the one that came first. */
  public boolean isOthers(Tuple tuple, int trafficClass, long vHigh, long vLow, long nowNs) {
    int record = lookup(tuple, tuple.hash());
    return record >= 0
        && !isPin(record)
        && !isExpired(record, nowNs)
        && !leadsTo(record, trafficClass, vHigh, vLow);
  }

  /** Returns one of the {@link #RECORD_WORDS} words of a record; the first five are its tuple. */
  public long word(int record, int word) {
    return store.get(record, word);
  }

  /** Reads the tuple of a record. */
  public void tuple(int record, Tuple into) {
    into.read(store.chunk(record), store.base(record) + TUPLE);
  }

  /** Lane of a record of another worker. */
  public static int lane(long[] words) {
    return (int) words[CLASS_AND_LANE] & Lanes.COUNT - 1;
  }

  /**
   * Takes in a record of another worker, in place of what was there. It takes out nothing in
   * passing, and is as late as when that record was last seen: by the clock of another shard, those
   * that are here might have expired.
   *
   * @param words its {@link #RECORD_WORDS} words
   * @param lane lane of the key of its tuple
   * @return false when the lane is full of live records
   */
  public boolean install(Tuple tuple, long[] words, int lane) {
    boolean isPin = (words[CLASS_AND_LANE] & PIN) != 0;
    if (isPin && Long.compareUnsigned(words[V_LOW], MAX_SLOTS) >= 0) {
      return false;
    }
    int record = place(tuple, lane, limitPerLane, false, words[LAST_SEEN]);
    if (record < 0) {
      return false;
    }
    for (int word = V_HIGH; word < RECORD_WORDS; word++) {
      store.set(record, word, words[word]);
    }
    store.set(record, CLASS_AND_LANE, words[CLASS_AND_LANE] & ~0xffL | lane);
    if (isPin) {
      pins.add(lane, trafficClass(record), (int) vLow(record), 1);
    }
    listener.changed(record);
    return true;
  }

  /** Every record of a lane was seen now, at least: nobody was there to see it. */
  public void seenAll(int lane, long nowNs) {
    for (int it = store.head(lane); it >= 0; it = store.next(it)) {
      seen(it, nowNs);
    }
  }

  /** Takes out the record of a tuple, if there is one. */
  public void forget(Tuple tuple) {
    int record = lookup(tuple, tuple.hash());
    if (record >= 0) {
      remove(record);
    }
  }

  /** Takes a record out. */
  public void remove(int record) {
    listener.removed(record);
    unpin(record);
    index.remove(Tuple.hashOfWords(store.chunk(record), store.base(record)), record);
    store.free(record, (int) store.get(record, CLASS_AND_LANE) & 0xff);
  }

  /** Upper half of V of the earlier hop. */
  public long vHigh(int record) {
    return store.get(record, V_HIGH);
  }

  /** Lower half of V of the earlier hop. */
  public long vLow(int record) {
    return store.get(record, V_LOW);
  }

  /** Traffic class of the earlier hop. */
  public int trafficClass(int record) {
    return (int) (store.get(record, CLASS_AND_LANE) >>> 8) & 0xff;
  }

  /** Number of records. */
  public int size() {
    return store.count();
  }

  /** First record of a lane, -1: none. */
  public int firstOfLane(int lane) {
    return store.head(lane);
  }

  /** The record after this one in its lane, -1: none. */
  public int nextOfLane(int record) {
    return store.next(record);
  }
}
