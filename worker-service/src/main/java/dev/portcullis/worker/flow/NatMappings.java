package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.PolicySpec.Filtering;

/**
 * Endpoint-independent mappings of a shard (RFC 4787 section 4.1): from a sender's protocol,
 * address and port to a pool address and port, and back; and to which addresses each has sent, for
 * address-dependent filtering (section 5).
 *
 * <p>A tuple of a mapping has no remote side: {@code inner} has the sender, and the pool address in
 * place of a receiver; {@code outer} has the pool address as the receiver. A mapping belongs to the
 * lane of its sender's key, which is also the home lane of its port.
 *
 * <p>What a mapping lets in is not kept here: the present policy says it.
 *
 * <p>A mapping is kept while a flow uses it and for the timeout after its last outbound packet
 * (REQ-6: inbound packets do not keep it). New remote sides are let in only within the timeout; TCP
 * while a connection may be alive. Bound: {@code limits.flows / 16} per lane. Thread: one shard.
 */
public final class NatMappings implements FlowListener {

  private static final int INNER = 0, OUTER = 5, FLOWS = 10, LAST_OUT = 11, LANE = 12, WORDS = 14;

  /** In {@link #LANE}: this is a permission, not a mapping. */
  private static final long PERMISSION = 1 << 8;

  /** In {@link FlowTable#HELPER}, above the mapping: the flow keeps a permission. */
  private static final long PERMITS = 1L << 63;

  private final EntryStore store = new EntryStore(WORDS);
  private final TupleIndex byInner = new TupleIndex();
  private final TupleIndex byOuter = new TupleIndex();
  private final TupleIndex byRemote = new TupleIndex();
  private final FlowTable flows;
  private final long timeoutNs;
  private final long tcpTimeoutNs;
  private final int limitPerLane;
  private final Tuple permission = new Tuple();
  private boolean inPassing = true;

  /**
   * Makes an empty table, which listens to {@code flows}.
   *
   * @param timeoutNs how long a mapping without flows lives
   * @param tcpTimeoutNs how long a connection lives without packets
   * @param limit the most mappings and permissions of the worker
   */
  public NatMappings(FlowTable flows, long timeoutNs, long tcpTimeoutNs, int limit) {
    this.flows = flows;
    this.timeoutNs = timeoutNs;
    this.tcpTimeoutNs = tcpTimeoutNs;
    this.limitPerLane = Math.max(1, limit / Lanes.COUNT);
    flows.listen(this);
  }

  /** Returns the mapping of a sender, -1: none. */
  public int findInner(Tuple inner, long nowNs) {
    return find(byInner, inner, INNER, nowNs);
  }

  /** Returns the mapping that has this pool address and port, -1: none. */
  public int findOuter(Tuple outer, long nowNs) {
    return find(byOuter, outer, OUTER, nowNs);
  }

  private int find(TupleIndex index, Tuple tuple, int word, long nowNs) {
    int it = index.find(store, word, tuple, tuple.hash());
    if (it >= 0 && isOver(it, nowNs)) {
      remove(it);
      return -1;
    }
    return it;
  }

  private boolean isOver(int it, long nowNs) {
    return store.get(it, FLOWS) == 0 && nowNs - store.get(it, LAST_OUT) > timeoutNs;
  }

  /**
   * Whether new mappings take out old ones in passing; otherwise {@link #expire} and lack of room.
   */
  public void inPassing(boolean it) {
    inPassing = it;
  }

  /** Takes out all mappings and permissions that are over. */
  public void expire(long nowNs) {
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      int it = store.head(lane);
      while (it >= 0) {
        int next = store.next(it);
        if (isOver(it, nowNs)) {
          remove(it);
        }
        it = next;
      }
    }
  }

  /** Makes a mapping; -1 when the lane is full of live ones. */
  public int insert(Tuple inner, Tuple outer, int lane, long nowNs) {
    int it = allocate(lane, nowNs);
    if (it >= 0) {
      inner.write(store.chunk(it), store.base(it) + INNER);
      outer.write(store.chunk(it), store.base(it) + OUTER);
      store.set(it, LANE, lane);
      store.set(it, LAST_OUT, nowNs);
      byInner.add(inner.hash(), it);
      byOuter.add(outer.hash(), it);
    }
    return it;
  }

  private int allocate(int lane, long nowNs) {
    int looks = inPassing ? 2 : 0;
    for (int i = 0; i < looks || i < 16 && store.count(lane) >= limitPerLane; i++) {
      int old = store.walk(lane);
      if (old >= 0 && isOver(old, nowNs)) {
        remove(old);
      }
    }
    return store.count(lane) >= limitPerLane ? -1 : store.allocate(lane);
  }

  private void remove(int it) {
    long[] chunk = store.chunk(it);
    int base = store.base(it);
    if ((store.get(it, LANE) & PERMISSION) != 0) {
      byRemote.remove(Tuple.hashOfWords(chunk, base + INNER), it);
    } else {
      byInner.remove(Tuple.hashOfWords(chunk, base + INNER), it);
      byOuter.remove(Tuple.hashOfWords(chunk, base + OUTER), it);
    }
    store.free(it, lane(it));
  }

  /** Lane of a mapping. */
  public int lane(int mapping) {
    return (int) store.get(mapping, LANE) & 0xff;
  }

  /** Reads the sender of a mapping. */
  public void inner(int mapping, Tuple into) {
    read(mapping, INNER, into);
  }

  /** Reads the pool address and port of a mapping. */
  public void outer(int mapping, Tuple into) {
    read(mapping, OUTER, into);
  }

  private void read(int it, int word, Tuple into) {
    into.set(
        store.get(it, word),
        store.get(it, word + 1),
        store.get(it, word + 2),
        store.get(it, word + 3),
        store.get(it, word + 4));
  }

  /** A packet of the sender has gone out. */
  public void sent(int mapping, long nowNs) {
    store.set(mapping, LAST_OUT, Math.max(nowNs, store.get(mapping, LAST_OUT)));
  }

  /**
   * Whether a mapping takes a first packet from this remote address.
   *
   * @param outer pool address and port as the receiver; the sender is not looked at
   */
  public boolean accepts(
      int mapping, Filtering filtering, Tuple outer, long remoteHigh, long remoteLow, long nowNs) {
    boolean tcp = Tuple.protocol(outer.ports) == 6 && store.get(mapping, FLOWS) > 0;
    if (nowNs - store.get(mapping, LAST_OUT) > (tcp ? tcpTimeoutNs : timeoutNs)) {
      return false;
    }
    if (filtering != Filtering.ADDRESS_DEPENDENT) {
      return filtering == Filtering.ENDPOINT_INDEPENDENT;
    }
    permission.set(remoteHigh, remoteLow, outer.destinationHigh, outer.destinationLow, outer.ports);
    return find(byRemote, permission, INNER, nowNs) >= 0;
  }

  /**
   * A flow has begun: it keeps its mapping.
   *
   * @param permits whether it lets its receiver in, other ports of it included
   */
  public void opened(int flow, int mapping, boolean permits) {
    store.set(mapping, FLOWS, store.get(mapping, FLOWS) + 1);
    long word = (long) (mapping + 1) << 32 | flows.get(flow, FlowTable.HELPER) & 0xffff_ffffL;
    flows.set(flow, FlowTable.HELPER, word);
    if (permits) {
      int it = permission(flow, mapping, flows.get(flow, FlowTable.START));
      if (it >= 0) {
        store.set(it, FLOWS, store.get(it, FLOWS) + 1);
        flows.set(flow, FlowTable.HELPER, word | PERMITS);
      }
    }
  }

  /** Returns the permission of a flow's receiver, a new one where there is none; -1: no room. */
  private int permission(int flow, int mapping, long nowNs) {
    permissionOf(flow, mapping);
    int it = find(byRemote, permission, INNER, nowNs);
    if (it < 0) {
      it = allocate(lane(mapping), nowNs);
      if (it < 0) {
        return it;
      }
      permission.write(store.chunk(it), store.base(it) + INNER);
      store.set(it, LANE, PERMISSION | lane(mapping));
      byRemote.add(permission.hash(), it);
    }
    sent(it, nowNs);
    return it;
  }

  private void permissionOf(int flow, int mapping) {
    outer(mapping, permission);
    permission.sourceHigh = flows.get(flow, FlowTable.REVERSE);
    permission.sourceLow = flows.get(flow, FlowTable.REVERSE + 1);
  }

  /** Returns the mapping that a flow uses, -1: none. */
  public int of(int flow) {
    return (int) ((flows.get(flow, FlowTable.HELPER) & ~PERMITS) >>> 32) - 1;
  }

  @Override
  public void ended(int flow, EndReason why, long atNs) {
    int mapping = of(flow);
    if (mapping < 0) {
      return;
    }
    store.set(mapping, FLOWS, store.get(mapping, FLOWS) - 1);
    if ((flows.get(flow, FlowTable.HELPER) & PERMITS) != 0) {
      permissionOf(flow, mapping);
      // it cannot be over: this flow has kept it
      int it = find(byRemote, permission, INNER, atNs);
      if (it >= 0) {
        store.set(it, FLOWS, store.get(it, FLOWS) - 1);
        sent(it, flows.get(flow, FlowTable.LAST_SEEN));
      }
    }
  }

  /** Mappings and permissions. */
  public int size() {
    return store.count();
  }
}
