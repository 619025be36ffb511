package dev.portcullis.worker.event;

import java.util.Arrays;

/**
 * Connections that broke when their state was lost with a life of a worker: known by segments of
 * data that no flow is there for, each once. Nobody knows of them before: what is lost is lost.
 *
 * <p>Bound: {@link #MOST} of them, 1 MiB, kept while they are looked for. Thread: the shard.
 */
final class BrokenFlows {

  /** The most that are told apart; more are not noticed. */
  static final int MOST = 1 << 16;

  private static final int SLOTS = 2 * MOST;
  private static final long NOT_BEGUN = Long.MIN_VALUE;

  private final long forNs;
  private long[] ids = {};
  private int kept;
  private long sinceNs = NOT_BEGUN;
  private long found;

  /**
   * Looks for none yet.
   *
   * @param forNs for how long a connection is kept that says nothing
   */
  BrokenFlows(long forNs) {
    this.forNs = forNs;
  }

  /** State was lost: from now on they are looked for. */
  void expect() {
    if (ids.length == 0) {
      ids = new long[SLOTS];
    } else {
      Arrays.fill(ids, 0);
    }
    kept = 0;
    sinceNs = NOT_BEGUN;
  }

  /**
   * Whether they are looked for: until a connection that was silent all the time would have been
   * forgotten anyhow.
   *
   * @param nowNs capture time of a segment
   */
  boolean isExpected(long nowNs) {
    if (ids.length == 0) {
      return false;
    }
    if (sinceNs == NOT_BEGUN) {
      sinceNs = nowNs;
    }
    if (nowNs - sinceNs > forNs) {
      ids = new long[0];
      return false;
    }
    return true;
  }

  /** Takes one down; returns whether it is new. While {@link #isExpected}. */
  boolean isNew(long flowId) {
    long id = flowId == 0 ? 1 : flowId;
    int at = (int) (id * 0x9e3779b97f4a7c15L >>> 47);
    while (ids[at] != 0) {
      if (ids[at] == id) {
        return false;
      }
      at = at + 1 & SLOTS - 1;
    }
    if (kept == MOST) {
      return false;
    }
    kept++;
    ids[at] = id;
    found++;
    return true;
  }

  /** How many were found. Any thread. */
  long found() {
    return found;
  }
}
