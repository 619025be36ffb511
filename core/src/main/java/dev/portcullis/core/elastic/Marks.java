package dev.portcullis.core.elastic;

import java.util.HashMap;
import java.util.Map;

/**
 * Numbers up to which outgoing channels must be acknowledged before classes are handed over: what
 * was sent when the shard closed. Thread: the shard.
 */
final class Marks {

  private final Map<ShardId, Long> open = new HashMap<>();

  /** Waits for {@code number}; 0: for nothing. */
  void set(ShardId to, long number) {
    if (number > 0) {
      open.put(to, number);
    } else {
      open.remove(to);
    }
  }

  /** A channel is acknowledged up to a number. */
  void acknowledged(ShardId to, long upTo) {
    Long number = open.get(to);
    if (number != null && number <= upTo) {
      open.remove(to);
    }
  }

  /** A member is gone, and what was sent to it is counted as lost. */
  void forget(Life ended) {
    open.keySet().removeIf(it -> it.module().equals(ended.module()));
  }

  void clear() {
    open.clear();
  }

  boolean isEmpty() {
    return open.isEmpty();
  }

  @Override
  public String toString() {
    return open.keySet().toString();
  }
}
