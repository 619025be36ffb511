package dev.portcullis.worker;

import dev.portcullis.worker.stage.Outlets;

/** What a worker needs from the links: threads and channels, by shard. */
public interface Wiring {

  /** Runs a task on the thread of a shard, after those given before. Any thread. */
  void execute(int shard, Runnable task);

  /** Returns the channels that a shard sends on. */
  Outlets outlets(int shard);

  /**
   * Runs a task on the thread of a shard when the batches that are already there have been handled;
   * many calls, one run.
   */
  void afterBatches(int shard, Runnable task);
}
