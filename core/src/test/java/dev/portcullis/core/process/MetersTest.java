package dev.portcullis.core.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class MetersTest {

  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

  /** A module that measures how long packets waited. */
  private static final class Measuring implements MetricsSource {
    private Observer observer = (histogram, ns) -> {};

    @Override
    public List<Counter> observedBy(Observer it) {
      observer = it;
      return List.of(Counter.SCALE_BLOCKED);
    }

    @Override
    public List<Reading> readings() {
      return List.of();
    }
  }

  @Test
  void shouldShowAHistogramFromTheBeginningAndWhatIsObservedLater() {
    Measuring module = new Measuring();
    try (Meters meters = new Meters(registry)) {
      meters.follow(MetricsSource.sumOf(List.of(module)));
      Timer timer = Objects.requireNonNull(registry.find("portcullis_scale_blocked_seconds").timer());
      assertEquals(0, timer.count());
      module.observer.observe(Counter.SCALE_BLOCKED, 40_000_000);
      assertEquals(1, timer.count());
      assertEquals(40, timer.totalTime(TimeUnit.MILLISECONDS));
    }
  }
}
