package dev.portcullis.standalone.simulate;

import dev.portcullis.core.distribution.Lanes;
import org.jspecify.annotations.Nullable;

/** State of a key at a toy worker: of a flow, or of the path that its replies retrace. */
final class Entry implements Cloneable {

  final long key;
  final long flow;

  /** Key of the first hop, in a path record. */
  long firstKey;

  long binding;
  long requests;
  long replies;
  int lastRequest;
  int lastReply;

  // the model only: up to where what it has counted has been let go
  int lastRequestOut;
  int lastReplyOut;

  /** Whether the packet that ends it has been let go. */
  boolean closedOut;

  /** Marks an entry that is gone, on its way to the next owner. */
  boolean removed;

  Entry(long key, long flow) {
    this.key = key;
    this.flow = flow;
  }

  /** Counts a packet. Returns false when it comes after a later one. */
  boolean count(Packet packet) {
    boolean inOrder = packet.sequence > (packet.reply ? lastReply : lastRequest);
    if (packet.reply) {
      replies++;
      lastReply = packet.sequence;
    } else {
      requests++;
      lastRequest = packet.sequence;
    }
    return inOrder;
  }

  /** The model: a packet that was counted here has been let go. */
  void out(Packet packet) {
    if (packet.reply) {
      lastReplyOut = packet.sequence;
      closedOut |= packet.kind == Packet.Kind.CLOSE;
    } else {
      lastRequestOut = packet.sequence;
    }
  }

  /** The model: goes back to what was counted when {@code earlier} was written; null: nothing. */
  void back(@Nullable Entry earlier) {
    requests = earlier == null ? 0 : earlier.requests;
    replies = earlier == null ? 0 : earlier.replies;
    lastRequest = earlier == null ? 0 : earlier.lastRequest;
    lastReply = earlier == null ? 0 : earlier.lastReply;
  }

  /** What a policy on content says: depends on all that the flow has seen. */
  boolean accepts(Packet packet) {
    return packet.kind != Packet.Kind.DATA
        || Lanes.mix(flow * 31 + requests * 7 + replies) % 29 != 0;
  }

  Entry copy() {
    try {
      return (Entry) clone();
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A sum over all fields. */
  long sum() {
    long sum = Lanes.mix(key) ^ Lanes.mix(flow + 3) ^ Lanes.mix(firstKey + 5);
    sum = sum * 31 + binding;
    sum = sum * 31 + requests;
    sum = sum * 31 + replies;
    sum = sum * 31 + lastRequest;
    return Lanes.mix(sum * 31 + lastReply);
  }

  /** Whether it has seen the same packets as another. */
  boolean same(Entry other) {
    return binding == other.binding
        && requests == other.requests
        && replies == other.replies
        && lastRequest == other.lastRequest
        && lastReply == other.lastReply;
  }

  @Override
  public String toString() {
    return "(binding "
        + binding
        + ", "
        + requests
        + " requests to "
        + lastRequest
        + ", "
        + replies
        + " replies to "
        + lastReply
        + ")";
  }
}
