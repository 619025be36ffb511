package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.ChangeModule;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Begin;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.standalone.simulate.ToyReplicas.Legacy;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A process: its management and its shards. */
final class ToyModule extends Clockwork.Actor implements ChangeModule.Actions {

  private final Simulation gateway;
  private final Life life;
  private final @Nullable ToyModule host;
  private final ChangeModule machine;
  private final List<ToyShard> shards = new ArrayList<>();
  private final Map<Life, Map<Integer, Legacy>> sealed = new LinkedHashMap<>();
  private long lastOrderNs;
  private long term;
  private boolean begun;

  /** Starts a process with nothing. */
  ToyModule(Simulation gateway, Life life) {
    this(gateway, life, null, List.of());
  }

  /**
   * Starts a module.
   *
   * @param host in whose process; null: in one of its own
   * @param legacies what its shards begin with
   */
  ToyModule(Simulation gateway, Life life, @Nullable ToyModule host, List<Legacy> legacies) {
    this.gateway = gateway;
    this.life = life;
    this.host = host;
    machine = new ChangeModule(life, this);
    for (int i = 0; i < life.shards(); i++) {
      shards.add(
          life.isWorker()
              ? new ToyWorkerShard(gateway, this, i, legacies.isEmpty() ? null : legacies.get(i))
              : new ToyIoShard(gateway, this));
    }
  }

  Life life() {
    return life;
  }

  /** The module whose process this one lives in. */
  ToyModule process() {
    return host == null ? this : host;
  }

  /** A shard takes nothing more of a shard of a life that has ended. */
  void sealed(Life of, int shard, Legacy legacy) {
    Map<Integer, Legacy> shards = sealed.computeIfAbsent(of, it -> new TreeMap<>());
    shards.put(shard, legacy);
    if (shards.size() == of.shards()) {
      gateway.takeOver(this, of, List.copyOf(shards.values()));
    }
  }

  ChangeModule machine() {
    return machine;
  }

  List<ToyShard> shards() {
    return shards;
  }

  /** An order has come from a coordinator. */
  void receive(Order order) {
    term = Math.max(term, order.term());
    if (gateway.seams().order(machine, order)) {
      if (order instanceof Generation generation && generation.ended().equals(life)) {
        gateway.fenced(this);
      }
    }
  }

  @Override
  public void shards(Order order) {
    if (!begun && life.isWorker() && (order instanceof Begin || order instanceof Prepare)) {
      begun = true;
      gateway.begins(this);
    }
    for (ToyShard shard : shards) {
      lastOrderNs = Math.max(lastOrderNs, gateway.clock().nowNs() + gateway.localDelay());
      gateway.clock().at(lastOrderNs, shard, () -> shard.handle(order));
    }
  }

  @Override
  public void answer(Answer answer) {
    gateway.answer(this, term, answer);
  }

  /** Runs on the thread of management. */
  void later(Runnable task) {
    gateway.clock().after(gateway.localDelay(), this, task);
  }

  /** A shard has forgotten the table before: who has no place in the present one ends. */
  void retired() {
    later(() -> gateway.retired(this));
  }

  @Override
  void end() {
    super.end();
    shards.forEach(Clockwork.Actor::end);
  }

  @Override
  public String toString() {
    return life.toString();
  }
}
