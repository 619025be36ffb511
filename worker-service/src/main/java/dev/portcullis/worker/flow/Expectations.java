package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;

/**
 * Connections that other ones have announced (data connections of FTP), by sender, receiver and
 * port of the receiver: under which key such a connection lives, which is that of who announced it,
 * and, where that is here, what is to be done with its first packet. An expectation is used once,
 * and forgotten after {@code timeouts.expectation}. The bound is per lane of the connection that
 * announced it: {@code limits.expectations / 16}.
 *
 * <p>Thread: one shard.
 */
public final class Expectations {

  private static final int TUPLE = 0, V_HIGH = 5, V_LOW = 6, META = 7, SINCE = 8, OWNER = 9;
  private static final int TO_HIGH = 10, TO_LOW = 11, FROM_HIGH = 12, FROM_LOW = 13;
  private static final int WORDS = 15;

  /** Bits in {@link #META}; above them lane (8), class (16), translated port (24). */
  private static final int RECEIVER = 1, SENDER = 2, REVERSED = 4;

  private final EntryStore store = new EntryStore(WORDS);
  private final TupleIndex index = new TupleIndex();
  private final Tuple tuple = new Tuple();
  private final long timeoutNs;
  private final int limitPerLane;
  private int size;

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

    /** The first packet; its source port is 0: any. */
    public final Tuple tuple = new Tuple();

    /** Traffic class of the key that the connection lives under. */
    public int trafficClass;

    /** V of that key. */
    public long vHigh, vLow;

    /** Lane of that key. */
    public int lane;

    /** Flow that announced it, -1: it lives elsewhere, and nothing below is set. */
    public int owner;

    /** Whether the receiver opened the flow that announced it: the way of the rules is reversed. */
    public boolean reversed;

    /** Whether the receiver is translated, to {@link #toHigh}, {@link #toLow}, {@link #toPort}. */
    public boolean receiver;

    public long toHigh, toLow;

    /** Port of the translated receiver. */
    public int toPort;

    /** Whether the sender is shown as {@link #fromHigh}, {@link #fromLow}. */
    public boolean sender;

    public long fromHigh, fromLow;

    /** Makes an empty one. */
    public Expected() {}

    /** Writes it, but for lane and owner. */
    public void write(StateWords to) {
      to.put(tuple.sourceHigh);
      to.put(tuple.sourceLow);
      to.put(tuple.destinationHigh);
      to.put(tuple.destinationLow);
      to.put((long) Tuple.destinationPort(tuple.ports) << 8 | tuple.ports & 0xff);
      to.put(vHigh);
      to.put(vLow);
      to.put((long) toPort << 24 | (long) trafficClass << 16 | flags());
      to.put(toHigh);
      to.put(toLow);
      to.put(fromHigh);
      to.put(fromLow);
    }

    /** Reads what {@link #write} wrote. */
    public void read(StateWords from) {
      long senderHigh = from.next(), senderLow = from.next();
      long receiverHigh = from.next(), receiverLow = from.next();
      long port = from.next();
      of(
          (int) port & 0xff,
          senderHigh,
          senderLow,
          receiverHigh,
          receiverLow,
          (int) (port >>> 8) & 0xffff);
      vHigh = from.next();
      vLow = from.next();
      meta(from.next());
      toHigh = from.next();
      toLow = from.next();
      fromHigh = from.next();
      fromLow = from.next();
    }

    private int flags() {
      return (receiver ? RECEIVER : 0) | (sender ? SENDER : 0) | (reversed ? REVERSED : 0);
    }

    private void meta(long meta) {
      trafficClass = (int) (meta >>> 16) & 0xff;
      reversed = (meta & REVERSED) != 0;
      receiver = (meta & RECEIVER) != 0;
      toPort = (int) (meta >>> 24) & 0xffff;
      sender = (meta & SENDER) != 0;
    }

    /** Takes the tuple of a TCP connection from any port. */
    public void of(
        int version,
        long senderHigh,
        long senderLow,
        long receiverHigh,
        long receiverLow,
        int port) {
      tuple.set(
          senderHigh,
          senderLow,
          receiverHigh,
          receiverLow,
          Tuple.ports(version, PacketHeader.TCP, true, 0, port));
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
    if (store.count(it.lane) >= limitPerLane && !makeRoom(it.lane, nowNs)) {
      return false;
    }
    entry = store.allocate(it.lane);
    size++;
    it.tuple.write(store.chunk(entry), store.base(entry) + TUPLE);
    store.set(entry, V_HIGH, it.vHigh);
    store.set(entry, V_LOW, it.vLow);
    store.set(
        entry,
        META,
        (long) it.toPort << 24 | (long) it.trafficClass << 16 | (long) it.lane << 8 | it.flags());
    store.set(entry, SINCE, nowNs);
    store.set(entry, OWNER, it.owner);
    store.set(entry, TO_HIGH, it.toHigh);
    store.set(entry, TO_LOW, it.toLow);
    store.set(entry, FROM_HIGH, it.fromHigh);
    store.set(entry, FROM_LOW, it.fromLow);
    index.add(it.tuple.hash(), entry);
    return true;
  }

  private boolean makeRoom(int lane, long nowNs) {
    int next;
    for (int entry = store.head(lane); entry >= 0; entry = next) {
      next = store.next(entry);
      if (isExpired(entry, nowNs)) {
        remove(entry);
      }
    }
    return store.count(lane) < limitPerLane;
  }

  private boolean isExpired(int entry, long nowNs) {
    return nowNs - store.get(entry, SINCE) > timeoutNs;
  }

  private int lookup(Tuple wanted, long hash) {
    return index.find(store, TUPLE, wanted, hash);
  }

  /**
   * Returns the expectation that a first packet would fulfil, -1: there is none. Changes nothing.
   */
  public int find(PacketHeader h, long nowNs) {
    tuple.of(h);
    tuple.ports = Tuple.ports(h.version, h.protocol, true, 0, h.destinationPort);
    return find(tuple, nowNs);
  }

  /** As {@link #find(PacketHeader, long)}, for a tuple whose source port is 0. */
  public int find(Tuple wanted, long nowNs) {
    int entry = lookup(wanted, wanted.hash());
    return entry >= 0 && isExpired(entry, nowNs) ? -1 : entry;
  }

  /** Capture time since which it is expected. */
  public long since(int entry) {
    return store.get(entry, SINCE);
  }

  /** Reads an expectation. */
  public void read(int entry, Expected into) {
    long meta = store.get(entry, META);
    long[] words = store.chunk(entry);
    int at = store.base(entry) + TUPLE;
    into.tuple.set(words[at], words[at + 1], words[at + 2], words[at + 3], words[at + 4]);
    into.meta(meta);
    into.vHigh = store.get(entry, V_HIGH);
    into.vLow = store.get(entry, V_LOW);
    into.lane = (int) (meta >>> 8) & 0xff;
    into.owner = (int) store.get(entry, OWNER);
    into.toHigh = store.get(entry, TO_HIGH);
    into.toLow = store.get(entry, TO_LOW);
    into.fromHigh = store.get(entry, FROM_HIGH);
    into.fromLow = store.get(entry, FROM_LOW);
  }

  /** Takes an expectation out. */
  public void remove(int entry) {
    size--;
    index.remove(Tuple.hashOfWords(store.chunk(entry), store.base(entry)), entry);
    store.free(entry, (int) (store.get(entry, META) >>> 8) & 0xff);
  }

  /** Returns what a flow expects under a tuple, -1: it does not any more. */
  public int owned(Tuple wanted, int owner) {
    int entry = lookup(wanted, wanted.hash());
    return entry >= 0 && store.get(entry, OWNER) == owner ? entry : -1;
  }

  /** The flow that expects something lives elsewhere from now on. */
  public void forgetOwner(Tuple wanted, int owner) {
    int entry = owned(wanted, owner);
    if (entry >= 0) {
      store.set(entry, OWNER, -1);
    }
  }

  /** Takes out what a flow expects under a tuple, if it still does. */
  public void withdraw(Tuple wanted, int owner) {
    int entry = owned(wanted, owner);
    if (entry >= 0) {
      remove(entry);
    }
  }

  /** Takes out what is due at {@code nowNs}. */
  public void expire(long nowNs) {
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      makeRoom(lane, nowNs);
    }
  }

  /** Number of expectations. May be read by any thread. */
  public int size() {
    return size;
  }
}
