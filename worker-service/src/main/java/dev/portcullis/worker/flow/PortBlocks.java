package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Which lane of this worker has which block of 64 ports of a pool address. Shared by the shards of
 * a worker: a claim is one compare-and-set, and stays. A pool address that a policy brings gets the
 * next place; one that it no longer has keeps its place and its claims, as live flows may use its
 * ports and a later policy may have it again. Any thread; {@link #add} by one.
 */
public final class PortBlocks {

  /** Ports of a block. */
  public static final int BLOCK = 64;

  /** Blocks of an address. */
  public static final int PER_ADDRESS = 65_536 / BLOCK;

  /** The most pool addresses of all policies in the life of a worker: 4 KB each. */
  public static final int MAX_POOLS = 4096;

  private record Pools(long[] high, long[] low, AtomicIntegerArray[] claims) {}

  private volatile Pools pools;

  /** Makes the blocks of pool addresses; both arrays have the same length. */
  public PortBlocks(long[] high, long[] low) {
    AtomicIntegerArray[] claims = new AtomicIntegerArray[high.length];
    Arrays.setAll(claims, i -> new AtomicIntegerArray(PER_ADDRESS));
    pools = new Pools(high.clone(), low.clone(), claims);
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
    AtomicIntegerArray[] claims = Arrays.copyOf(now.claims, place + 1);
    high[place] = addressHigh;
    low[place] = addressLow;
    claims[place] = new AtomicIntegerArray(PER_ADDRESS);
    pools = new Pools(high, low, claims);
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
    return pools.claims[pool].get(block) - 1;
  }

  boolean claim(int pool, int block, int lane) {
    return pools.claims[pool].compareAndSet(block, 0, lane + 1);
  }
}
