package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;

/**
 * Path records of a shard: by the tuple of a reply, the key of the worker that knows its flow
 * (patent, W1 and W2). A record has the key and not the worker, so it stays right when the table
 * changes. It outlives the flow: it expires after the longest timeout that a flow can have. The
 * bound is per lane of the reply: {@code limits.paths / 16}. Thread: one shard.
 */
public final class PathTable {

  private static final int TUPLE = 0, V_HIGH = 5, V_LOW = 6, CLASS_AND_LANE = 7, LAST_SEEN = 8;
  private static final int WORDS = 10;

  /** Bytes of a record. */
  public static final int ENTRY_BYTES = WORDS * Long.BYTES;

  private final EntryStore store = new EntryStore(WORDS);
  private final TupleIndex index = new TupleIndex();
  private final long timeoutNs;
  private final int limitPerLane;

  /**
   * Makes an empty table.
   *
   * @param timeoutNs how long a record lives without packets
   * @param limit most records of the worker
   */
  public PathTable(long timeoutNs, int limit) {
    this.timeoutNs = timeoutNs;
    this.limitPerLane = Math.max(1, limit / Lanes.COUNT);
  }

  /** Returns the live record of this tuple and puts off its timeout; -1 where there is none. */
  public int find(Tuple tuple, long hash, long nowNs) {
    int record = lookup(tuple, hash);
    if (record >= 0 && nowNs - store.get(record, LAST_SEEN) > timeoutNs) {
      remove(record);
      return -1;
    }
    if (record >= 0) {
      store.set(record, LAST_SEEN, Math.max(nowNs, store.get(record, LAST_SEEN)));
    }
    return record;
  }

  private int lookup(Tuple tuple, long hash) {
    int at = index.start(hash);
    for (long slot = index.slot(at); slot != 0; at = index.after(at), slot = index.slot(at)) {
      int record = TupleIndex.reference(slot);
      if (TupleIndex.sameHash(slot, hash)
          && tuple.equalsWords(store.chunk(record), store.base(record))) {
        return record;
      }
    }
    return -1;
  }

  /**
   * Records the key of the earlier hop for the replies with this tuple, in place of what was there.
   *
   * @param lane lane of the reply's own key
   * @return false when the lane is full of live records
   */
  public boolean put(Tuple tuple, int lane, int trafficClass, long vHigh, long vLow, long nowNs) {
    long hash = tuple.hash();
    int record = find(tuple, hash, nowNs);
    if (record < 0) {
      for (int i = 0; i < 2; i++) {
        int old = store.walk(lane);
        if (old >= 0 && nowNs - store.get(old, LAST_SEEN) > timeoutNs) {
          remove(old);
        }
      }
      if (store.count(lane) >= limitPerLane) {
        return false;
      }
      record = store.allocate(lane);
      tuple.write(store.chunk(record), store.base(record) + TUPLE);
      store.set(record, LAST_SEEN, nowNs);
      index.add(hash, record);
    }
    store.set(record, V_HIGH, vHigh);
    store.set(record, V_LOW, vLow);
    store.set(record, CLASS_AND_LANE, (long) trafficClass << 8 | lane);
    return true;
  }

  /**
   * Whether another key has a record of this tuple that was used within a time: what has no ports
   * to tell flows apart belongs to the one that came first.
   */
  public boolean isOthers(
      Tuple tuple, int trafficClass, long vHigh, long vLow, long nowNs, long withinNs) {
    int record = lookup(tuple, tuple.hash());
    return record >= 0
        && nowNs - store.get(record, LAST_SEEN) <= withinNs
        && (vHigh(record) != vHigh || vLow(record) != vLow || trafficClass(record) != trafficClass);
  }

  /** Takes a record out. */
  public void remove(int record) {
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
    return (int) (store.get(record, CLASS_AND_LANE) >>> 8);
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
