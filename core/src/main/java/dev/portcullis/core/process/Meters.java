package dev.portcullis.core.process;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Registers a meter per series of a module, which is read when somebody scrapes. Any thread; series
 * that come later are looked for on one of its own.
 */
public final class Meters implements AutoCloseable {

  /** Bounds of histograms: from what nobody notices to what hosts give up after. */
  private static final Duration[] BOUNDS = {
    Duration.ofMillis(1),
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(25),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(250),
    Duration.ofMillis(500),
    Duration.ofSeconds(1),
    Duration.ofSeconds(5),
    Duration.ofSeconds(30)
  };

  private record Series(Counter counter, List<String> labelValues) {}

  private final MeterRegistry registry;
  private final Map<Series, Reading> registered = new HashMap<>();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("metrics").factory());

  /** Makes meters in {@code registry}. */
  public Meters(MeterRegistry registry) {
    this.registry = registry;
  }

  /**
   * Registers what there is now, and every second what has come since, such as a link to a new
   * worker.
   */
  public void follow(MetricsSource source) {
    register(source);
    source
        .observedBy((histogram, ns) -> timerOf(histogram).record(ns, TimeUnit.NANOSECONDS))
        .forEach(this::timerOf);
    timer.scheduleWithFixedDelay(() -> register(source), 1, 1, TimeUnit.SECONDS);
  }

  private Timer timerOf(Counter histogram) {
    return Timer.builder(histogram.metric())
        .description(histogram.help())
        .serviceLevelObjectives(BOUNDS)
        .register(registry);
  }

  private synchronized void register(MetricsSource source) {
    for (Reading reading : source.readings()) {
      // a meter holds what it reads weakly: it is kept here
      Series series = new Series(reading.counter(), reading.labelValues());
      if (registered.putIfAbsent(series, reading) == null) {
        register(reading);
      }
    }
  }

  private void register(Reading reading) {
    Counter counter = reading.counter();
    Tags tags = Tags.empty();
    for (int i = 0; i < counter.labels().size(); i++) {
      tags = tags.and(counter.labels().get(i), reading.labelValues().get(i));
    }
    switch (counter.type()) {
      case COUNTER ->
          FunctionCounter.builder(counter.metric(), reading.value(), LongSupplier::getAsLong)
              .description(counter.help())
              .tags(tags)
              .register(registry);
      case GAUGE ->
          Gauge.builder(counter.metric(), reading.value(), LongSupplier::getAsLong)
              .description(counter.help())
              .tags(tags)
              .strongReference(true)
              .register(registry);
      case HISTOGRAM -> throw new IllegalStateException(counter + " is observed and not read");
    }
  }

  /** Looks for no more series; those that are registered stay. */
  @Override
  public void close() {
    timer.shutdownNow();
  }
}
