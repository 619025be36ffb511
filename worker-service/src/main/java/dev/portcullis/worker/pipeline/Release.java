package dev.portcullis.worker.pipeline;

import dev.portcullis.core.elastic.ReleaseQueue;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * What a shard has processed under {@code replication: sync} and may not let go yet: copies, in one
 * order for all outlets. What is offered while nothing waits, and changed nothing that a guardian
 * lacks, leaves at once.
 *
 * <p>Thread: one shard.
 */
final class Release {

  /** Where the shard is with its guardians. */
  interface Progress {

    /** Number of the last change. */
    long position();

    /** Number of the last change that is wherever it has to be. */
    long replicated();
  }

  private static final int OUTLET_SHIFT = 32;

  /** Number of outlets, less one; the table of outlets is small. */
  private static final long HANDLE = (1L << OUTLET_SHIFT) - 1;

  private final ReleaseQueue queue;
  private final Progress progress;
  private final IntConsumer stamp;
  private final IntConsumer refused;
  private final HeldPackets held = new HeldPackets();
  private final List<Gate> gates = new ArrayList<>();
  private long waited;

  /**
   * Makes it.
   *
   * @param maxBytes the most that may wait
   * @param stamp stamps what leaves from now on with the number of a table
   * @param refused told of frames that waited and found their channel full
   */
  Release(long maxBytes, Progress progress, IntConsumer stamp, IntConsumer refused) {
    this.queue = new ReleaseQueue(maxBytes);
    this.progress = progress;
    this.stamp = stamp;
    this.refused = refused;
  }

  /** Returns an outlet before which is waited. */
  Outlet gate(Outlet to) {
    for (Gate it : gates) {
      if (it.to == to) {
        return it;
      }
    }
    Gate made = new Gate(to, gates.size());
    gates.add(made);
    return made;
  }

  private boolean isFree() {
    return queue.isEmpty() && progress.position() <= progress.replicated();
  }

  /** What leaves behind all that waits is stamped with the number of a table. */
  void stamp(int epoch) {
    if (queue.isEmpty()) {
      stamp.accept(epoch);
    } else {
      queue.offer(-1L - epoch, 0, 0);
    }
  }

  /** Lets go what need not wait any more. */
  void drain() {
    if (!queue.isDue(progress.replicated())) {
      return;
    }
    while (queue.isDue(progress.replicated())) {
      long handle = queue.take();
      if (handle < 0) {
        stamp.accept((int) (-1L - handle));
        continue;
      }
      Gate gate = gates.get((int) (handle >>> OUTLET_SHIFT));
      long packet = handle & HANDLE;
      PacketBatch batch = held.batch(packet);
      int i = HeldPackets.row(packet);
      if (!gate.to.offer(batch, i)) {
        refused.accept(batch.frames(i));
      }
      held.gone(packet);
    }
    for (Gate it : gates) {
      it.to.flush();
    }
  }

  /** Packets that have waited so far. Any thread. */
  long waited() {
    return waited;
  }

  /** Bytes of packets that wait. Any thread. */
  long bytes() {
    return queue.bytes();
  }

  private final class Gate implements Outlet {
    private final Outlet to;
    private final int number;

    Gate(Outlet to, int number) {
      this.to = to;
      this.number = number;
    }

    @Override
    public boolean offer(PacketBatch batch, int i) {
      if (isFree()) {
        return to.offer(batch, i);
      }
      boolean isMessage = (batch.flags[i] & PacketFlags.MESSAGE) != 0;
      long packet = held.keep(batch, i);
      boolean kept =
          queue.offer(
              (long) number << OUTLET_SHIFT | packet,
              isMessage ? 0 : batch.rowBytes(i) + 1,
              progress.position());
      if (kept) {
        waited++;
      } else {
        held.gone(packet);
      }
      return kept;
    }

    @Override
    public void flush() {
      to.flush();
    }

    @Override
    public long pendingBytes() {
      return to.pendingBytes();
    }

    @Override
    public long lastNumber() {
      return to.lastNumber();
    }

    @Override
    public ModuleId destination() {
      return to.destination();
    }
  }
}
