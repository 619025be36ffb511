package dev.portcullis.standalone.simulate;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A packet of a flow. Its way: a request enters at one IO module and leaves at the other. */
final class Packet {

  /** What it does to its flow. */
  enum Kind {
    OPEN,
    DATA,
    CLOSE
  }

  /** Size of each. */
  static final int BYTES = 1_000;

  final long number;
  final Flow flow;
  final boolean reply;
  final int sequence;
  final Kind kind;

  /** Hops behind it: 0, then 1 when the first worker has processed it. */
  int hops;

  /** Where it is: a channel or a shard; null when it has left. */
  @Nullable Object at;

  /** What the model has of the keys that it met since it was last let go. */
  final List<Entry> met = new ArrayList<>(2);

  Packet(long number, Flow flow, boolean reply, int sequence, Kind kind) {
    this.number = number;
    this.flow = flow;
    this.reply = reply;
    this.sequence = sequence;
    this.kind = kind;
  }

  /** Whether the key that counts now is the one before translation. */
  boolean atFirstKey() {
    return reply == (hops == 1);
  }

  /** Where it is to leave. */
  ToyIoShard port() {
    return reply ? flow.client : flow.server;
  }

  /** Key by which its present owner is found. */
  long key() {
    return atFirstKey() ? flow.key : flow.translatedKey();
  }

  @Override
  public String toString() {
    return "packet " + flow.id + (reply ? "<" : ">") + sequence + " " + kind + " hop " + hops;
  }
}
