package dev.portcullis.worker.pipeline;

import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * From one shard of a worker to another: packets are copied into a batch, which the other shard's
 * loop takes. Batches come back and are used again. At most {@code limitBytes} are under way,
 * besides messages; while two batches are, the next one gathers until it is full.
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
  private long started;
  private int epoch;
  private final AtomicLong returned = new AtomicLong();
  private final Runnable returning = this::returning;
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
    int epoch;

    @Override
    public void run() {
      receiver.onPassed(batch, epoch);
      pending.addAndGet(-used);
      used = 0;
      batch.count = 0;
      free.add(this);
      returned.incrementAndGet();
      sender.execute(returning);
    }
  }

  @Override
  public boolean offer(PacketBatch from, int i) {
    int size = from.rowBytes(i);
    boolean isMessage = (from.flags[i] & PacketFlags.MESSAGE) != 0;
    if (!isMessage && pending.get() + size > limitBytes) {
      return false;
    }
    PacketBatch to = gathering.batch;
    if (to.count == PacketBatch.MAX_PACKETS
        || to.count > 0 && gathering.used + size > PacketBatch.TARGET_BYTES) {
      send();
      to = gathering.batch;
    }
    gathering.used = to.append(from, i, gathering.used);
    pending.addAndGet(size);
    return true;
  }

  /** Stamps what is passed on from now on. */
  void epoch(int next) {
    if (epoch != next) {
      if (gathering.batch.count > 0) {
        send();
      }
      epoch = next;
    }
  }

  @Override
  public long lastNumber() {
    if (gathering.batch.count > 0) {
      return started + 1L;
    }
    return started == returned.get() ? 0 : started;
  }

  @Override
  public void flush() {
    if (gathering.batch.count > 0 && started - returned.get() < BUSY) {
      send();
    }
  }

  /** Thread: the sending shard. */
  private void returning() {
    sender.acknowledged(self, receiver.number(), returned.get());
    flush();
  }

  private void send() {
    gathering.epoch = epoch;
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
