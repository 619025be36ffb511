package dev.portcullis.worker.pipeline;

import dev.portcullis.core.packet.PacketBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ObjIntConsumer;

/**
 * Messages about a table that this shard does not have yet: they wait for it, in order. At most
 * {@link #LIMIT_BYTES}. Thread: one shard.
 */
final class EarlyMessages {

  /** The most bytes that wait. */
  static final long LIMIT_BYTES = 64 << 20;

  private final List<PacketBatch> waiting = new ArrayList<>();
  private long bytes;
  private int used;

  /** Keeps a message; false where there is no room. */
  boolean keep(PacketBatch from, int i) {
    int length = from.dataLength[i];
    if (bytes + length > LIMIT_BYTES) {
      return false;
    }
    PacketBatch to = waiting.isEmpty() ? null : waiting.getLast();
    if (to == null
        || to.count == PacketBatch.MAX_PACKETS
        || used + length > PacketBatch.TARGET_BYTES) {
      to = new PacketBatch(PacketBatch.TARGET_BYTES);
      waiting.add(to);
      used = 0;
    }
    to.ensureBytes(used + length);
    int row = to.count++;
    to.copyColumns(row, from, i);
    System.arraycopy(from.bytes, from.dataOffset[i], to.bytes, used, length);
    to.dataOffset[row] = used;
    to.dataLength[row] = length;
    used += length;
    bytes += length;
    return true;
  }

  /** Takes out what waits, in order; what {@code then} does not want now it may keep again. */
  void release(ObjIntConsumer<PacketBatch> then) {
    List<PacketBatch> all = List.copyOf(waiting);
    waiting.clear();
    bytes = 0;
    for (PacketBatch batch : all) {
      for (int i = 0; i < batch.count; i++) {
        then.accept(batch, i);
      }
    }
  }
}
