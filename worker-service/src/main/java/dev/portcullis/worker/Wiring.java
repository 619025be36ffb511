package dev.portcullis.worker;

import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.worker.stage.Outlets;
import org.jspecify.annotations.Nullable;

/** What a worker needs from the links: threads and channels, by shard. */
public interface Wiring {

  /** Runs a task on the thread of a shard, after those given before. Any thread. */
  void execute(int shard, Runnable task);

  /** Returns the channels that a shard sends on. */
  Outlets outlets(int shard);

  /** Stamps what a shard sends from now on with the number of a table. Thread: the shard. */
  void epoch(int shard, int epoch);

  /**
   * From now on tells what others have handled of what a shard sent, at once. Thread: the shard.
   *
   * @param it null: nobody is told any more
   */
  void watch(int shard, ModuleLinks.@Nullable Acknowledged it);

  /** Which life of the worker this is. */
  long generation();

  /**
   * Runs a task on the thread of a shard when the batches that are already there have been handled;
   * many calls, one run.
   */
  void afterBatches(int shard, Runnable task);
}
