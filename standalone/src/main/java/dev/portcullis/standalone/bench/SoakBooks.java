package dev.portcullis.standalone.bench;

import dev.portcullis.core.counters.Counter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the modules of a gateway count, from their pages of metrics (Prometheus' text format).
 *
 * @param samples all series of all modules
 */
record SoakBooks(List<Sample> samples) {

  private static final Pattern LINE =
      Pattern.compile("(portcullis_[a-z_]+)(?:\\{(.*)})? ([0-9.E+-]+)");

  /** A series: {@code labels} as they stand between the braces. */
  record Sample(String metric, String labels, long value) {}

  /** Reads the pages of all modules. */
  static SoakBooks of(List<String> pages) {
    List<Sample> samples = new ArrayList<>();
    for (String page : pages) {
      for (String line : page.split("\n")) {
        Matcher m = LINE.matcher(line);
        if (m.matches()) {
          String labels = m.group(2) == null ? "" : m.group(2);
          samples.add(new Sample(m.group(1), labels, (long) Double.parseDouble(m.group(3))));
        }
      }
    }
    return new SoakBooks(samples);
  }

  /** The sum of the series of a counter. */
  long sum(Counter counter) {
    return sum(counter, _ -> true);
  }

  private long sum(Counter counter, Predicate<String> labels) {
    return samples.stream()
        .filter(it -> it.metric.equals(counter.metric()) && labels.test(it.labels))
        .mapToLong(Sample::value)
        .sum();
  }

  /**
   * Says in sentences what does not balance (docs/ARCHITECTURE.md, "Accounting"); empty: all does.
   */
  List<String> faults() {
    Predicate<String> io = it -> it.contains("module=\"io/");
    Predicate<String> worker = it -> it.contains("module=\"worker/");
    long redistributed = sum(Counter.REDISTRIBUTED_PACKETS);
    List<String> faults = new ArrayList<>();
    same(
        faults,
        "the gateway: received, and forwarded + dropped + held",
        sum(Counter.PACKETS_RECEIVED, io),
        sum(Counter.PACKETS_FORWARDED, io)
            + sum(Counter.PACKETS_DROPPED)
            + sum(Counter.PACKETS_HELD));
    same(
        faults,
        "on the way to workers: passed on + redistributed, and received by workers",
        sum(Counter.PACKETS_PASSED_ON) + redistributed,
        sum(Counter.PACKETS_RECEIVED, worker));
    same(
        faults,
        "on the way back: forwarded by workers - redistributed, and returned",
        sum(Counter.PACKETS_FORWARDED, worker) - redistributed,
        sum(Counter.PACKETS_RETURNED));
    return faults;
  }

  private static void same(List<String> faults, String what, long one, long other) {
    if (one != other) {
      faults.add(what + " differ: " + one + " and " + other + ".");
    }
  }
}
