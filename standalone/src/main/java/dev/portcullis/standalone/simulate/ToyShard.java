package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.ReplicaMessage;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.link.ModuleId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A thread of a module, with its channels. */
abstract class ToyShard extends Clockwork.Actor {

  /**
   * First message of a channel.
   *
   * @param lostEpoch number of the table of the change whose content this life began without; 0:
   *     none
   */
  record Hello(int lostEpoch) {}

  private final Simulation gateway;
  private final ToyModule module;
  private final ShardId id;
  private final Map<ShardId, Wire> wires = new LinkedHashMap<>();

  /** The same channels by {@link #place} and shard. */
  private final @Nullable Wire[] wireAt = new Wire[2 * Plan.MODULES * Plan.SHARDS];

  // by place
  private final long[] generations = new long[2 * Plan.MODULES];
  private final long[] endedUpTo = new long[2 * Plan.MODULES];
  private final Set<Wire> waiting = new LinkedHashSet<>();
  private int lastEpoch;

  ToyShard(Simulation gateway, ToyModule module, int number) {
    this.gateway = gateway;
    this.module = module;
    id = new ShardId(module.life().module(), number);
  }

  /** Number of a module among all, of both kinds. */
  private static int place(ModuleId module) {
    return 2 * module.number() + (module.kind() == ModuleId.Kind.WORKER ? 1 : 0);
  }

  private static int place(ShardId shard) {
    return place(shard.module()) * Plan.SHARDS + shard.shard();
  }

  Simulation gateway() {
    return gateway;
  }

  ToyModule module() {
    return module;
  }

  ShardId id() {
    return id;
  }

  Life life() {
    return module.life();
  }

  /** Number of the table under which this shard sends. */
  abstract int epoch();

  /** Handles an order of the coordinator. */
  abstract void order(Order order);

  /** A channel is acknowledged up to a number. */
  abstract void acknowledged(Wire wire, long upTo);

  /** Reads what another shard replicates; false when it is not taken. */
  boolean replica(Wire wire, ReplicaMessage message) {
    throw new IllegalStateException(this + " is no guardian");
  }

  /** Number of the table of the change whose content this life began without. */
  int lostEpoch() {
    return 0;
  }

  /** Number of the table of the oldest that waits to go to a shard. */
  int oldestEpoch(ShardId to) {
    return epoch();
  }

  /** Reads a message; false when it has to wait for a table. */
  abstract boolean read(ShardId from, Wire.Message message);

  /** Says what it waits for. */
  String describe() {
    return "epoch " + epoch();
  }

  /** Opens channels to a member. */
  void open(Life member) {
    int place = place(member.module());
    if (generations[place] >= member.generation()) {
      return;
    }
    generations[place] = member.generation();
    for (int shard = 0; shard < member.shards(); shard++) {
      ShardId to = new ShardId(member.module(), shard);
      if (!to.equals(id)) {
        open(to, member);
      }
    }
  }

  private void open(ShardId to, Life member) {
    Wire before = wires.get(to);
    List<Wire.Message> unsent = before == null ? List.of() : before.abandon();
    Wire wire = gateway.wire(this, to, member);
    wires.put(to, wire);
    wireAt[place(to)] = wire;
    wire.send(
        unsent.isEmpty() ? oldestEpoch(to) : unsent.getFirst().epoch(), new Hello(lostEpoch()));
    for (Wire.Message message : unsent) {
      if (!(message.body() instanceof Hello)) {
        wire.send(message.epoch(), message.body());
      }
    }
  }

  /** A life has ended and nobody succeeds it: its channels go, and with them what they have. */
  void close(Life ended) {
    int place = place(ended.module());
    endedUpTo[place] = Math.max(endedUpTo[place], ended.generation());
    for (int shard = 0; shard < ended.shards(); shard++) {
      ShardId to = new ShardId(ended.module(), shard);
      Wire wire = wireAt[place(to)];
      if (wire != null && wire.toLife().generation() <= ended.generation()) {
        wireAt[place(to)] = null;
        wires.remove(to);
        for (Wire.Message message : wire.abandon()) {
          if (message.body() instanceof Packet packet) {
            gateway.ledger().lost(packet, "link-lost");
          }
        }
      }
    }
  }

  @Nullable Wire wire(ShardId to) {
    return wireAt[place(to)];
  }

  List<Wire> wires() {
    return new ArrayList<>(wires.values());
  }

  void send(ShardId to, Object body) {
    transmit(to, epoch(), body);
  }

  /** Puts a message on the channel to a shard. */
  final void transmit(ShardId to, int underEpoch, Object body) {
    Wire wire = wireAt[place(to)];
    if (wire != null) {
      wire.send(underEpoch, body);
    } else if (body instanceof Packet packet) {
      gateway.ledger().lost(packet, "link-lost");
    }
  }

  long lastNumber(ShardId to) {
    Wire wire = wireAt[place(to)];
    return wire == null ? 0 : wire.lastNumber();
  }

  /** Takes a message from a channel; false when it has to wait. */
  final boolean take(Wire wire, Wire.Message message) {
    Life sender = wire.from().life();
    int place = place(sender.module());
    long known = generations[place];
    boolean ended = known > sender.generation() || endedUpTo[place] >= sender.generation();
    if (gateway.seams().refuses(ended)) {
      wire.refuse();
      return true;
    }
    if (message.body() instanceof ReplicaMessage replicated) {
      return replica(wire, replicated);
    }
    if (known < sender.generation() || !read(wire.from().id(), message)) {
      waiting.add(wire);
      return false;
    }
    epochs();
    return true;
  }

  /** I4. */
  private void epochs() {
    if (epoch() < lastEpoch) {
      throw new Violation("I4", this + " went back from epoch " + lastEpoch + " to " + epoch());
    }
    lastEpoch = epoch();
  }

  final void handle(Order order) {
    order(order);
    epochs();
    List<Wire> again = new ArrayList<>(waiting);
    waiting.clear();
    again.forEach(it -> it.drain(this));
  }

  @Override
  public String toString() {
    return life() + "." + id.shard();
  }
}
