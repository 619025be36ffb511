package dev.portcullis.worker.pipeline;

import dev.portcullis.core.packet.PacketBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Copies of packets that wait for their flow, in batches that are used again when all of their
 * packets have gone. A packet is known by a handle. How many there may be, who keeps them says.
 * Thread: one shard.
 */
final class HeldPackets {

  private static final int ROW_BITS = 10;

  private final List<PacketBatch> chunks = new ArrayList<>();
  private int[] waiting = new int[4];
  private int current = -1;
  private int used;

  /** Keeps a copy of a packet; returns its handle. */
  long keep(PacketBatch from, int i) {
    int size = from.rowBytes(i);
    if (current < 0
        || chunks.get(current).count == PacketBatch.MAX_PACKETS
        || chunks.get(current).count > 0 && used + size > PacketBatch.TARGET_BYTES) {
      current = emptyChunk();
      chunks.get(current).count = 0;
      used = 0;
    }
    PacketBatch chunk = chunks.get(current);
    int row = chunk.count;
    used = chunk.append(from, i, used);
    waiting[current]++;
    return (long) current << ROW_BITS | row;
  }

  private int emptyChunk() {
    for (int i = 0; i < chunks.size(); i++) {
      if (waiting[i] == 0) {
        return i;
      }
    }
    chunks.add(new PacketBatch(PacketBatch.TARGET_BYTES));
    if (chunks.size() > waiting.length) {
      waiting = Arrays.copyOf(waiting, 2 * waiting.length);
    }
    return chunks.size() - 1;
  }

  /** The batch that a packet is in, until another one is kept. */
  PacketBatch batch(long handle) {
    return chunks.get((int) (handle >>> ROW_BITS));
  }

  /** The row of {@link #batch} that a packet is. */
  static int row(long handle) {
    return (int) handle & (1 << ROW_BITS) - 1;
  }

  /** None waits any more. */
  void clear() {
    Arrays.fill(waiting, 0);
  }

  /** A packet waits no more. */
  void gone(long handle) {
    waiting[(int) (handle >>> ROW_BITS)]--;
  }
}
