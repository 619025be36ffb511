package dev.portcullis.core.elastic;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a shard of a worker says to the shard of its guardian that has its replica, on a channel of
 * their own: first in, first out, exactly once between two lives. The channel's acknowledgement,
 * given when a message has been processed, is the answer: {@code replicated}, {@code alive} and
 * {@code dismissed} in one.
 */
public sealed interface ReplicaMessage {

  /** A replica begins: what was there of this shard is void. */
  record Fill() implements ReplicaMessage {}

  /**
   * What has changed.
   *
   * @param upTo every change up to this number of the journal is in this message or an earlier one
   * @param entries as the {@link Journal} wrote them, null where there are none
   * @param classes those that have gone, or are active, in order
   */
  record Changes(long upTo, @Nullable Object entries, List<ClassRecord> classes)
      implements ReplicaMessage {}

  /** All that the shard has is there: from now on it waits for this guardian. */
  record Full() implements ReplicaMessage {}

  /** Another guardian has a full replica: this one is void. */
  record Dismiss() implements ReplicaMessage {}

  /** Nothing has changed; the sender lives. */
  record Beat() implements ReplicaMessage {}

  /**
   * A step of a change that a successor must know of.
   *
   * @param epoch number of the table that the change leads to
   * @param active whether the class is active at this worker; false: it is about to be handed over
   */
  record ClassRecord(int epoch, KeyClass of, boolean active) {}
}
