package dev.portcullis.operator.gateway;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** What the operator counts. Any thread: gateways are looked after side by side. */
public final class OperatorCounts implements MetricsSource {

  private final Map<List<String>, Count> counts = new ConcurrentHashMap<>();
  private final Map<String, Boolean> ready = new ConcurrentHashMap<>();
  private volatile boolean leading;

  private record Count(Counter counter, List<String> labels, LongAdder value) {}

  void reconciled(String result) {
    add(Counter.OPERATOR_RECONCILIATIONS, result);
  }

  void wrote(String kind, String what) {
    add(Counter.OPERATOR_WRITES, kind, what);
  }

  void gateway(String name, boolean isReady) {
    ready.put(name, isReady);
  }

  void gone(String name) {
    ready.remove(name);
  }

  void leading(boolean leads) {
    leading = leads;
  }

  private void add(Counter counter, String... labels) {
    List<String> values = List.of(labels);
    List<String> key = new ArrayList<>(values);
    key.add(counter.metric());
    counts
        .computeIfAbsent(key, it -> new Count(counter, values, new LongAdder()))
        .value()
        .increment();
  }

  @Override
  public List<Reading> readings() {
    List<Reading> readings = new ArrayList<>();
    readings.add(new Reading(Counter.OPERATOR_LEADING, List.of(), () -> leading ? 1 : 0));
    for (boolean is : List.of(true, false)) {
      readings.add(
          new Reading(
              Counter.OPERATOR_GATEWAYS,
              List.of(String.valueOf(is)),
              () -> ready.values().stream().filter(it -> it == is).count()));
    }
    counts.values().stream()
        .map(it -> new Reading(it.counter(), it.labels(), it.value()::sum))
        .forEach(readings::add);
    return readings;
  }
}
