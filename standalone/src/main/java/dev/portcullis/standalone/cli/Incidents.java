package dev.portcullis.standalone.cli;

import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.standalone.replay.Incident;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What {@code --scale} and {@code --kill} ask for. */
final class Incidents {

  private static final Pattern FORM = Pattern.compile("(\\d{1,18}):(\\d{1,9})");

  private Incidents() {}

  /**
   * Reads all values of both options, {@code PACKET:N} and {@code PACKET:WORKER}, in the order in
   * which they happen; before one packet the number of workers changes first.
   */
  static List<Incident> parse(List<String> scales, List<String> kills) throws CommandException {
    List<Incident> all = new ArrayList<>();
    for (String value : scales) {
      long[] numbers = numbers(value);
      if (numbers[0] < 1 || numbers[1] < 1 || numbers[1] > Configured.MAX_WORKERS) {
        throw new CommandException(
            ExitCode.USAGE,
            "--scale is \""
                + value
                + "\"; allowed is PACKET:N with a packet of the input from 1 and 1 to "
                + Configured.MAX_WORKERS
                + " workers");
      }
      all.add(new Incident.Scale(numbers[0], (int) numbers[1]));
    }
    for (String value : kills) {
      long[] numbers = numbers(value);
      if (numbers[0] < 1) {
        throw new CommandException(
            ExitCode.USAGE,
            "--kill is \""
                + value
                + "\"; allowed is PACKET:WORKER with a packet of the input from 1 and the number of a worker");
      }
      all.add(new Incident.Kill(numbers[0], (int) numbers[1]));
    }
    all.sort(Comparator.comparingLong(Incident::packet));
    return all;
  }

  /** Returns packet and number; zeros where they are not there. */
  private static long[] numbers(String value) {
    Matcher matcher = FORM.matcher(value);
    return matcher.matches()
        ? new long[] {Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2))}
        : new long[2];
  }

  /** Returns a configuration with as many workers running as are needed at some time. */
  static Configured mostOf(List<Incident> incidents, Configured configured)
      throws CommandException {
    if (incidents.isEmpty()) {
      return configured;
    }
    GatewaySpec spec = configured.config().gateway();
    if (spec.path() != GatewaySpec.PathMode.RECORD) {
      throw new CommandException(
          ExitCode.INPUT,
          "spec.path computes paths, and --scale and --kill need their records; allowed is path: record");
    }
    for (PolicySpec.SourceNat it : configured.config().policy().nat().source()) {
      if (it.mapping() == PolicySpec.Mapping.ENDPOINT_INDEPENDENT) {
        throw new CommandException(
            ExitCode.INPUT,
            "--scale and --kill do not move endpoint-independent mappings yet, and the rule "
                + it.name()
                + " of spec.nat.source makes them");
      }
    }
    Integer quantity = spec.workers().quantity();
    int begin = quantity == null ? spec.workers().replicas() : quantity;
    int most = begin;
    int now = begin;
    for (Incident incident : incidents) {
      switch (incident) {
        case Incident.Scale it -> {
          now = it.workers();
          most = Math.max(most, now);
        }
        case Incident.Kill it -> needWorker(it, now, spec);
      }
    }
    return configured.withQuantity(most).withQuantity(begin);
  }

  private static void needWorker(Incident.Kill it, int workers, GatewaySpec spec)
      throws CommandException {
    if (it.worker() >= workers
        && spec.pools().stream()
            .noneMatch(
                pool ->
                    it.worker() >= pool.base() && it.worker() < pool.base() + pool.replicas())) {
      throw new CommandException(
          ExitCode.USAGE,
          "--kill "
              + it.packet()
              + ":"
              + it.worker()
              + ": there are "
              + workers
              + " workers before that packet, from number 0");
    }
  }
}
