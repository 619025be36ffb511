package dev.portcullis.core.elastic;

import dev.portcullis.core.link.ModuleId;

/**
 * One life of a module, as a table names it.
 *
 * @param module IO module or worker
 * @param generation number of the life; a successor has a higher one
 * @param shards its threads, each with channels of its own: 1 or more; the same in every life that
 *     succeeds another
 */
public record Life(ModuleId module, long generation, int shards) {

  /** Checks the ranges. */
  public Life {
    if (generation < 1 || shards < 1) {
      throw new IllegalArgumentException(
          module + " has a generation and shards from 1, not " + generation + " and " + shards);
    }
  }

  /** Whether this is a worker: the others are IO modules. */
  public boolean isWorker() {
    return module.kind() == ModuleId.Kind.WORKER;
  }

  /** Returns the shard of this worker that runs a lane. */
  public ShardId shardOf(int lane) {
    return new ShardId(module, lane % shards);
  }

  /** Returns for example {@code worker/2#5}. */
  @Override
  public String toString() {
    return module + "#" + generation;
  }
}
