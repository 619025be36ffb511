package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Reading;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The books of a gateway, from its metrics: every frame that a module received it has passed on,
 * forwarded or dropped, and nothing is held (docs/ARCHITECTURE.md, "Accounting").
 */
final class Accounts {

  private static final Pattern LINE =
      Pattern.compile("(portcullis_[a-z_]+)(?:\\{(.*)})? ([0-9.E+-]+)");
  private static final Pattern LABEL = Pattern.compile("([a-z]+)=\"([^\"]*)\"");

  private record Sample(String metric, Map<String, String> labels, long value) {}

  private final List<Sample> samples = new ArrayList<>();

  /** The books of modules in this JVM. */
  static Accounts of(List<Reading> readings) {
    Accounts accounts = new Accounts();
    for (Reading it : readings) {
      Map<String, String> labels = new TreeMap<>();
      for (int i = 0; i < it.labelValues().size(); i++) {
        labels.put(it.counter().labels().get(i), it.labelValues().get(i));
      }
      accounts.samples.add(new Sample(it.counter().metric(), labels, it.value().getAsLong()));
    }
    return accounts;
  }

  /** Adds what a module shows at {@code /q/metrics}. */
  Accounts with(String page) {
    for (String line : page.lines().toList()) {
      Matcher m = LINE.matcher(line);
      if (m.matches()) {
        Map<String, String> labels = new TreeMap<>();
        Matcher label = LABEL.matcher(m.group(2) == null ? "" : m.group(2));
        while (label.find()) {
          labels.put(label.group(1), label.group(2));
        }
        samples.add(new Sample(m.group(1), labels, (long) Double.parseDouble(m.group(3))));
      }
    }
    return this;
  }

  /** The sum of the series whose labels are as {@code which} says. */
  long sum(Counter counter, Predicate<Map<String, String>> which) {
    return samples.stream()
        .filter(it -> it.metric.equals(counter.metric()) && which.test(it.labels))
        .mapToLong(Sample::value)
        .sum();
  }

  /** The highest of the series of a metric; 0: there is none. */
  long max(Counter counter) {
    return samples.stream()
        .filter(it -> it.metric.equals(counter.metric()))
        .mapToLong(Sample::value)
        .max()
        .orElse(0);
  }

  private long sum(Counter counter, String module) {
    return sum(counter, it -> module.equals(it.get("module")));
  }

  private long dropped(String module, String stage) {
    return sum(
        Counter.PACKETS_DROPPED,
        it -> module.equals(it.get("module")) && stage.equals(it.get("stage")));
  }

  /** Names of the metrics that are shown. */
  Set<String> metrics() {
    Set<String> names = new LinkedHashSet<>();
    samples.forEach(it -> names.add(it.metric));
    return names;
  }

  private Set<String> modules(String kind) {
    Set<String> modules = new LinkedHashSet<>();
    for (Sample it : samples) {
      String module = it.labels.getOrDefault("module", "");
      if (module.startsWith(kind + "/")) {
        modules.add(module);
      }
    }
    return modules;
  }

  /** Fails where the books of a module do not balance, whatever became of the others. */
  void assertModulesBalance(String when) {
    for (String io : modules("io")) {
      assertEquals(
          sum(Counter.PACKETS_RECEIVED, io),
          sum(Counter.PACKETS_PASSED_ON, io)
              + dropped(io, "ingress")
              + sum(Counter.PACKETS_HELD, io),
          when + ": ingress of " + io);
      assertEquals(
          sum(Counter.PACKETS_RETURNED, io),
          sum(Counter.PACKETS_FORWARDED, io) + dropped(io, "egress"),
          when + ": egress of " + io);
    }
    for (String worker : modules("worker")) {
      assertEquals(
          sum(Counter.PACKETS_RECEIVED, worker),
          sum(Counter.PACKETS_FORWARDED, worker)
              + sum(Counter.PACKETS_DROPPED, worker)
              - dropped(worker, "link")
              + sum(Counter.PACKETS_HELD, worker),
          when + ": " + worker);
    }
  }

  /** Fails where the books of a module, or of the whole gateway, do not balance. */
  void assertBalanced(String when) {
    assertModulesBalance(when);
    Predicate<Map<String, String>> io = it -> it.getOrDefault("module", "").startsWith("io/");
    Predicate<Map<String, String>> worker = io.negate();
    long redistributed = sum(Counter.REDISTRIBUTED_PACKETS, it -> true);
    assertEquals(0, sum(Counter.PACKETS_HELD, it -> true), when + ": held");
    assertEquals(
        sum(Counter.PACKETS_PASSED_ON, io) + redistributed,
        sum(Counter.PACKETS_RECEIVED, worker),
        when + ": on the way to workers");
    assertEquals(
        sum(Counter.PACKETS_FORWARDED, worker) - redistributed,
        sum(Counter.PACKETS_RETURNED, io),
        when + ": on the way from workers");
    assertEquals(
        sum(Counter.PACKETS_RECEIVED, io),
        sum(Counter.PACKETS_FORWARDED, io) + sum(Counter.PACKETS_DROPPED, it -> true),
        when + ": the whole gateway");
  }
}
