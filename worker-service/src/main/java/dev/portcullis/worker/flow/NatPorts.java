package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Gives translated ports to the flows of a shard, lane by lane. A port is free for a flow when no
 * live flow has the tuple that its replies would have: ports are used again for other receivers.
 *
 * <p>It tries, in this order: the port that the flow wishes to keep; of the ports that are the
 * lane's alone one whose replies lead back to this worker, then any; of the blocks at home in the
 * lane the shared ports; then, here and there, shared ports of the other lanes. So lanes only meet
 * where a flow keeps its port and where a lane has used up its own: what a lane is given depends on
 * the others there alone ({@link TupleClaims}).
 *
 * <p>Arithmetic: 64,512 ports over N workers are 16,128 / N for the lanes alone, 1,008 / N each and
 * receiver, and 48,384 / N shared. Each step ends after {@link #MAX_TRIES}, so an allocation costs
 * a thousand look-ups at worst, when nearly nothing is left. Thread: one shard.
 */
public final class NatPorts implements FlowListener {

  /** The most ports that a step tries. */
  static final int MAX_TRIES = 256;

  /** The most ports that are tried for one whose replies lead back. */
  static final int MAX_LEAD_TRIES = 64;

  /** Tells whether a tuple is in use on this shard, apart from claims. */
  @FunctionalInterface
  public interface InUse {
    /** Whether it is. */
    boolean test(Tuple tuple, long nowNs);
  }

  /** Tells whether replies with a tuple lead to this worker. */
  @FunctionalInterface
  public interface LeadsBack {
    /** Whether they do. */
    boolean test(Tuple reply);
  }

  private static final IntPredicate ALL = block -> true;

  private final PortBlocks blocks;
  private final TupleClaims claims;
  private final FlowTable flows;
  private final Tuple ended = new Tuple();
  private PortLists[] ranges = {};
  private int workers = 1;
  private int ownIndex = -1;
  private IntPredicate usable = ALL;

  // the question of the present allocation
  private int lane;
  private Tuple reply = new Tuple();
  private boolean echo;
  private long nowNs;
  private final InUse isFlow = this::isFlow;
  private InUse used = isFlow;

  /** Makes an allocator over the blocks of the worker; it listens to {@code flows}. */
  public NatPorts(PortBlocks blocks, FlowTable flows) {
    this.blocks = blocks;
    this.claims = blocks.claims();
    this.flows = flows;
    flows.listen(this);
  }

  /**
   * Says from which ranges of ports there is to be allocated from now on: the rules of a policy
   * have them. Ranges that stay go on where they are. Each has the number that is its index.
   */
  public void ranges(int[] first, int[] last) {
    PortLists[] next = new PortLists[first.length];
    for (int i = 0; i < next.length; i++) {
      next[i] = range(next, i, first[i], last[i]);
      next[i].makeRoom(blocks.pools());
    }
    ranges = next;
  }

  /** Two rules with one range share its lists and cursors. */
  private PortLists range(PortLists[] next, int count, int first, int last) {
    for (int i = 0; i < count; i++) {
      if (next[i].isFrom(first, last)) {
        return next[i];
      }
    }
    for (PortLists it : ranges) {
      if (it.isFrom(first, last)) {
        return it;
      }
    }
    PortLists made = new PortLists(first, last);
    if (ownIndex >= 0) {
      made.share(workers, ownIndex, usable);
    }
    return made;
  }

  /**
   * Says which blocks are this worker's: it is the {@code ownIndex}-th of {@code workers}, -1: none
   * is.
   */
  public void share(int workers, int ownIndex) {
    share(workers, ownIndex, ALL);
  }

  /**
   * As {@link #share(int, int)}, and some of these blocks are not used yet: others have not said
   * what lives there.
   *
   * @param blocksInUse which are used
   */
  public void share(int workers, int ownIndex, IntPredicate blocksInUse) {
    this.workers = workers;
    this.ownIndex = ownIndex;
    usable = blocksInUse;
    for (PortLists it : ranges) {
      it.share(workers, ownIndex, blocksInUse);
    }
  }

  /**
   * Finds a port for a flow.
   *
   * @param range number of one of {@link #ranges}
   * @param reply tuple of replies; destination is set to the pool address and port found (echo:
   *     source port too)
   * @param echo whether there is one identifier in place of two ports
   * @param wanted port that is tried first, -1: none
   * @param leadsBack which replies lead here; null: it makes no difference
   * @param seed spreads the last tries
   * @return the port, -1: none is free
   */
  public int allocate(
      int range,
      int pool,
      int lane,
      Tuple reply,
      boolean echo,
      int wanted,
      @Nullable LeadsBack leadsBack,
      long seed,
      long nowNs) {
    if (ownIndex < 0) {
      return -1;
    }
    ask(pool, lane, reply, echo, nowNs);
    used = isFlow;
    PortLists it = ranges[range];
    if (it.contains(wanted)
        && PortBlocks.mayHave(wanted, workers, ownIndex, lane)
        && take(wanted)) {
      return wanted;
    }
    int search = PortLists.search(pool, lane, PortLists.ALONE);
    int port = -1;
    if (leadsBack != null && !it.isFull(search, receiver(), nowNs)) {
      port = leading(it.alone(lane), it.cursors, search, leadsBack);
    }
    if (port < 0) {
      port = next(it, it.alone(lane), search);
    }
    if (port < 0) {
      port = next(it, it.shared(lane), PortLists.search(pool, lane, PortLists.SHARED));
    }
    int elsewhere = PortLists.search(pool, lane, PortLists.ELSEWHERE);
    return port >= 0 ? port : elsewhere(it, elsewhere, seed);
  }

  /**
   * Takes a pool address as it is for a flow of a protocol without ports; false where another flow
   * of this worker has it with the same receiver. Whether one of another worker has, knows who
   * records the path.
   */
  public boolean takeAddress(int pool, int lane, Tuple reply, long nowNs) {
    reply.destinationHigh = blocks.high(pool);
    reply.destinationLow = blocks.low(pool);
    return !flows.isInLane(reply, lane, nowNs) && claims.claim(reply.hash(), lane, nowNs);
  }

  /**
   * Takes the port of an endpoint-independent mapping for one of its flows; false where another
   * flow has the same receiver: one of another lane, from a time when a policy shared the port out.
   */
  public boolean takeMapped(int lane, Tuple reply, long nowNs) {
    return !flows.isInLane(reply, lane, nowNs)
        && (!PortBlocks.isShared(Tuple.destinationPort(reply.ports))
            || claims.claim(reply.hash(), lane, nowNs));
  }

  /**
   * Finds a port for an endpoint-independent mapping, of the lane's own blocks.
   *
   * @param outer tuple without a remote side; destination is set
   * @param used which of them are taken
   */
  public int allocateMapping(
      int range,
      int pool,
      int lane,
      Tuple outer,
      boolean echo,
      int wanted,
      InUse used,
      long nowNs) {
    if (ownIndex < 0) {
      return -1;
    }
    ask(pool, lane, outer, echo, nowNs);
    this.used = used;
    PortLists it = ranges[range];
    boolean home =
        it.contains(wanted)
            && PortBlocks.mayHave(wanted, workers, ownIndex, lane)
            && PortBlocks.homeLane(wanted / PortBlocks.BLOCK, workers) == lane;
    if (home && isFree(wanted)) {
      return wanted;
    }
    int search = PortLists.search(pool, lane, PortLists.ALONE);
    int port = free(it.alone(lane), it.cursors, search);
    int shared = PortLists.search(pool, lane, PortLists.SHARED);
    return port >= 0 ? port : free(it.shared(lane), it.cursors, shared);
  }

  private void ask(int pool, int lane, Tuple reply, boolean echo, long nowNs) {
    this.lane = lane;
    this.reply = reply;
    this.echo = echo;
    this.nowNs = nowNs;
    reply.destinationHigh = blocks.high(pool);
    reply.destinationLow = blocks.low(pool);
  }

  private boolean isFlow(Tuple tuple, long now) {
    return flows.isInLane(tuple, lane, now);
  }

  private void set(int port) {
    reply.ports = reply.ports & ~(0xffffL << 32) | (long) port << 32;
    if (echo) {
      reply.ports = reply.ports & ~(0xffffL << 48) | (long) port << 48;
    }
  }

  private boolean isFree(int port) {
    set(port);
    return usable.test(port / PortBlocks.BLOCK) && !used.test(reply, nowNs);
  }

  private boolean take(int port) {
    return isFree(port)
        && (PortBlocks.isShared(port)
            ? claims.claim(reply.hash(), lane, nowNs)
            : !claims.isLent(reply.hash()));
  }

  private int leading(char[] ports, int[] cursors, int cursor, LeadsBack leadsBack) {
    int tries = Math.min(ports.length, Math.min(MAX_LEAD_TRIES, 4 * workers));
    int at = cursors[cursor];
    for (int i = 0; i < tries; i++) {
      int port = ports[at];
      at = at + 1 == ports.length ? 0 : at + 1;
      set(port);
      if (leadsBack.test(reply) && take(port)) {
        cursors[cursor] = at;
        return port;
      }
    }
    return -1;
  }

  private long receiver() {
    long ports = reply.ports & (echo ? 0xffff_ffffL : ~(0xffffL << 32));
    return reply.sourceHigh * 31 + reply.sourceLow + ports | 1;
  }

  private int next(PortLists lists, char[] ports, int search) {
    if (lists.isFull(search, receiver(), nowNs)) {
      return -1;
    }
    int[] cursors = lists.cursors;
    int tries = Math.min(ports.length, MAX_TRIES);
    int at = cursors[search];
    for (int i = 0; i < tries; i++) {
      int port = ports[at];
      at = at + 1 == ports.length ? 0 : at + 1;
      if (take(port)) {
        cursors[search] = at;
        return port;
      }
    }
    cursors[search] = at;
    lists.full(search, receiver(), nowNs);
    return -1;
  }

  private int free(char[] ports, int[] cursors, int cursor) {
    int tries = Math.min(ports.length, MAX_TRIES);
    int at = cursors[cursor];
    for (int i = 0; i < tries; i++) {
      int port = ports[at];
      at = at + 1 == ports.length ? 0 : at + 1;
      cursors[cursor] = at;
      if (isFree(port)) {
        return port;
      }
    }
    return -1;
  }

  /** Lanes begin at different lanes, so that they seldom want the same port. */
  private int elsewhere(PortLists lists, int search, long seed) {
    if (lists.isFull(search, receiver(), nowNs)) {
      return -1;
    }
    for (int i = 0; i < MAX_TRIES; i++) {
      char[] ports = lists.shared((lane + 1 + i % (Lanes.COUNT - 1)) % Lanes.COUNT);
      if (ports.length > 0) {
        int at = (int) Long.remainderUnsigned(Lanes.mix(seed + i), ports.length);
        if (take(ports[at])) {
          return ports[at];
        }
      }
    }
    lists.full(search, receiver(), nowNs);
    return -1;
  }

  /** A flow with this tuple of replies has not begun, although it was given the tuple. */
  public void release(Tuple reply, int lane, long nowNs) {
    boolean isShared =
        blocks.isByAddressAlone(reply) || PortBlocks.isShared(Tuple.destinationPort(reply.ports));
    if (isShared && blocks.pool(reply.destinationHigh, reply.destinationLow) >= 0) {
      claims.end(reply.hash(), lane, nowNs);
    }
  }

  @Override
  public void ended(int flow, EndReason why, long atNs) {
    if (why == EndReason.HANDED_OVER
        || (flows.flags(flow) & FlowTable.SNAT) == 0
        || flows.has(flow, FlowTable.GUEST)) {
      return; // the tuple of a guest is of the worker that began it
    }
    int at = FlowTable.REVERSE;
    ended.set(
        flows.get(flow, at),
        flows.get(flow, at + 1),
        flows.get(flow, at + 2),
        flows.get(flow, at + 3),
        flows.get(flow, at + 4));
    release(ended, flows.lane(flow), Math.max(atNs, flows.noticedNs()));
  }
}
