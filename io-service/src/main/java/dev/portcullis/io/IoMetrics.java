package dev.portcullis.io;

import dev.portcullis.core.process.MetricVisitor;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.inject.Singleton;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;

/** Registers the numbers of the module; they are read when somebody scrapes. */
@Singleton
final class IoMetrics implements MetricVisitor {

  private final MeterRegistry registry;

  IoMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  @Override
  public void counter(String name, String help, LongSupplier value, String... labels) {
    FunctionCounter.builder(name, value, LongSupplier::getAsLong)
        .description(help)
        .tags(labels)
        .register(registry);
  }

  @Override
  public void gauge(String name, String help, DoubleSupplier value, String... labels) {
    Gauge.builder(name, value, DoubleSupplier::getAsDouble)
        .description(help)
        .tags(labels)
        .strongReference(true)
        .register(registry);
  }
}
