package dev.portcullis.standalone.cli;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Reading;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Readings in Prometheus' text format, version 0.0.4. */
final class PrometheusText {

  private PrometheusText() {}

  static String of(List<Reading> readings) {
    Map<Counter, List<Reading>> families = new EnumMap<>(Counter.class);
    readings.forEach(it -> families.computeIfAbsent(it.counter(), k -> new ArrayList<>()).add(it));
    StringBuilder text = new StringBuilder();
    families.forEach(
        (counter, series) -> {
          text.append("# HELP ")
              .append(counter.metric())
              .append(' ')
              .append(counter.help())
              .append('\n');
          text.append("# TYPE ")
              .append(counter.metric())
              .append(' ')
              .append(counter.type().label())
              .append('\n');
          for (Reading it : series) {
            text.append(counter.metric());
            for (int i = 0; i < it.labelValues().size(); i++) {
              text.append(i == 0 ? '{' : ',')
                  .append(counter.labels().get(i))
                  .append("=\"")
                  .append(it.labelValues().get(i).replace("\\", "\\\\").replace("\"", "\\\""))
                  .append('"');
            }
            text.append(it.labelValues().isEmpty() ? " " : "} ")
                .append(it.value().getAsLong())
                .append('\n');
          }
        });
    return text.toString();
  }
}
