package dev.portcullis.worker.pipeline;

import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.ReplicaMessage;
import dev.portcullis.core.elastic.ReplicaMessage.Changes;
import dev.portcullis.core.elastic.Replicator;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.worker.stage.Outlets;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/**
 * Runs {@link Replicator} in a shard: what changes goes to the same shard of the guardian as rows
 * behind a {@link StateMessage#REPLICA}, and comes back as a number.
 *
 * <p>Thread: one shard.
 */
final class ReplicaFeed implements Replicator.Actions, Release.Progress {

  private static final PacketBatch NONE = new PacketBatch(0);

  private final LongSupplier generation;
  private final int shard;
  private final int shards;
  private final StateJournal journal;
  private final Outlets links;
  private final LongConsumer then;
  private final Replicator machine;
  private final StateMessage message = new StateMessage();
  private long number;
  private long acknowledged;
  private long rows;
  private long bytes;
  private long timeNs;
  private boolean unprotected = true;

  /**
   * Makes it.
   *
   * @param generation life of this worker
   * @param links channels that nothing waits before
   * @param then told how far guardians are
   */
  ReplicaFeed(
      LongSupplier generation,
      int shard,
      int shards,
      StateJournal journal,
      Outlets links,
      LongConsumer then) {
    this.generation = generation;
    this.shard = shard;
    this.shards = shards;
    this.journal = journal;
    this.links = links;
    this.then = then;
    this.machine = new Replicator(journal, this);
  }

  /** Who should have the replica. */
  void guard(Life guardian) {
    if (guardian.shards() == shards) {
      machine.guard(guardian);
    }
  }

  /** A guardian is known to have all. */
  void guarded(Life guardian) {
    machine.guarded(guardian);
  }

  /** A life has ended. */
  void ended(Life life) {
    machine.ended(life);
  }

  /** A module has another life than those that end before it. */
  void lives(ModuleId module, long generation) {
    for (Life it : machine.counting()) {
      if (it.module().equals(module) && it.generation() < generation) {
        machine.ended(it);
      }
    }
  }

  /** Writes down that a class is active, or about to go. */
  long record(int epoch, KeyClass of, boolean active) {
    return machine.record(epoch, of, active);
  }

  /** Sends what has changed. */
  void flush(long nowNs) {
    timeNs = nowNs;
    machine.flush();
    unprotected = machine.unprotected();
  }

  /** A guardian has all messages up to a number. */
  void acknowledged(ModuleId by, long generation, long upTo) {
    acknowledged = Math.max(acknowledged, upTo);
    machine.acknowledged(new Life(by, generation, shards), upTo);
  }

  @Override
  public long send(Life guardian, ReplicaMessage it) {
    number++;
    Outlet outlet = links.to(guardian.module(), shard);
    PacketBatch entries =
        it instanceof Changes changes && changes.entries() instanceof PacketBatch of ? of : NONE;
    int count = entries.count;
    if (outlet != null) {
      message
          .begin(StateMessage.REPLICA, shard)
          .add(number)
          .add(kind(it))
          .add(count)
          .add(generation.getAsLong());
      PacketBatch header = message.row(0, timeNs);
      header.flags[0] |= PacketFlags.REPLICA;
      outlet.offer(header, 0);
      for (int i = 0; i < count; i++) {
        outlet.offer(entries, i);
        bytes += entries.dataLength[i];
      }
      outlet.flush();
    }
    rows += count;
    return number;
  }

  private static int kind(ReplicaMessage it) {
    return switch (it) {
      case ReplicaMessage.Fill _ -> ReplicaCopy.FILL;
      case Changes _ -> ReplicaCopy.CHANGES;
      case ReplicaMessage.Full _ -> ReplicaCopy.FULL;
      case ReplicaMessage.Dismiss _ -> ReplicaCopy.DISMISS;
      case ReplicaMessage.Beat _ -> ReplicaCopy.BEAT;
    };
  }

  @Override
  public void replicated(long upTo) {
    then.accept(upTo);
  }

  @Override
  public long position() {
    return journal.position();
  }

  @Override
  public long replicated() {
    return machine.replicated();
  }

  /** Entries that were sent. Any thread; the same holds for all counts here. */
  long rows() {
    return rows;
  }

  /** Bytes of them. */
  long bytes() {
    return bytes;
  }

  /** Messages that no guardian has acknowledged. */
  long lag() {
    return number - acknowledged;
  }

  /** Whether a crash now takes the flows along, when something was sent last. */
  boolean isUnprotected() {
    return unprotected;
  }
}
