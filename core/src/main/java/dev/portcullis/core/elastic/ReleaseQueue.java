package dev.portcullis.core.elastic;

/**
 * What a shard has processed and may not let go yet, in order: each with the number of the journal
 * that must be replicated first. One queue for all lanes of a shard, so a barrier keeps its place
 * among packets. Handles in a flat ring; nothing is allocated per packet but when the ring grows.
 *
 * <p>Thread: the shard.
 */
public final class ReleaseQueue {

  private static final int FIELDS = 3;
  private static final int FIRST_SIZE = 64;

  private final long maxBytes;
  private long[] ring = new long[FIELDS * FIRST_SIZE];
  private int head;
  private int count;
  private long bytes;

  /**
   * Makes an empty queue.
   *
   * @param maxBytes the most that packets in it may hold
   */
  public ReleaseQueue(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /**
   * Adds a packet, or a message of a change with size 0: those are never refused.
   *
   * @param handle what {@link #take} gives back
   * @param size bytes
   * @param after number that must be replicated first
   * @return false when there is no room: the packet is dropped
   */
  public boolean offer(long handle, int size, long after) {
    if (size > 0 && bytes + size > maxBytes) {
      return false;
    }
    if (count == ring.length / FIELDS) {
      grow();
    }
    int at = (head + count) % (ring.length / FIELDS) * FIELDS;
    ring[at] = handle;
    ring[at + 1] = size;
    ring[at + 2] = after;
    count++;
    bytes += size;
    return true;
  }

  private void grow() {
    int size = ring.length / FIELDS;
    long[] larger = new long[2 * ring.length];
    for (int i = 0; i < count; i++) {
      System.arraycopy(ring, (head + i) % size * FIELDS, larger, i * FIELDS, FIELDS);
    }
    ring = larger;
    head = 0;
  }

  /** Whether the oldest may go when all up to {@code replicated} is. */
  public boolean isDue(long replicated) {
    return count > 0 && ring[head * FIELDS + 2] <= replicated;
  }

  /** Takes the oldest of a queue that is not empty. */
  public long take() {
    int at = head * FIELDS;
    head = (head + 1) % (ring.length / FIELDS);
    count--;
    bytes -= ring[at + 1];
    return ring[at];
  }

  /** Whether nothing waits. */
  public boolean isEmpty() {
    return count == 0;
  }

  /** Bytes of packets that wait. */
  public long bytes() {
    return bytes;
  }
}
