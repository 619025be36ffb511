package dev.portcullis.core.elastic;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What each shard of each member has said of its table: by a barrier, or by the hello of a new
 * channel. Thread: the shard.
 */
final class Barriers {

  private final ShardId self;
  private final Map<ShardId, Integer> spoken = new HashMap<>();

  Barriers(ShardId self) {
    this.self = self;
  }

  /** Nothing under an older table than {@code epoch} comes from a shard any more. */
  void spoken(ShardId from, int epoch) {
    spoken.merge(from, epoch, Math::max);
  }

  /** What an ended life said counts no longer. */
  void forget(Life ended) {
    spoken.keySet().removeIf(it -> it.module().equals(ended.module()));
  }

  /** Whether each shard of each member of {@code before} has said {@code epoch}. */
  boolean complete(Members before, int epoch) {
    for (Life member : before.lives()) {
      if (isMissing(member, epoch)) {
        return false;
      }
    }
    return true;
  }

  /** Returns the members of {@code before} of which a shard has not said {@code epoch}. */
  List<Life> missing(Members before, int epoch) {
    return before.lives().stream().filter(it -> isMissing(it, epoch)).toList();
  }

  private boolean isMissing(Life member, int epoch) {
    for (int shard = 0; shard < member.shards(); shard++) {
      ShardId it = new ShardId(member.module(), shard);
      if (!it.equals(self) && spoken.getOrDefault(it, 0) < epoch) {
        return true;
      }
    }
    return false;
  }
}
