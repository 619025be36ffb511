package dev.portcullis.core.counters;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What can be read at scrape. A service registers a function meter per {@link Reading}, so the
 * packet path never calls a meter. Series can be added while the module runs (a link to a new
 * worker): ask again for the rest.
 */
@FunctionalInterface
public interface MetricsSource {

  /**
   * Returns the series there are now, in a fixed order; new ones come at the end of each source.
   * Any thread.
   */
  List<Reading> readings();

  /** Takes durations as they are measured. Any thread. */
  @FunctionalInterface
  interface Observer {

    /** Another duration, in nanoseconds, for a histogram. */
    void observe(Counter histogram, long ns);
  }

  /**
   * From now on tells durations to {@code it}, and to nobody else.
   *
   * @return the histograms that they are for
   */
  default List<Counter> observedBy(Observer it) {
    return List.of();
  }

  /**
   * Returns the series of several sources; those with equal counter and labels (one per thread)
   * become their sum.
   */
  static MetricsSource sumOf(List<? extends MetricsSource> sources) {
    List<MetricsSource> parts = List.copyOf(sources);
    return new MetricsSource() {
      @Override
      public List<Counter> observedBy(Observer it) {
        return parts.stream().flatMap(part -> part.observedBy(it).stream()).toList();
      }

      @Override
      public List<Reading> readings() {
        return sums(parts);
      }
    };
  }

  private static List<Reading> sums(List<MetricsSource> parts) {
    record Series(Counter counter, List<String> labelValues) {}
    Map<Series, List<Reading>> grouped = new LinkedHashMap<>();
    for (MetricsSource part : parts) {
      for (Reading reading : part.readings()) {
        grouped
            .computeIfAbsent(
                new Series(reading.counter(), reading.labelValues()), it -> new ArrayList<>())
            .add(reading);
      }
    }
    List<Reading> sums = new ArrayList<>(grouped.size());
    grouped.forEach(
        (series, readings) ->
            sums.add(
                new Reading(
                    series.counter,
                    series.labelValues,
                    () -> {
                      long sum = 0;
                      for (Reading reading : readings) {
                        sum += reading.value().getAsLong();
                      }
                      return sum;
                    })));
    return sums;
  }
}
