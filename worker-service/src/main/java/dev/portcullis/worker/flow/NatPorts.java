package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import java.util.Arrays;
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

  /** How long a list that was full for a receiver is not searched for it again. */
  private static final long FULL_FOR_NS = 1_000_000_000L;

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

  /** Ports from {@code first} to {@code last} as the lanes of this worker share them. */
  private static final class Range {
    final int first;
    final int last;
    final char[][] alone = new char[Lanes.COUNT][];
    final char[][] shared = new char[Lanes.COUNT][];
    final int[] cursors;

    /** For what receiver a list was found full, and when. */
    final long[] fullFor;

    final long[] fullAtNs;

    Range(int first, int last, int pools) {
      this.first = first;
      this.last = last;
      this.cursors = new int[Math.max(1, pools) * Lanes.COUNT * 2];
      this.fullFor = new long[cursors.length];
      this.fullAtNs = new long[cursors.length];
    }

    void share(int workers, int ownIndex) {
      StringBuilder[] lists = new StringBuilder[2 * Lanes.COUNT];
      Arrays.setAll(lists, i -> new StringBuilder());
      for (int port = first; port <= last; port++) {
        int block = port / PortBlocks.BLOCK;
        if (PortBlocks.ownerIndex(block, workers) != ownIndex) {
          port |= PortBlocks.BLOCK - 1;
        } else {
          int lane = PortBlocks.homeLane(block, workers);
          lists[2 * lane + (PortBlocks.isShared(port) ? 1 : 0)].append((char) port);
        }
      }
      for (int lane = 0; lane < Lanes.COUNT; lane++) {
        alone[lane] = lists[2 * lane].toString().toCharArray();
        shared[lane] = lists[2 * lane + 1].toString().toCharArray();
      }
      Arrays.fill(cursors, 0);
      Arrays.fill(fullFor, 0);
    }
  }

  private final PortBlocks blocks;
  private final TupleClaims claims;
  private final FlowTable flows;
  private final Tuple ended = new Tuple();
  private Range[] ranges = {};
  private int workers = 1;
  private int ownIndex = -1;
  private int inUse;

  // the question of the present allocation
  private int lane;
  private Tuple reply = new Tuple();
  private boolean echo;
  private long nowNs;
  private InUse used = (tuple, now) -> false;

  /** Makes an allocator over the blocks of the worker; it listens to {@code flows}. */
  public NatPorts(PortBlocks blocks, FlowTable flows) {
    this.blocks = blocks;
    this.claims = blocks.claims();
    this.flows = flows;
    flows.listen(this);
  }

  /** Returns the number of a range of ports, to allocate from; before the first table. */
  public int range(int first, int last) {
    for (int i = 0; i < ranges.length; i++) {
      if (ranges[i].first == first && ranges[i].last == last) {
        return i;
      }
    }
    ranges = Arrays.copyOf(ranges, ranges.length + 1);
    ranges[ranges.length - 1] = new Range(first, last, blocks.pools());
    return ranges.length - 1;
  }

  /**
   * Says which blocks are this worker's: it is the {@code ownIndex}-th of {@code workers}, -1: none
   * is.
   */
  public void share(int workers, int ownIndex) {
    this.workers = workers;
    this.ownIndex = ownIndex;
    for (Range it : ranges) {
      it.share(workers, ownIndex);
    }
  }

  /** Translated tuples in use. May be read by any thread. */
  public int inUse() {
    return inUse;
  }

  /**
   * Finds a port for a flow.
   *
   * @param range number of {@link #range}
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
    used = this::isFlow;
    Range it = ranges[range];
    if (wanted >= it.first
        && wanted <= it.last
        && PortBlocks.mayHave(wanted, workers, ownIndex, lane)
        && take(wanted)) {
      return wanted;
    }
    int cursor = (pool * Lanes.COUNT + lane) * 2;
    int port = -1;
    if (leadsBack != null && !isFull(it, cursor)) {
      port = leading(it.alone[lane], it.cursors, cursor, leadsBack);
    }
    if (port < 0) {
      port = next(it, it.alone[lane], cursor);
    }
    if (port < 0) {
      port = next(it, it.shared[lane], cursor + 1);
    }
    return port >= 0 ? port : elsewhere(it, seed);
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
    Range it = ranges[range];
    boolean home =
        wanted >= it.first
            && wanted <= it.last
            && PortBlocks.mayHave(wanted, workers, ownIndex, lane)
            && PortBlocks.homeLane(wanted / PortBlocks.BLOCK, workers) == lane;
    if (home && isFree(wanted)) {
      return wanted;
    }
    int cursor = (pool * Lanes.COUNT + lane) * 2;
    int port = free(it.alone[lane], it.cursors, cursor);
    return port >= 0 ? port : free(it.shared[lane], it.cursors, cursor + 1);
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
    return !used.test(reply, nowNs);
  }

  private boolean take(int port) {
    return isFree(port) && (!PortBlocks.isShared(port) || claims.claim(reply.hash(), lane, nowNs));
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

  private boolean isFull(Range range, int list) {
    return range.fullFor[list] == receiver()
        && Math.abs(nowNs - range.fullAtNs[list]) < FULL_FOR_NS;
  }

  private int next(Range range, char[] ports, int cursor) {
    if (isFull(range, cursor)) {
      return -1;
    }
    int[] cursors = range.cursors;
    int tries = Math.min(ports.length, MAX_TRIES);
    int at = cursors[cursor];
    for (int i = 0; i < tries; i++) {
      int port = ports[at];
      at = at + 1 == ports.length ? 0 : at + 1;
      if (take(port)) {
        cursors[cursor] = at;
        return port;
      }
    }
    cursors[cursor] = at;
    range.fullFor[cursor] = receiver();
    range.fullAtNs[cursor] = nowNs;
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
  private int elsewhere(Range range, long seed) {
    for (int i = 0; i < MAX_TRIES; i++) {
      char[] ports = range.shared[(lane + 1 + i % (Lanes.COUNT - 1)) % Lanes.COUNT];
      if (ports.length > 0) {
        int at = (int) Long.remainderUnsigned(Lanes.mix(seed + i), ports.length);
        if (take(ports[at])) {
          return ports[at];
        }
      }
    }
    return -1;
  }

  @Override
  public void opened(int flow) {
    if (readPoolTuple(flow)) {
      inUse++;
    }
  }

  @Override
  public void ended(int flow, EndReason why, long atNs) {
    if (readPoolTuple(flow)) {
      inUse--;
      if (blocks.isByAddressAlone(ended)
          || PortBlocks.isShared(Tuple.destinationPort(ended.ports))) {
        claims.end(ended.hash(), flows.lane(flow), Math.max(atNs, flows.noticedNs()));
      }
    }
  }

  /** Reads the tuple of replies; false where its receiver is no pool address. */
  private boolean readPoolTuple(int flow) {
    if ((flows.flags(flow) & FlowTable.SNAT) == 0) {
      return false;
    }
    int at = FlowTable.REVERSE;
    ended.set(
        flows.get(flow, at),
        flows.get(flow, at + 1),
        flows.get(flow, at + 2),
        flows.get(flow, at + 3),
        flows.get(flow, at + 4));
    return blocks.pool(ended.destinationHigh, ended.destinationLow) >= 0;
  }
}
