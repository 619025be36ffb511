package dev.portcullis.core.link;

/**
 * The messages of a channel that are sealed and not acknowledged, oldest first, in a ring whose
 * places are used again. It grows to what the bytes that a channel may hold allow. Those that are
 * on their way are a prefix of it.
 *
 * <p>Thread: the loop of the lane.
 */
final class SealedQueue {

  /** A message: rows on the wire, without its header. */
  static final class Sealed {
    byte[] body = NOTHING;
    int length;
    int frames;
    int epoch;
    long sequence;

    /**
     * Whether it was sent to the present life of the peer, now or before it was asked for again.
     */
    boolean everSent;
  }

  private static final byte[] NOTHING = new byte[0];
  private static final int FIRST_SIZE = 16;

  private Sealed[] ring = places(FIRST_SIZE);
  private int head;
  private int size;
  private int sent;

  private static Sealed[] places(int count) {
    Sealed[] made = new Sealed[count];
    for (int i = 0; i < count; i++) {
      made[i] = new Sealed();
    }
    return made;
  }

  int size() {
    return size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** Returns the {@code i}-th oldest message. */
  Sealed get(int i) {
    return ring[head + i & ring.length - 1];
  }

  /** Returns a new last message, for the caller to fill. */
  Sealed add() {
    if (size == ring.length) {
      Sealed[] larger = places(size * 2);
      for (int i = 0; i < size; i++) {
        larger[i] = get(i);
      }
      ring = larger;
      head = 0;
    }
    Sealed added = get(size++);
    added.everSent = false;
    return added;
  }

  /** Takes the oldest message out; what it says is valid until the next {@link #add}. */
  Sealed removeFirst() {
    Sealed first = get(0);
    head = head + 1 & ring.length - 1;
    size--;
    sent = Math.max(0, sent - 1);
    return first;
  }

  /** Returns how many of the oldest messages are on their way. */
  int sent() {
    return sent;
  }

  /** Returns the oldest message that is not on its way, which it is from now on. */
  Sealed sendNext() {
    Sealed next = get(sent++);
    next.everSent = true;
    return next;
  }

  /** Says that no message is on its way any more; returns how many were. */
  int goBack() {
    int before = sent;
    sent = 0;
    return before;
  }
}
