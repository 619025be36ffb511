package dev.portcullis.worker.stage.answer;

import dev.portcullis.core.distribution.Lanes;
import java.util.Arrays;

/**
 * How many ICMP errors and resets may be made (RFC 1812 section 4.3.2.8, RFC 4443 section 2.4(f)):
 * a token bucket per lane and port of entry, on capture time. So what is answered depends on
 * packets that come one way, and neither on threads nor on other lanes. Each bucket has its share
 * of the rate, and room for {@link #BURST}.
 *
 * <p>Thread: one shard.
 */
final class ErrorBudget {

  /** The most errors that a lane makes at once for a port. */
  static final int BURST = 16;

  private final long intervalNs;
  private final long[] dueNs;

  /**
   * Fills the buckets.
   *
   * @param perSecond errors of the worker per second; 0: none at all
   * @param ports number of logical interfaces
   */
  ErrorBudget(int perSecond, int ports) {
    dueNs = new long[Lanes.COUNT * ports];
    intervalNs = perSecond == 0 ? 0 : dueNs.length * 1_000_000_000L / perSecond;
    Arrays.fill(dueNs, Long.MIN_VALUE / 2);
  }

  /** Takes a token of a lane at a port; false where it has none. */
  boolean take(int lane, int tag, long nowNs) {
    if (intervalNs == 0) {
      return false;
    }
    int bucket = tag * Lanes.COUNT + lane;
    long due = dueNs[bucket];
    if (due > nowNs + BURST * intervalNs) {
      // time went back, as where one capture follows another
      due = nowNs;
    } else if (due > nowNs + (BURST - 1) * intervalNs) {
      return false;
    }
    dueNs[bucket] = Math.max(due, nowNs) + intervalNs;
    return true;
  }
}
