package dev.portcullis.standalone.cli;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.standalone.gateway.EmbeddedGateway;
import dev.portcullis.standalone.replay.ReplayException;
import dev.portcullis.standalone.replay.Scale;
import java.util.Objects;

/** Changes the number of workers of an embedded gateway. Thread: one. */
final class Scaling implements Scale.Gateway {

  private final EmbeddedGateway gateway;
  private Configured configured;
  private int epoch = 1;

  Scaling(EmbeddedGateway gateway, Configured configured) {
    this.gateway = gateway;
    this.configured = configured;
  }

  @Override
  public Scale.Event scale(int workers) throws ReplayException {
    long began = System.nanoTime();
    long moved = sum(Counter.SCALE_FLOWS_MOVED);
    long broken = sum(Counter.SCALE_FLOWS_BROKEN);
    int from = Objects.requireNonNull(configured.config().gateway().workers().quantity());
    if (workers != from) {
      try {
        gateway.scale(workers);
      } catch (ModuleException e) {
        throw new ReplayException(e.exitCode(), e.sentence());
      }
      configured = configured.withQuantity(workers);
      epoch++;
    }
    return new Scale.Event(
        from,
        workers,
        configured.table(epoch),
        sum(Counter.SCALE_FLOWS_MOVED) - moved,
        sum(Counter.SCALE_FLOWS_BROKEN) - broken,
        (System.nanoTime() - began) / 1_000_000);
  }

  private long sum(Counter counter) {
    return gateway.metrics().readings().stream()
        .filter(it -> it.counter() == counter)
        .mapToLong(it -> it.value().getAsLong())
        .sum();
  }
}
