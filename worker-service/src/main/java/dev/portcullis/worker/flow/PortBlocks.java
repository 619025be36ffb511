package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;
import java.util.Arrays;

/**
 * The pool addresses of a worker, and who may allocate which of their ports. Ports come in blocks
 * of 64. A block belongs to one worker, by the table alone, and is at home in one of its lanes.
 *
 * <p>One port in four of a block is its home lane's alone; the others any lane of the worker may
 * have, tuple by tuple ({@link TupleClaims}). Endpoint-independent mappings have ports of blocks at
 * home in their lane only, so that the number of the port says where its mapping is.
 *
 * <p>A pool address that a policy brings gets the next place; one that it no longer has keeps its
 * place and its claims, as live flows may use its ports and a later policy may have it again.
 *
 * <p>One object per worker, shared by its shards. Any thread; {@link #add} by one.
 */
public final class PortBlocks {

  /** Ports of a block. */
  public static final int BLOCK = 64;

  /** The most pool addresses of all policies in the life of a worker. */
  public static final int MAX_POOLS = 4096;

  private record Pools(long[] high, long[] low) {}

  private final TupleClaims claims;
  private volatile Pools pools;

  /**
   * Makes the blocks of pool addresses; both arrays have the same length.
   *
   * @param flows the most flows of the worker
   */
  public PortBlocks(long[] high, long[] low, int flows) {
    this.pools = new Pools(high.clone(), low.clone());
    this.claims = new TupleClaims((int) Math.min(1 << 27, 2L * flows));
  }

  /** Takes a pool address in, unless it is there. */
  public void add(long addressHigh, long addressLow) {
    if (pool(addressHigh, addressLow) >= 0) {
      return;
    }
    Pools now = pools;
    int place = now.low.length;
    long[] high = Arrays.copyOf(now.high, place + 1);
    long[] low = Arrays.copyOf(now.low, place + 1);
    high[place] = addressHigh;
    low[place] = addressLow;
    pools = new Pools(high, low);
  }

  /** Returns the place of a pool address, -1 where it is none. */
  public int pool(long addressHigh, long addressLow) {
    Pools now = pools;
    for (int i = 0; i < now.low.length; i++) {
      if (now.low[i] == addressLow && now.high[i] == addressHigh) {
        return i;
      }
    }
    return -1;
  }

  /** Number of pool addresses. */
  public int pools() {
    return pools.low.length;
  }

  /** Upper half of a pool address. */
  public long high(int pool) {
    return pools.high[pool];
  }

  /** Lower half of a pool address. */
  public long low(int pool) {
    return pools.low[pool];
  }

  /**
   * Whether flows of a protocol get a port with their pool address: of TCP, UDP and ICMP. Others
   * get the address alone, also those that have ports of their own (SCTP).
   */
  public static boolean translatesPorts(int protocol) {
    return switch (protocol) {
      case PacketHeader.TCP, PacketHeader.UDP, PacketHeader.ICMP, PacketHeader.ICMPV6 -> true;
      default -> false;
    };
  }

  /** Whether flows with this tuple of replies have a pool address without a port of their own. */
  public boolean isByAddressAlone(Tuple reply) {
    return !translatesPorts(Tuple.protocol(reply.ports))
        && pool(reply.destinationHigh, reply.destinationLow) >= 0;
  }

  /** Who has which shared tuple. */
  public TupleClaims claims() {
    return claims;
  }

  /** Returns the place among {@code workers} of the worker that owns a block. */
  public static int ownerIndex(int block, int workers) {
    return block % workers;
  }

  /**
   * Returns the lane that a block is at home in, at its owner: consecutive blocks of one owner lie
   * in consecutive lanes.
   */
  public static int homeLane(int block, int workers) {
    return block / workers % Lanes.COUNT;
  }

  /** Whether a flow of a lane of the {@code ownIndex}-th of {@code workers} may have this port. */
  public static boolean mayHave(int port, int workers, int ownIndex, int lane) {
    int block = port / BLOCK;
    return ownerIndex(block, workers) == ownIndex
        && (isShared(port) || homeLane(block, workers) == lane);
  }

  /** Whether all lanes of the owner may have this port: three in four, the others are at home. */
  public static boolean isShared(int port) {
    return (port & 6) != 6;
  }
}
