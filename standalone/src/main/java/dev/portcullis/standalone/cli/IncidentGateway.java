package dev.portcullis.standalone.cli;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.standalone.gateway.EmbeddedGateway;
import dev.portcullis.standalone.replay.Incident;
import dev.portcullis.standalone.replay.ReplayException;
import java.util.List;
import java.util.Objects;

/** Changes the number of workers of an embedded gateway, and ends some. Thread: one. */
final class IncidentGateway implements Incident.Gateway {

  private final EmbeddedGateway gateway;
  private Configured configured;
  private int epoch = 1;

  /** Waits until each worker has a replica, where it is to have one. */
  IncidentGateway(EmbeddedGateway gateway, Configured configured) throws ModuleException {
    this.gateway = gateway;
    this.configured = configured;
    gateway.awaitReplicas();
  }

  @Override
  public Incident.Event befall(Incident it) throws ReplayException {
    try {
      return switch (it) {
        case Incident.Scale scale -> scale(scale);
        case Incident.Kill kill -> kill(kill);
      };
    } catch (ModuleException e) {
      throw new ReplayException(e.exitCode(), e.sentence());
    }
  }

  private Incident.Event scale(Incident.Scale it) throws ModuleException {
    long began = System.nanoTime();
    long moved = sum(Counter.SCALE_FLOWS_MOVED);
    long broken = sum(Counter.SCALE_FLOWS_BROKEN);
    int from = workers();
    if (it.workers() != from) {
      gateway.scale(it.workers());
      configured = configured.withQuantity(it.workers());
      epoch++;
    }
    moved = sum(Counter.SCALE_FLOWS_MOVED) - moved;
    broken = sum(Counter.SCALE_FLOWS_BROKEN) - broken;
    return event(it, from, moved, broken, began);
  }

  /** No packet is under way and no time passes: a flow that is not there any more has broken. */
  private Incident.Event kill(Incident.Kill it) throws ModuleException {
    long began = System.nanoTime();
    long all = sum(Counter.WORKER_FLOWS);
    long its = flowsOf(it.worker());
    gateway.kill(it.worker());
    long broken = Math.max(0, all - sum(Counter.WORKER_FLOWS));
    epoch++;
    return event(it, workers(), Math.max(0, its - broken), broken, began);
  }

  private Incident.Event event(Incident of, int from, long moved, long broken, long began) {
    long blockedMs = (System.nanoTime() - began) / 1_000_000;
    return new Incident.Event(
        of, from, workers(), configured.table(epoch), moved, broken, blockedMs);
  }

  private int workers() {
    return Objects.requireNonNull(configured.config().gateway().workers().quantity());
  }

  private long flowsOf(int worker) {
    List<String> labels = List.of(Integer.toString(worker));
    return gateway.metrics().readings().stream()
        .filter(it -> it.counter() == Counter.WORKER_FLOWS && it.labelValues().equals(labels))
        .mapToLong(it -> it.value().getAsLong())
        .sum();
  }

  private long sum(Counter counter) {
    return gateway.metrics().readings().stream()
        .filter(it -> it.counter() == counter)
        .mapToLong(it -> it.value().getAsLong())
        .sum();
  }
}
