package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.ChangeCoordinator;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.Members;
import dev.portcullis.core.elastic.Replication;
import dev.portcullis.core.link.ModuleId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A life of the coordinator, with a way of orders to each module. */
final class ToySwitch extends Clockwork.Actor implements ChangeCoordinator.Actions {

  private final Simulation gateway;
  private final long term;
  private final Map<ModuleId, Long> lastNs = new LinkedHashMap<>();
  private final ChangeCoordinator machine;

  /** The first life. */
  ToySwitch(Simulation gateway, long term, Members first) {
    this.gateway = gateway;
    this.term = term;
    machine = new ChangeCoordinator(term, first, gateway.plan().timing(), this);
    replicated();
  }

  /** A later life, that asks. */
  ToySwitch(Simulation gateway, long term, List<Life> modules) {
    this.gateway = gateway;
    this.term = term;
    machine = new ChangeCoordinator(term, modules, gateway.plan().timing(), this);
    replicated();
  }

  private void replicated() {
    if (gateway.plan().replication() != Replication.NONE) {
      machine.replicated();
    }
  }

  ChangeCoordinator machine() {
    return machine;
  }

  long term() {
    return term;
  }

  @Override
  public void order(Life life, Order order) {
    ModuleId to = life.module();
    ToyModule module = gateway.module(to);
    if (module != null && module.life().equals(life)) {
      gateway.trace(() -> "term " + term + " to " + module + ": " + order);
      long at = Math.max(lastNs.getOrDefault(to, 0L), gateway.controlArrivalNs(to));
      lastNs.put(to, at);
      gateway.clock().at(at, module, () -> module.receive(order));
    }
  }
}
