package dev.portcullis.core.management;

import java.util.random.RandomGenerator;

/**
 * Delays between attempts: the bound doubles from a first to a last one, the delay is a random half
 * to whole of it, so that modules that lost the same peer do not come back in step. Not
 * thread-safe.
 */
final class BackOff {

  private final long firstMs;
  private final long lastMs;
  private final RandomGenerator random;
  private long boundMs;

  BackOff(long firstMs, long lastMs, RandomGenerator random) {
    this.firstMs = firstMs;
    this.lastMs = lastMs;
    this.random = random;
    this.boundMs = firstMs;
  }

  /** Returns how long to wait before the next attempt. */
  long nextMs() {
    long delay = boundMs / 2 + random.nextLong(boundMs - boundMs / 2 + 1);
    boundMs = Math.min(lastMs, boundMs * 2);
    return delay;
  }

  /** An attempt succeeded: begins at the first delay again. */
  void reset() {
    boundMs = firstMs;
  }
}
