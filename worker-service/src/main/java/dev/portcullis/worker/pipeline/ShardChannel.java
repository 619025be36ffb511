package dev.portcullis.worker.pipeline;

import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * From one shard of a worker to another: packets are copied into a batch, which the other shard's
 * loop takes. Batches come back and are used again. At most {@code limitBytes} are under way; while
 * two batches are, the next one gathers until it is full.
 *
 * <p>Thread: the sending shard, but for {@link Passage#run}.
 */
final class ShardChannel implements Outlet {

  private static final int BUSY = 2;

  private final ModuleId self;
  private final Shard sender;
  private final Shard receiver;
  private final long limitBytes;
  private final ConcurrentLinkedQueue<Passage> free = new ConcurrentLinkedQueue<>();
  private final AtomicLong pending = new AtomicLong();
  private int started;
  private final AtomicLong returned = new AtomicLong();
  private final Runnable flush = this::flush;
  private Passage gathering = new Passage();

  ShardChannel(ModuleId self, Shard sender, Shard receiver, long limitBytes) {
    this.self = self;
    this.sender = sender;
    this.receiver = receiver;
    this.limitBytes = limitBytes;
  }

  private final class Passage implements Runnable {
    final PacketBatch batch = new PacketBatch(PacketBatch.TARGET_BYTES);
    int used;

    @Override
    public void run() {
      receiver.onPassed(batch);
      pending.addAndGet(-used);
      used = 0;
      batch.count = 0;
      free.add(this);
      returned.incrementAndGet();
      sender.execute(flush);
    }
  }

  @Override
  public boolean offer(PacketBatch from, int i) {
    int size = from.l2Length[i] + from.dataLength[i] + from.traceLength[i];
    if (pending.get() + size > limitBytes) {
      return false;
    }
    PacketBatch to = gathering.batch;
    if (to.count == PacketBatch.MAX_PACKETS
        || to.count > 0 && gathering.used + size > PacketBatch.TARGET_BYTES) {
      send();
      to = gathering.batch;
    }
    to.ensureBytes(gathering.used + size);
    to.traceBytes = to.bytes;
    int row = to.count++;
    to.copyColumns(row, from, i);
    to.l2Offset[row] = copy(from.bytes, from.l2Offset[i], from.l2Length[i]);
    to.l2Length[row] = from.l2Length[i];
    to.dataOffset[row] = copy(from.bytes, from.dataOffset[i], from.dataLength[i]);
    to.dataLength[row] = from.dataLength[i];
    to.traceOffset[row] = copy(from.traceBytes, from.traceOffset[i], from.traceLength[i]);
    to.traceLength[row] = from.traceLength[i];
    pending.addAndGet(size);
    return true;
  }

  private int copy(byte[] from, int offset, int length) {
    int at = gathering.used;
    System.arraycopy(from, offset, gathering.batch.bytes, at, length);
    gathering.used += length;
    return at;
  }

  @Override
  public void flush() {
    if (gathering.batch.count > 0 && started - returned.get() < BUSY) {
      send();
    }
  }

  private void send() {
    Passage next = free.poll();
    Passage full = gathering;
    gathering = next == null ? new Passage() : next;
    started++;
    receiver.execute(full);
  }

  @Override
  public long pendingBytes() {
    return pending.get();
  }

  @Override
  public ModuleId destination() {
    return self;
  }
}
