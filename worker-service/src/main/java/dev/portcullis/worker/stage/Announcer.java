package dev.portcullis.worker.stage;

import dev.portcullis.worker.flow.Expectations.Expected;

/**
 * Makes an announced connection expected wherever its first packet may arrive. Thread: one shard.
 */
@FunctionalInterface
public interface Announcer {

  /** {@link #announce}: there is no room where the connection is to live, so nobody was asked. */
  int NO_ROOM = -1;

  /**
   * Expects a connection here, and asks the other shards that may get its first packet to send it
   * here.
   *
   * @param token with which each of them answers
   * @return how many will answer, or {@link #NO_ROOM}
   */
  int announce(Expected it, long token, long nowNs);
}
