package dev.portcullis.standalone.replay;

import dev.portcullis.core.distribution.DistributionTable;

/** What befalls the workers of a gateway in a replay, before a frame of the input. */
public sealed interface Incident {

  /** Number of the frame before which it happens, from 1. */
  long packet();

  /**
   * The number of workers changes.
   *
   * @param workers N from then on
   */
  record Scale(long packet, int workers) implements Incident {}

  /**
   * A worker ends without a word. Its guardian goes on, and its next life takes its place again.
   *
   * @param worker its number, in the table at that moment
   */
  record Kill(long packet, int worker) implements Incident {}

  /** The gateway that it befalls. */
  @FunctionalInterface
  interface Gateway {

    /**
     * Returns when all modules work by the table of afterwards. Any thread.
     *
     * @throws ReplayException when they do not
     */
    Event befall(Incident it) throws ReplayException;
  }

  /**
   * What an incident has done.
   *
   * @param from workers before
   * @param to workers after
   * @param table the table since
   * @param moved flows that went to another worker; of one that was killed: that went on elsewhere
   * @param broken flows whose state was lost
   * @param blockedMs how long no packet was taken, in milliseconds
   */
  record Event(
      Incident of,
      int from,
      int to,
      DistributionTable table,
      long moved,
      long broken,
      long blockedMs) {}
}
