package dev.portcullis.worker.stage.answer;

import dev.portcullis.core.distribution.Lanes;
import java.util.Arrays;

/**
 * How many ICMP errors and resets may be made (RFC 1812 section 4.3.2.8, RFC 4443 section 2.4(f)):
 * a token bucket per lane, on capture time, so that what is answered depends on the packets of the
 * lane alone. Each lane has a 16th of the rate; at once it may make {@link #BURST}, or a second's
 * worth if that is less, but always one.
 *
 * <p>Thread: one shard.
 */
final class ErrorBudget {

  /** The most errors that a lane makes at once. */
  static final int BURST = 16;

  private final long intervalNs;
  private final long toleranceNs;
  private final long[] dueNs = new long[Lanes.COUNT];

  /**
   * Fills the buckets.
   *
   * @param perSecond errors of the worker per second; 0: none at all
   */
  ErrorBudget(int perSecond) {
    intervalNs = perSecond == 0 ? 0 : Lanes.COUNT * 1_000_000_000L / perSecond;
    toleranceNs = (Math.clamp(perSecond / Lanes.COUNT, 1, BURST) - 1) * intervalNs;
    Arrays.fill(dueNs, Long.MIN_VALUE / 2);
  }

  /** Takes a token of a lane; false where it has none. */
  boolean take(int lane, long nowNs) {
    if (intervalNs == 0) {
      return false;
    }
    long due = dueNs[lane];
    if (due > nowNs + toleranceNs) {
      if (due <= nowNs + toleranceNs + intervalNs) {
        return false;
      }
      // time went back, as where one capture follows another
      due = nowNs;
    }
    dueNs[lane] = Math.max(due, nowNs) + intervalNs;
    return true;
  }
}
