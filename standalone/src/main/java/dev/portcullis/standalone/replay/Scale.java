package dev.portcullis.standalone.replay;

import dev.portcullis.core.distribution.DistributionTable;

/**
 * A change of the number of workers in a replay.
 *
 * @param packet number of the frame of the input before which it happens, from 1
 * @param workers N from then on
 */
public record Scale(long packet, int workers) {

  /** Changes the number of workers of the gateway. */
  @FunctionalInterface
  public interface Gateway {

    /**
     * Returns when all modules work by the new table. Any thread.
     *
     * @throws ReplayException when they do not
     */
    Event scale(int workers) throws ReplayException;
  }

  /**
   * What a change has done.
   *
   * @param from workers before
   * @param to workers after
   * @param table the table since
   * @param moved flows that went to another worker
   * @param broken flows whose state was lost
   * @param blockedMs how long no packet was taken, in milliseconds
   */
  public record Event(
      int from, int to, DistributionTable table, long moved, long broken, long blockedMs) {}
}
