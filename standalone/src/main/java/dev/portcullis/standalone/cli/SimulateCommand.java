package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.standalone.simulate.Simulator;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code simulate}: changes of table under faults, on a seeded clock, network and schedule. */
@Command(
    name = "simulate",
    description =
        "Simulates changes of the number of workers under faults, and checks what must always hold.",
    mixinStandardHelpOptions = true)
final class SimulateCommand implements Callable<Integer> {

  private static final double NS_PER_HOUR = 3.6e12;
  private static final double MOST_HOURS = 1_000_000;

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description =
          "Seed of all chance: the same seed is the same run (default: ${DEFAULT-VALUE}).")
  private long seed = 1;

  @Option(
      names = "--hours",
      paramLabel = "H",
      defaultValue = "1",
      description = "Simulated time in hours, such as 0.5 (default: ${DEFAULT-VALUE}).")
  private double hours = 1;

  @Override
  public Integer call() throws CommandException {
    if (!(hours > 0 && hours <= MOST_HOURS)) {
      throw new CommandException(
          ExitCode.USAGE,
          "--hours is " + hours + "; allowed is more than 0, up to " + (long) MOST_HOURS);
    }
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    Progress progress = new Progress(spec.commandLine().getErr());
    Simulator.Report report =
        Simulator.run(
            seed,
            (long) (hours * NS_PER_HOUR),
            ns -> progress.reached(ns / 1_000_000_000L, "simulated seconds"));
    Simulator.Failure failure = report.failure();
    if (failure != null) {
      failure.trace().forEach(out::println);
      out.println("schedule of episode " + failure.seed() + ", shrunk:");
      failure.schedule().forEach(it -> out.println("  " + it));
      out.println(failure.sentence());
    }
    out.printf(
        Locale.ROOT,
        "seed=%d hours=%.2f scale_events=%d dropped=%s run=%016x%n",
        seed,
        report.simulatedNs() / NS_PER_HOUR,
        report.scaleEvents(),
        report.dropped(),
        report.digest());
    out.printf(
        Locale.ROOT,
        "events=%d packets=%d invariants=%s%n",
        report.events(),
        report.packets(),
        failure == null ? "held" : "broken");
    return failure == null ? ExitCode.DONE : ExitCode.INPUT;
  }
}
