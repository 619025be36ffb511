package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Gone;
import dev.portcullis.core.elastic.ControlMessage.Guard;
import dev.portcullis.core.elastic.ControlMessage.Guarded;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.ReleaseQueue;
import dev.portcullis.core.elastic.ReplicaMessage;
import dev.portcullis.core.elastic.ReplicaMessage.ClassRecord;
import dev.portcullis.core.elastic.Replication;
import dev.portcullis.core.elastic.Replicator;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.elastic.ShardMessage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What leaves a shard of a toy worker: its channels, and what it replicates before. */
final class ToyOutbox implements Replicator.Actions {

  private record Outgoing(long handle, ShardId to, int epoch, Object body) {}

  private final Simulation gateway;
  private final ToyWorkerShard shard;
  private final ToyContent content;
  private final Replicator replicator;
  private final ReleaseQueue queue;
  private final ArrayDeque<Outgoing> waiting = new ArrayDeque<>();
  private final List<Wire> feeds = new ArrayList<>();
  private long lastHandle;
  private boolean flushDue;

  ToyOutbox(Simulation gateway, ToyWorkerShard shard, ToyContent content) {
    this.gateway = gateway;
    this.shard = shard;
    this.content = content;
    replicator = new Replicator(content, this);
    queue = new ReleaseQueue(gateway.plan().releaseBytes());
  }

  /** Sends a packet or a message as soon as it may leave. */
  void send(ShardId to, int epoch, Object body) {
    if (body instanceof ShardMessage.Copy) {
      // not before its time: whoever takes it over begins with the first copy
      shard.transmit(to, epoch, body);
      return;
    }
    boolean sync = gateway.plan().replication() == Replication.SYNC && !replicator.unprotected();
    long after = sync ? gateway.seams().after(shard, content.position()) : 0;
    if (queue.isEmpty() && after <= replicator.replicated()) {
      leave(to, epoch, body);
    } else if (queue.offer(++lastHandle, body instanceof Packet ? Packet.BYTES : 0, after)) {
      waiting.add(new Outgoing(lastHandle, to, epoch, body));
      flushSoon();
    } else if (body instanceof Packet packet) {
      gateway.ledger().lost(packet, "replication-backlog");
    }
  }

  private void leave(ShardId to, int epoch, Object body) {
    if (body instanceof Packet packet) {
      for (Entry it : packet.met) {
        it.out(packet);
      }
      packet.met.clear();
      if (packet.hops == 2 && !isThere(packet.port())) {
        gateway.ledger().lost(packet, "port-gone");
        return;
      }
    }
    shard.transmit(to, epoch, body);
  }

  /** Whether the life that has a port is still the one at the other end: it may have waited. */
  private boolean isThere(ToyIoShard port) {
    Wire wire = shard.wire(port.id());
    return wire != null && wire.toLife().equals(port.life());
  }

  @Override
  public void replicated(long upTo) {
    while (queue.isDue(upTo)) {
      Outgoing next = waiting.remove();
      if (next.handle != queue.take()) {
        throw new Violation("I3", shard + " lets go out of order");
      }
      leave(next.to, next.epoch, next.body);
    }
    shard.replicated(upTo);
  }

  /** Writes down that a class is active here, or gone. */
  long record(int epoch, KeyClass of, boolean active) {
    flushSoon();
    return replicator.record(epoch, of, active);
  }

  /** What an earlier life had written down. */
  void resume(List<ClassRecord> records) {
    replicator.resume(records);
    flushSoon();
  }

  /** State may have changed: it goes to the guardian with all that changes until then. */
  void flushSoon() {
    if (!flushDue && gateway.plan().replication() != Replication.NONE) {
      flushDue = true;
      gateway.clock().after(gateway.localDelay(), shard, this::flush);
    }
  }

  private void flush() {
    flushDue = false;
    replicator.flush();
  }

  /** An order about guardians. */
  void order(Order order) {
    switch (order) {
      case Guard guard -> replicator.guard(guard.guardian());
      case Guarded guarded -> replicator.guarded(guarded.guardian());
      case Gone gone -> ended(gone.life());
      case Generation generation -> ended(generation.ended());
      default -> {}
    }
  }

  private void ended(Life life) {
    Wire feed = feed(life);
    if (feed != null) {
      feeds.remove(feed);
      feed.abandon();
    }
    replicator.ended(life);
  }

  @Override
  public long send(Life guardian, ReplicaMessage message) {
    Wire feed = feed(guardian);
    if (feed == null) {
      int to = shard.id().shard() % guardian.shards();
      feed = gateway.wire(shard, new ShardId(guardian.module(), to), guardian);
      feeds.add(feed);
    }
    feed.send(shard.epoch(), gateway.seams().replicates(shard, message));
    return feed.last();
  }

  private @Nullable Wire feed(Life guardian) {
    for (Wire it : feeds) {
      if (it.toLife().equals(guardian)) {
        return it;
      }
    }
    return null;
  }

  /** Channels to guardians. */
  List<Wire> feeds() {
    return List.copyOf(feeds);
  }

  /** A channel is acknowledged. Returns false for one that is not to a guardian. */
  boolean acknowledged(Wire wire, long upTo) {
    if (!feeds.contains(wire)) {
      return false;
    }
    replicator.acknowledged(wire.toLife(), upTo);
    return true;
  }

  /** Number of the table of the oldest that waits to go to a shard. */
  int oldestEpoch(ShardId to, int otherwise) {
    for (Outgoing it : waiting) {
      if (it.to.equals(to)) {
        return it.epoch;
      }
    }
    return otherwise;
  }

  /** The process ends: what waits is lost. */
  void lose() {
    for (Outgoing it : waiting) {
      if (it.body instanceof Packet packet) {
        gateway.ledger().lost(packet, "killed");
      }
    }
    waiting.clear();
  }

  @Override
  public String toString() {
    return replicator + ", " + waiting.size() + " wait";
  }
}
