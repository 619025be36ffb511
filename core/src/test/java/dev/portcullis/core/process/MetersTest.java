package dev.portcullis.core.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
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
      Timer timer =
          Objects.requireNonNull(registry.find("portcullis_scale_blocked_seconds").timer());
      assertEquals(0, timer.count());
      module.observer.observe(Counter.SCALE_BLOCKED, 40_000_000);
      assertEquals(1, timer.count());
      assertEquals(40, timer.totalTime(TimeUnit.MILLISECONDS));
    }
  }

  @Test
  void shouldTakeAwayAGaugeThatIsThereNoMoreAndKeepWhatWasCounted() throws Exception {
    Reading epoch = new Reading(Counter.TABLE_EPOCH, List.of("worker/3"), () -> 7);
    Reading taken = new Reading(Counter.REPLICA_TAKEOVERS, List.of("worker/3"), () -> 1);
    AtomicReference<List<Reading>> module = new AtomicReference<>(List.of(epoch, taken));
    try (Meters meters = new Meters(registry)) {
      meters.follow(module::get);
      assertEquals(7, value("portcullis_table_epoch"));
      module.set(List.of());
      await(() -> registry.find("portcullis_table_epoch").gauge() == null);
      assertEquals(1, value("portcullis_replica_takeovers_total"));
    }
  }

  @Test
  void shouldFollowAnotherSourceOfTheSameSeries() throws Exception {
    AtomicReference<List<Reading>> module =
        new AtomicReference<>(
            List.of(new Reading(Counter.TABLE_EPOCH, List.of("worker/3"), () -> 7)));
    try (Meters meters = new Meters(registry)) {
      meters.follow(module::get);
      module.set(List.of(new Reading(Counter.TABLE_EPOCH, List.of("worker/3"), () -> 9)));
      await(() -> value("portcullis_table_epoch") == 9);
    }
  }

  private double value(String meter) {
    return registry.get(meter).meter().measure().iterator().next().getValue();
  }

  private static void await(BooleanSupplier holds) throws InterruptedException {
    for (int i = 0; i < 200 && !holds.getAsBoolean(); i++) {
      Thread.sleep(50);
    }
    assertTrue(holds.getAsBoolean());
  }
}
