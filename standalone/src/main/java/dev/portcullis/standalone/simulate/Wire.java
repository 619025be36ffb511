package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.ShardId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A channel from a shard to a life of another: first in, first out, exactly once while both live,
 * made of streams that break. What a stream loses is sent again by the next; what is there already
 * is not taken twice.
 */
final class Wire {

  /** One message: packets, or something of a change. */
  record Message(long number, int epoch, Object body) {}

  private final Clockwork clock;
  private final SplittableRandom random;
  private final ToyShard from;
  private final ShardId to;
  private final Life toLife;
  private final long delayNs;
  private final ArrayDeque<Message> kept = new ArrayDeque<>();
  private long last;
  private long acknowledged;
  private long everSent;
  private long lastArrivalNs;
  private int stream;
  private boolean up = true;
  private boolean closed;

  // receiving side
  private @Nullable ToyShard receiver;
  private long expected = 1;
  private long processed;
  private boolean acknowledgementDue;
  private final ArrayDeque<Message> parked = new ArrayDeque<>();

  Wire(
      Clockwork clock,
      SplittableRandom random,
      ToyShard from,
      ShardId to,
      Life toLife,
      long delayNs) {
    this.clock = clock;
    this.random = random;
    this.from = from;
    this.to = to;
    this.toLife = toLife;
    this.delayNs = delayNs;
  }

  ToyShard from() {
    return from;
  }

  ShardId to() {
    return to;
  }

  Life toLife() {
    return toLife;
  }

  /** Number of the last message, acknowledged or not. */
  long last() {
    return last;
  }

  /** Puts a message behind all others. */
  void send(int epoch, Object body) {
    Message message = new Message(++last, epoch, body);
    kept.add(message);
    if (body instanceof Packet packet) {
      packet.at = this;
    }
    if (up) {
      transmit(message);
    }
  }

  /** Number of the last message; 0 when all are acknowledged. */
  long lastNumber() {
    return acknowledged == last ? 0 : last;
  }

  private long delay() {
    return delayNs + random.nextLong(delayNs / 2 + 1);
  }

  private void transmit(Message message) {
    everSent = Math.max(everSent, message.number);
    lastArrivalNs = Math.max(lastArrivalNs, clock.nowNs() + delay());
    int on = stream;
    ToyShard receiver = receiver();
    if (receiver != null) {
      boolean late = random.nextInt(2) == 0;
      clock.at(lastArrivalNs, receiver, () -> arrive(receiver, on, late, message));
    }
  }

  /** Returns the shard at the other end, null when its life has not begun or has ended. */
  private @Nullable ToyShard receiver() {
    ToyShard known = receiver;
    if (known == null) {
      known = from.gateway().shard(to, toLife);
      receiver = known;
    }
    return known == null || known.ended() ? null : known;
  }

  private void arrive(ToyShard receiver, int on, boolean late, Message message) {
    if (closed || on != stream && !late || message.number != expected) {
      acknowledgeSoon(receiver);
      return;
    }
    expected++;
    parked.add(message);
    drain(receiver);
  }

  /** Hands on what has arrived, as far as the receiver takes it. */
  void drain(ToyShard receiver) {
    while (!parked.isEmpty() && !closed && receiver.take(this, parked.peek())) {
      parked.poll();
      processed++;
      acknowledgeSoon(receiver);
    }
  }

  private void acknowledgeSoon(ToyShard receiver) {
    if (!acknowledgementDue && up) {
      acknowledgementDue = true;
      clock.after(random.nextLong(50 * Clockwork.US), receiver, this::acknowledge);
    }
  }

  private void acknowledge() {
    acknowledgementDue = false;
    if (up) {
      long upTo = processed;
      int on = stream;
      clock.after(delay(), from, () -> acknowledged(on, upTo));
    }
  }

  private void acknowledged(int on, long upTo) {
    if (on == stream && !closed && upTo > acknowledged) {
      acknowledged = upTo;
      while (!kept.isEmpty() && kept.peek().number <= upTo) {
        kept.poll();
      }
      from.acknowledged(this, upTo);
    }
  }

  /** Whether packets have not arrived. */
  boolean holdsPackets() {
    for (Message message : kept) {
      if (message.body instanceof Packet packet && packet.at == this) {
        return true;
      }
    }
    return false;
  }

  /** The stream breaks: what is on its way is lost, some of it or all, in both directions. */
  void breakFor(long durationNs) {
    up = false;
    stream++;
    acknowledgementDue = false;
    int on = stream;
    clock.after(durationNs, null, () -> reopen(on));
  }

  private void reopen(int on) {
    if (on == stream && !closed) {
      up = true;
      lastArrivalNs = clock.nowNs();
      kept.forEach(this::transmit);
    }
  }

  /**
   * The receiver's life has ended: nothing goes there any more.
   *
   * @return what was never sent, in order; the rest is lost
   */
  List<Message> abandon() {
    closed = true;
    List<Message> unsent = new ArrayList<>();
    for (Message message : kept) {
      if (message.number > everSent) {
        unsent.add(message);
      } else if (message.body instanceof Packet packet && packet.at == this) {
        from.gateway().ledger().lost(packet, "link-lost");
      }
    }
    kept.clear();
    return unsent;
  }

  /**
   * The sender's life has ended; what is on its way may still arrive.
   *
   * @return whether something may
   */
  boolean orphan() {
    if (!up || closed || receiver() == null) {
      refuse();
    }
    return !kept.isEmpty();
  }

  /** Nothing of it is taken any more. */
  void refuse() {
    closed = true;
    for (Message message : kept) {
      if (message.body instanceof Packet packet && packet.at == this) {
        from.gateway().ledger().lost(packet, "link-lost");
      }
    }
    kept.clear();
  }

  /** Says how far it is. */
  String describe() {
    return this
        + ": "
        + last
        + " sent, "
        + acknowledged
        + " acknowledged, "
        + processed
        + " processed, "
        + parked.size()
        + " parked"
        + (up ? "" : ", down")
        + (closed ? ", closed" : "");
  }

  @Override
  public String toString() {
    return from + " -> " + to + "#" + toLife.generation();
  }
}
