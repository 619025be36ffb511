package dev.portcullis.core.elastic;

import java.util.Arrays;

/**
 * Packets that wait for a class, in order: handles in flat rings, one ring a class. Bounds: bytes
 * over all of them, and the time for which the oldest of a class has waited; beyond, the newest is
 * refused. Nothing is allocated per packet but when a ring grows.
 *
 * <p>Thread: the shard.
 */
final class HoldQueue {

  private static final int FIRST_SIZE = 64;

  private final long maxBytes;
  private final long maxNs;
  private final long[][] rings;
  private final int[] head;
  private final int[] count;
  private final long[] oldestNs;
  private long bytes;

  /** Makes empty queues for {@code classes} classes. */
  HoldQueue(int classes, long maxBytes, long maxNs) {
    this.maxBytes = maxBytes;
    this.maxNs = maxNs;
    rings = new long[classes][];
    head = new int[classes];
    count = new int[classes];
    oldestNs = new long[classes];
  }

  /** Adds a packet; false when it is refused. */
  boolean offer(int it, long packet, int size, long nowNs) {
    if (bytes + size > maxBytes || count[it] > 0 && nowNs - oldestNs[it] > maxNs) {
      return false;
    }
    long[] ring = rings[it];
    if (ring == null) {
      ring = new long[2 * FIRST_SIZE];
      rings[it] = ring;
    } else if (2 * count[it] == ring.length) {
      long[] larger = Arrays.copyOf(ring, 2 * ring.length);
      int wrapped = 2 * head[it];
      System.arraycopy(ring, 0, larger, ring.length, wrapped);
      ring = larger;
      rings[it] = ring;
    }
    if (count[it] == 0) {
      oldestNs[it] = nowNs;
    }
    int at = 2 * (head[it] + count[it]) & ring.length - 1;
    ring[at] = packet;
    ring[at + 1] = size;
    count[it]++;
    bytes += size;
    return true;
  }

  /** Returns the number of packets that wait for a class. */
  int count(int it) {
    return count[it];
  }

  /** Takes the oldest packet of a class that has one. */
  long take(int it) {
    long[] ring = rings[it];
    int at = 2 * head[it];
    head[it] = head[it] + 1 & (ring.length >> 1) - 1;
    count[it]--;
    bytes -= ring[at + 1];
    return ring[at];
  }

  /** Bytes that wait, over all classes. */
  long bytes() {
    return bytes;
  }
}
