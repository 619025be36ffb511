package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.standalone.replay.Incident;
import dev.portcullis.standalone.replay.ReplayPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code demo}: the main job in one command. */
@Command(
    name = "demo",
    description =
        "Plays real captures through two IO modules, three workers and the switch, while there are more and fewer workers and one is killed; says what happened and why.",
    mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {

  /** 3, 5 workers, one of them killed, and 2 workers, spread over the captures. */
  private static final List<Incident> INCIDENTS =
      List.of(new Incident.Scale(60, 5), new Incident.Kill(110, 0), new Incident.Scale(150, 2));

  @Spec private @Nullable CommandSpec spec;

  @Override
  public Integer call() throws CommandException {
    Path home = Path.of(System.getProperty("portcullis.home", "."));
    Path out = home.resolve("target/demo");
    Configured loaded = Configured.load(List.of(home.resolve("examples/demo.yaml")), null, null);
    Configured configured = Incidents.mostOf(INCIDENTS, loaded);
    List<Path> captures;
    try (Stream<Path> files = Files.list(home.resolve("examples/captures"))) {
      captures = files.filter(it -> it.toString().matches(".*\\.pcap(ng)?")).sorted().toList();
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.INPUT,
          home.resolve("examples/captures") + ": the captures of the demo are not there");
    }
    PrintWriter to = Objects.requireNonNull(spec).commandLine().getOut();
    ReplayPlan plan = new ReplayPlan(captures, out, "lan", "wan", true, 0);
    ReplayRun.run(
        loaded.withQuantity(1),
        new ReplayPlan(captures, out.resolve("one-worker"), "lan", "wan", true, 0),
        null,
        tally -> {});
    ReplayRun.Ended ended = ReplayRun.run(configured, plan.with(INCIDENTS), null, tally -> {});
    new DemoReport(
            configured, Topology.of(configured.config().gateway()), captures, out, ended.tally())
        .print(to, Verdicts.sameIn(out, out.resolve("one-worker")));
    if (!ended.problems().isEmpty()) {
      throw new CommandException(ExitCode.INPUT, String.join("\n", ended.problems()));
    }
    return ExitCode.DONE;
  }
}
