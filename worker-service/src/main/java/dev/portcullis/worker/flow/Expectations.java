package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;

/**
 * Connections that another one has announced (data connections of FTP): by sender, receiver and
 * port of the receiver, what is to be done with the first packet. An expectation is used once, and
 * forgotten after a time. The bound is per lane of the connection that announced it: {@code
 * limits.expectations / 16}. Thread: one shard.
 */
public final class Expectations {

  private static final int TUPLE = 0,
      TO_HIGH = 5,
      TO_LOW = 6,
      FROM_HIGH = 7,
      FROM_LOW = 8,
      META = 9,
      SINCE = 10;
  private static final int WORDS = 12;

  /** Bits of the flags in {@link #META}. */
  private static final int RECEIVER = 1, SENDER = 2;

  private final EntryStore store = new EntryStore(WORDS);
  private final TupleIndex index = new TupleIndex();
  private final Tuple tuple = new Tuple();
  private final long timeoutNs;
  private final int limitPerLane;

  /**
   * Makes an empty table.
   *
   * @param timeoutNs how long an expectation waits
   * @param limit most expectations of the worker
   */
  public Expectations(long timeoutNs, int limit) {
    this.timeoutNs = timeoutNs;
    this.limitPerLane = Math.max(1, limit / Lanes.COUNT);
  }

  /** Describes what is expected; reused. */
  public static final class Expected {
    /** The first packet, without a source port. */
    public final Tuple tuple = new Tuple();

    /** Whether the receiver is translated, to {@link #toHigh}, {@link #toLow}, {@link #toPort}. */
    public boolean receiver;

    public long toHigh, toLow;

    /** Port of the translated receiver. */
    public int toPort;

    /** Whether the sender is shown as {@link #fromHigh}, {@link #fromLow}. */
    public boolean sender;

    public long fromHigh, fromLow;

    /** Number of the rule that accepted the connection that announced this one. */
    public int rule;

    /** Lane of the connection that announced this one. */
    public int lane;

    /** Makes an empty one. */
    public Expected() {}

    /** Takes the tuple of a TCP connection from any port. */
    public void of(int version, long fromHigh, long fromLow, long toHigh, long toLow, int port) {
      tuple.set(
          fromHigh, fromLow, toHigh, toLow, Tuple.ports(version, PacketHeader.TCP, true, 0, port));
    }
  }

  /**
   * Expects a connection, in place of what was expected under the same tuple.
   *
   * @return false when the lane is full of live expectations
   */
  public boolean put(Expected it, long nowNs) {
    int entry = lookup(it.tuple, it.tuple.hash());
    if (entry >= 0) {
      remove(entry);
    }
    for (int i = 0; i < 2; i++) {
      int old = store.walk(it.lane);
      if (old >= 0 && expired(old, nowNs)) {
        remove(old);
      }
    }
    if (store.count(it.lane) >= limitPerLane && !makeRoom(it.lane, nowNs)) {
      return false;
    }
    entry = store.allocate(it.lane);
    it.tuple.write(store.chunk(entry), store.base(entry) + TUPLE);
    store.set(entry, TO_HIGH, it.toHigh);
    store.set(entry, TO_LOW, it.toLow);
    store.set(entry, FROM_HIGH, it.fromHigh);
    store.set(entry, FROM_LOW, it.fromLow);
    int flags = (it.receiver ? RECEIVER : 0) | (it.sender ? SENDER : 0);
    store.set(
        entry,
        META,
        (long) (it.rule + 1) << 32 | (long) it.toPort << 16 | (long) it.lane << 8 | flags);
    store.set(entry, SINCE, nowNs);
    index.add(it.tuple.hash(), entry);
    return true;
  }

  private boolean makeRoom(int lane, long nowNs) {
    for (int entry = store.head(lane); entry >= 0; ) {
      int next = store.next(entry);
      if (expired(entry, nowNs)) {
        remove(entry);
      }
      entry = next;
    }
    return store.count(lane) < limitPerLane;
  }

  private boolean expired(int entry, long nowNs) {
    return nowNs - store.get(entry, SINCE) > timeoutNs;
  }

  private int lookup(Tuple wanted, long hash) {
    int at = index.start(hash);
    for (long slot = index.slot(at); slot != 0; at = index.after(at), slot = index.slot(at)) {
      int entry = TupleIndex.reference(slot);
      if (TupleIndex.sameHash(slot, hash)
          && wanted.equalsWords(store.chunk(entry), store.base(entry))) {
        return entry;
      }
    }
    return -1;
  }

  /**
   * Takes the expectation that a first packet fulfils out of the table.
   *
   * @param into gets what is to be done
   * @return whether the packet was expected
   */
  public boolean take(PacketHeader h, long nowNs, Expected into) {
    if (store.count() == 0 || h.protocol != PacketHeader.TCP || !Tuple.usesPorts(h)) {
      return false;
    }
    tuple.of(h);
    tuple.ports = Tuple.ports(h.version, h.protocol, true, 0, h.destinationPort);
    return take(tuple, nowNs, into);
  }

  /** As {@link #take(PacketHeader, long, Expected)}, for a tuple without a source port. */
  public boolean take(Tuple wanted, long nowNs, Expected into) {
    int entry = lookup(wanted, wanted.hash());
    if (entry < 0) {
      return false;
    }
    boolean live = !expired(entry, nowNs);
    if (live) {
      long meta = store.get(entry, META);
      into.tuple.set(
          wanted.sourceHigh,
          wanted.sourceLow,
          wanted.destinationHigh,
          wanted.destinationLow,
          wanted.ports);
      into.receiver = (meta & RECEIVER) != 0;
      into.toHigh = store.get(entry, TO_HIGH);
      into.toLow = store.get(entry, TO_LOW);
      into.toPort = (int) (meta >>> 16) & 0xffff;
      into.sender = (meta & SENDER) != 0;
      into.fromHigh = store.get(entry, FROM_HIGH);
      into.fromLow = store.get(entry, FROM_LOW);
      into.rule = (int) (meta >>> 32) - 1;
      into.lane = (int) (meta >>> 8) & 0xff;
    }
    remove(entry);
    return live;
  }

  private void remove(int entry) {
    index.remove(Tuple.hashOfWords(store.chunk(entry), store.base(entry)), entry);
    store.free(entry, (int) (store.get(entry, META) >>> 8) & 0xff);
  }

  /** Takes out what is due at {@code nowNs}. */
  public void expire(long nowNs) {
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      makeRoom(lane, nowNs);
    }
  }

  /** Number of expectations. */
  public int size() {
    return store.count();
  }
}
