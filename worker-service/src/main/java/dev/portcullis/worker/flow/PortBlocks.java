package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Which lane of this worker has which block of 64 ports of a pool address. Shared by the shards of
 * a worker: a claim is one compare-and-set, and stays. Any thread.
 */
public final class PortBlocks {

  /** Ports of a block. */
  public static final int BLOCK = 64;

  /** Blocks of an address. */
  public static final int PER_ADDRESS = 65_536 / BLOCK;

  private final long[] high;
  private final long[] low;
  private final AtomicIntegerArray claims;

  /** Makes the blocks of pool addresses; both arrays have the same length. */
  public PortBlocks(long[] high, long[] low) {
    this.high = high.clone();
    this.low = low.clone();
    this.claims = new AtomicIntegerArray(high.length * PER_ADDRESS);
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

  /** Returns the lane that has claimed a block, -1: none yet. */
  public int claimant(int pool, int block) {
    return claims.get(pool * PER_ADDRESS + block) - 1;
  }

  boolean claim(int pool, int block, int lane) {
    return claims.compareAndSet(pool * PER_ADDRESS + block, 0, lane + 1);
  }
}
