package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.ChangeModule;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.Life;
import java.util.ArrayList;
import java.util.List;

/** A process: its management and its shards. */
final class ToyModule extends Clockwork.Actor implements ChangeModule.Actions {

  private final Simulation gateway;
  private final Life life;
  private final ChangeModule machine;
  private final List<ToyShard> shards = new ArrayList<>();
  private long lastOrderNs;
  private long term;

  /** Starts a process. */
  ToyModule(Simulation gateway, Life life) {
    this.gateway = gateway;
    this.life = life;
    machine = new ChangeModule(life, this);
    for (int i = 0; i < life.shards(); i++) {
      shards.add(
          life.isWorker() ? new ToyWorkerShard(gateway, this, i) : new ToyIoShard(gateway, this));
    }
  }

  Life life() {
    return life;
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
