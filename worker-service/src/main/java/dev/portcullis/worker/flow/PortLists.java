package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import java.util.Arrays;
import java.util.function.IntPredicate;

/**
 * The ports of a range that are this worker's, as its lanes share them; and how far each lane has
 * come with each pool address. Thread: one shard.
 */
final class PortLists {

  /** What a lane of a pool address searches: its own ports, shared ones at home, elsewhere. */
  static final int ALONE = 0, SHARED = 1, ELSEWHERE = 2;

  private static final int KINDS = 3;

  /** How long a search that found nothing for a receiver is not done for it again. */
  private static final long FULL_FOR_NS = 1_000_000_000L;

  private final int first;
  private final int last;
  private final char[][] alone = new char[Lanes.COUNT][];
  private final char[][] shared = new char[Lanes.COUNT][];

  /** Where each search goes on. */
  int[] cursors = {};

  /** For what receiver a search found nothing, and when. */
  private long[] fullFor = {};

  private long[] fullAtNs = {};

  /** Makes lists of the ports from {@code first} to {@code last}. */
  PortLists(int first, int last) {
    this.first = first;
    this.last = last;
  }

  boolean isFrom(int first, int last) {
    return this.first == first && this.last == last;
  }

  boolean contains(int port) {
    return port >= first && port <= last;
  }

  /** Room for as many pool addresses. */
  void makeRoom(int pools) {
    int searches = pools * Lanes.COUNT * KINDS;
    if (searches > cursors.length) {
      cursors = Arrays.copyOf(cursors, searches);
      fullFor = Arrays.copyOf(fullFor, searches);
      fullAtNs = Arrays.copyOf(fullAtNs, searches);
    }
  }

  /**
   * Says which blocks are this worker's: it is the {@code ownIndex}-th of {@code workers}.
   *
   * @param usable which of them are used
   */
  void share(int workers, int ownIndex, IntPredicate usable) {
    StringBuilder[] lists = new StringBuilder[2 * Lanes.COUNT];
    Arrays.setAll(lists, i -> new StringBuilder());
    for (int port = first; port <= last; port++) {
      int block = port / PortBlocks.BLOCK;
      if (PortBlocks.ownerIndex(block, workers) != ownIndex || !usable.test(block)) {
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

  /** Ports that are the lane's alone. */
  char[] alone(int lane) {
    return alone[lane];
  }

  /** Ports of blocks at home in the lane that other lanes may have too. */
  char[] shared(int lane) {
    return shared[lane];
  }

  /** Number of a search of a lane for a port of a pool address. */
  static int search(int pool, int lane, int kind) {
    return (pool * Lanes.COUNT + lane) * KINDS + kind;
  }

  /**
   * Whether a search has found nothing for this receiver lately.
   *
   * @param receiver what tells receivers apart; not 0
   */
  boolean isFull(int search, long receiver, long nowNs) {
    return fullFor[search] == receiver && Math.abs(nowNs - fullAtNs[search]) < FULL_FOR_NS;
  }

  /** A search has found nothing. */
  void full(int search, long receiver, long nowNs) {
    fullFor[search] = receiver;
    fullAtNs[search] = nowNs;
  }
}
