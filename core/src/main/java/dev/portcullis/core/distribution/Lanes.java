package dev.portcullis.core.distribution;

/**
 * Which lane of its owner a key belongs to. A lane is a fixed share of all keys, whatever the
 * number of workers, and all state of a key lives in its lane; a shard (thread) runs the lanes
 * whose number modulo the shards is its own. So a flow that stays on its worker stays on its
 * thread, and what is decided per lane does not depend on the threads.
 */
public final class Lanes {

  /** Number of lanes. */
  public static final int COUNT = 16;

  private Lanes() {}

  /** Returns the lane of V: 0 to {@link #COUNT} - 1. */
  public static int laneOf(long vHigh, long vLow) {
    return (int) (mix(vLow + Long.rotateLeft(vHigh, 32)) >>> 60);
  }

  /** Returns the shard that runs the lane of V, with {@code shards} threads. */
  public static int shardOf(long vHigh, long vLow, int shards) {
    return laneOf(vHigh, vLow) % shards;
  }

  /** Spreads the bits of {@code x} (the finisher of SplitMix64). */
  public static long mix(long x) {
    x = (x ^ x >>> 30) * 0xbf58476d1ce4e5b9L;
    x = (x ^ x >>> 27) * 0x94d049bb133111ebL;
    return x ^ x >>> 31;
  }
}
