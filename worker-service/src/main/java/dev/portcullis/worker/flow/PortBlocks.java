package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;
import java.util.Arrays;

/**
 * The pool addresses of a configuration, and who may allocate which of their ports. Ports come in
 * blocks of 64. A block belongs to one worker, by the table alone, and is at home in one of its
 * lanes.
 *
 * <p>One port in four of a block is its home lane's alone; the others any lane of the worker may
 * have, tuple by tuple ({@link TupleClaims}). Of an address with endpoint-independent mapping all
 * are the home lane's alone, so that the number of the port says where its mapping is.
 *
 * <p>One object per worker, shared by its shards. Any thread.
 */
public final class PortBlocks {

  /** Ports of a block. */
  public static final int BLOCK = 64;

  /** Blocks of an address. */
  public static final int PER_ADDRESS = 65_536 / BLOCK;

  private final long[] high;
  private final long[] low;
  private final int[] firstMapped;
  private final TupleClaims claims;

  /**
   * Makes the blocks of pool addresses; all arrays have the same length.
   *
   * @param firstMapped first port with endpoint-independent mapping of each, 65536: none
   * @param flows the most flows of the worker
   */
  public PortBlocks(long[] high, long[] low, int[] firstMapped, int flows) {
    this.high = high.clone();
    this.low = low.clone();
    this.firstMapped = firstMapped.clone();
    this.claims = new TupleClaims((int) Math.min(1 << 27, 2L * flows));
  }

  /** Returns the place of a pool address, -1 where it is none. */
  public int pool(long addressHigh, long addressLow) {
    for (int i = 0; i < low.length; i++) {
      if (low[i] == addressLow && high[i] == addressHigh) {
        return i;
      }
    }
    return -1;
  }

  /** Number of pool addresses. */
  public int pools() {
    return low.length;
  }

  /** Upper half of a pool address. */
  public long high(int pool) {
    return high[pool];
  }

  /** Lower half of a pool address. */
  public long low(int pool) {
    return low[pool];
  }

  /** Whether a port of a pool address is for endpoint-independent mappings. */
  public boolean isMapped(int pool, int port) {
    return port >= firstMapped[pool];
  }

  /** Whether there is any address with endpoint-independent mappings. */
  public boolean anyMapped() {
    return Arrays.stream(firstMapped).anyMatch(it -> it < 65_536);
  }

  /**
   * Whether flows with this tuple of replies have a pool address without a port of their own: not
   * TCP, UDP or ICMP.
   */
  public boolean isByAddressAlone(Tuple reply) {
    return switch (Tuple.protocol(reply.ports)) {
      case PacketHeader.TCP, PacketHeader.UDP, PacketHeader.ICMP, PacketHeader.ICMPV6 -> false;
      default -> pool(reply.destinationHigh, reply.destinationLow) >= 0;
    };
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
