package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.standalone.replay.Incident;
import dev.portcullis.standalone.replay.ReplayPlan;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code replay}: captures through the gateway. */
@Command(
    name = "replay",
    description = "Plays captures through the gateway, losslessly and deterministically.",
    mixinStandardHelpOptions = true)
final class ReplayCommand implements Callable<Integer> {

  @Spec private @Nullable CommandSpec spec;

  @Mixin private GatewayFiles configuration = new GatewayFiles();

  @Mixin private PlayedCaptures captures = new PlayedCaptures();

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for PORT.pcapng, paths.jsonl, eve.json and summary.json.")
  private @Nullable Path out;

  @Option(
      names = "--shards",
      paramLabel = "S",
      description = "Threads of a worker, instead of spec.workers.shards.")
  private @Nullable Integer shards;

  @Option(
      names = "--speed",
      paramLabel = "max|recorded|FACTOR",
      defaultValue = "max",
      description = "How fast recorded time passes (default: ${DEFAULT-VALUE}).")
  private String speed = "max";

  @Option(names = "--no-paths", description = "Does not write paths.jsonl.")
  private boolean noPaths;

  @Option(
      names = "--feed",
      paramLabel = "HOST:PORT",
      description =
          "Plays through modules that run as processes: waits here for the IO modules, which were started with the same --feed.")
  private @Nullable String feed;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "Seed of what is random; nothing is in this version.")
  private long seed;

  @Option(
      names = "--scale",
      paramLabel = "PACKET:N",
      description =
          "Before that packet of the input, there are N workers from then on; repeatable.")
  private List<String> scale = List.of();

  @Option(
      names = "--kill",
      paramLabel = "PACKET:WORKER",
      description =
          "Before that packet of the input, that worker is killed: its guardian goes on (spec.replication), and its next life takes its place; repeatable.")
  private List<String> kill = List.of();

  @Override
  public Integer call() throws CommandException {
    List<Incident> incidents = Incidents.parse(scale, kill);
    Configured loaded = Configured.load(configuration.files, captures.workers, shards);
    Configured configured = Incidents.mostOf(incidents, loaded);
    ReplayPlan plan =
        new ReplayPlan(
                captures.files,
                java.util.Objects.requireNonNull(out),
                captures.clientPort,
                captures.serverPort,
                !noPaths,
                factor(speed))
            .with(incidents);
    CommandSpec command = java.util.Objects.requireNonNull(spec);
    PrintWriter err = command.commandLine().getErr();
    ReplayRun.Ended ended = ReplayRun.run(configured, plan, outside(), new Progress(err));
    command
        .commandLine()
        .getOut()
        .println(
            "received "
                + ended.tally().received()
                + ", forwarded "
                + ended.tally().forwarded()
                + ", dropped "
                + (ended.tally().received() - ended.tally().forwarded() - ended.tally().held())
                + ", not entered "
                + ended.tally().notEntered()
                + "; files in "
                + out);
    if (!ended.problems().isEmpty()) {
      throw new CommandException(ExitCode.INPUT, String.join("\n", ended.problems()));
    }
    return ExitCode.DONE;
  }

  private @Nullable HostPort outside() throws CommandException {
    try {
      return feed == null ? null : HostPort.parse("--feed", feed);
    } catch (ModuleException e) {
      throw new CommandException(e.exitCode(), e.sentence());
    }
  }

  private static double factor(String speed) throws CommandException {
    switch (speed) {
      case "max" -> {
        return 0;
      }
      case "recorded" -> {
        return 1;
      }
      default -> {
        try {
          double factor = Double.parseDouble(speed);
          if (factor > 0 && factor < 1e9) {
            return factor;
          }
        } catch (NumberFormatException e) {
          // said below
        }
        throw new CommandException(
            ExitCode.USAGE,
            "--speed is \"" + speed + "\"; allowed is max, recorded or a factor above 0");
      }
    }
  }
}
