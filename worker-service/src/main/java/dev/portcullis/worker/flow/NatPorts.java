package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import java.util.Arrays;

/**
 * Gives translated ports to the flows of a shard, lane by lane. A lane searches the blocks it has
 * claimed, from where it found the last one, then claims one more: of its own first, lowest first;
 * then, highest first, one that no lane of this worker has claimed. A port is free for a flow when
 * no live flow has the tuple that its replies would have: ports are used again for other receivers.
 * The original port is not kept.
 *
 * <p>Arithmetic: 64,512 ports over N workers and 16 lanes are 1,344 / N per lane and receiver; a
 * lane searches all that it has before it claims, which is once in 64 flows, so a port costs some
 * 20 tries at worst until nothing is left to claim. Thread: one shard.
 */
public final class NatPorts {

  private final PortBlocks blocks;
  private final FlowTable flows;
  private int[][] claimed = {};
  private int[] claimedCount = {};
  private int[] cursors = {};
  private int workers = 1;
  private int ownIndex;

  /** Makes an allocator over the blocks of the worker; free is what {@code flows} does not have. */
  public NatPorts(PortBlocks blocks, FlowTable flows) {
    this.blocks = blocks;
    this.flows = flows;
    makeRoom();
  }

  /** Room for the pool addresses there are now. */
  private void makeRoom() {
    int before = claimed.length;
    int lists = blocks.pools() * Lanes.COUNT;
    claimed = Arrays.copyOf(claimed, lists);
    claimedCount = Arrays.copyOf(claimedCount, lists);
    cursors = Arrays.copyOf(cursors, lists);
    for (int i = before; i < lists; i++) {
      claimed[i] = new int[8];
    }
  }

  /**
   * Says which blocks are this worker's: it is the {@code ownIndex}-th of {@code workers}, -1: none
   * is.
   */
  public void share(int workers, int ownIndex) {
    this.workers = workers;
    this.ownIndex = ownIndex;
  }

  /**
   * Finds a port.
   *
   * @param reply tuple of replies; destination is set to the pool address and port found (echo:
   *     source port too)
   * @param echo whether there is one identifier in place of two ports
   * @return the port, -1: none is free
   */
  public int allocate(
      int pool, int first, int last, int lane, Tuple reply, boolean echo, long nowNs) {
    int list = pool * Lanes.COUNT + lane;
    if (list >= claimed.length) {
      makeRoom();
    }
    int port = search(list, first, last, reply, echo, nowNs);
    while (port < 0 && claimOne(pool, lane, list, first, last)) {
      cursors[list] = (claimedCount[list] - 1) * PortBlocks.BLOCK;
      port = search(list, first, last, reply, echo, nowNs);
    }
    return port;
  }

  private int search(int list, int first, int last, Tuple reply, boolean echo, long nowNs) {
    int size = claimedCount[list] * PortBlocks.BLOCK;
    int at = cursors[list];
    for (int i = 0; i < size; i++) {
      int port = claimed[list][at / PortBlocks.BLOCK] * PortBlocks.BLOCK + at % PortBlocks.BLOCK;
      at = at + 1 == size ? 0 : at + 1;
      if (port >= first && port <= last) {
        reply.ports = reply.ports & ~(0xffffL << 32) | (long) port << 32;
        if (echo) {
          reply.ports = reply.ports & ~(0xffffL << 48) | (long) port << 48;
        }
        if (flows.find(reply, reply.hash(), nowNs) < 0) {
          cursors[list] = at;
          return port;
        }
      }
    }
    return -1;
  }

  private boolean claimOne(int pool, int lane, int list, int first, int last) {
    if (ownIndex < 0) {
      return false;
    }
    int from = first / PortBlocks.BLOCK;
    int to = last / PortBlocks.BLOCK;
    for (int block = from; block <= to; block++) {
      if (PortBlocks.ownerIndex(block, workers) == ownIndex
          && PortBlocks.homeLane(block, workers) == lane
          && take(pool, block, lane, list)) {
        return true;
      }
    }
    for (int block = to; block >= from; block--) {
      if (PortBlocks.ownerIndex(block, workers) == ownIndex && take(pool, block, lane, list)) {
        return true;
      }
    }
    return false;
  }

  private boolean take(int pool, int block, int lane, int list) {
    if (blocks.claimant(pool, block) >= 0 || !blocks.claim(pool, block, lane)) {
      return false;
    }
    if (claimedCount[list] == claimed[list].length) {
      claimed[list] = Arrays.copyOf(claimed[list], claimed[list].length * 2);
    }
    claimed[list][claimedCount[list]++] = block;
    return true;
  }
}
