package dev.portcullis.core.elastic;

import dev.portcullis.core.link.ModuleId;

/**
 * One end of channels: a thread of a module.
 *
 * @param module whose it is
 * @param shard its number at the module, from 0
 */
public record ShardId(ModuleId module, int shard) {

  /** Returns for example {@code worker/2.1}. */
  @Override
  public String toString() {
    return module + "." + shard;
  }
}
