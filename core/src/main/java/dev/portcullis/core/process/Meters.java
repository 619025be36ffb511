package dev.portcullis.core.process;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

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

  /** A meter and what it reads: another source of the same series may take the place of one. */
  private static final class Follower {
    private volatile LongSupplier source;
    private @Nullable Meter meter;

    Follower(LongSupplier source) {
      this.source = source;
    }

    double value() {
      return source.getAsLong();
    }
  }

  private final MeterRegistry registry;

  /** A meter holds what it reads weakly: it is kept here. */
  private final Map<Series, Follower> registered = new HashMap<>();

  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("metrics").factory());

  /** Makes meters in {@code registry}. */
  public Meters(MeterRegistry registry) {
    this.registry = registry;
  }

  /**
   * Registers what there is now, and every second what has come since, such as a link to a new
   * worker. A gauge that is there no more is taken away; what was counted stays.
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
    Set<Series> seen = new HashSet<>();
    for (Reading reading : source.readings()) {
      Series series = new Series(reading.counter(), reading.labelValues());
      seen.add(series);
      Follower follower = registered.get(series);
      if (follower == null) {
        follower = new Follower(reading.value());
        registered.put(series, follower);
        follower.meter = register(reading, follower);
      } else {
        follower.source = reading.value();
      }
    }
    registered
        .entrySet()
        .removeIf(
            it -> {
              Meter meter = it.getValue().meter;
              boolean gone =
                  it.getKey().counter().type() == Counter.Type.GAUGE && !seen.contains(it.getKey());
              if (gone && meter != null) {
                registry.remove(meter);
              }
              return gone;
            });
  }

  private Meter register(Reading reading, Follower follower) {
    Counter counter = reading.counter();
    Tags tags = Tags.empty();
    for (int i = 0; i < counter.labels().size(); i++) {
      tags = tags.and(counter.labels().get(i), reading.labelValues().get(i));
    }
    return switch (counter.type()) {
      case COUNTER ->
          FunctionCounter.builder(counter.metric(), follower, Follower::value)
              .description(counter.help())
              .tags(tags)
              .register(registry);
      case GAUGE ->
          Gauge.builder(counter.metric(), follower, Follower::value)
              .description(counter.help())
              .tags(tags)
              .strongReference(true)
              .register(registry);
      case HISTOGRAM -> throw new IllegalStateException(counter + " is observed and not read");
    };
  }

  /** Looks for no more series; those that are registered stay. */
  @Override
  public void close() {
    timer.shutdownNow();
  }
}
