package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.standalone.replay.ReplayPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code trace}: the way of one packet, or of the packets of a flow, and why. */
@Command(
    name = "trace",
    description =
        "Plays a capture and tells the way of one packet or flow, stage by stage, and why it got its verdict.",
    mixinStandardHelpOptions = true)
final class TraceCommand implements Callable<Integer> {

  @Spec private @Nullable CommandSpec spec;

  @Mixin private GatewayFiles configuration = new GatewayFiles();

  @Mixin private PlayedCaptures captures = new PlayedCaptures();

  @Option(
      names = "--packet",
      paramLabel = "K",
      description = "Number of the packet in all captures, from 1.")
  private @Nullable Long packet;

  @Option(
      names = "--flow",
      paramLabel = "\"A:P > B:Q\"|ID",
      description = "All packets of a flow: its ends, or its flow_id in eve.json.")
  private @Nullable String flow;

  @Option(names = "--json", description = "One JSON object a packet.")
  private boolean json;

  @Override
  public Integer call() throws CommandException {
    if ((packet == null) == (flow == null)) {
      throw new CommandException(
          ExitCode.USAGE, "trace needs either --packet K or --flow \"A:P > B:Q\"");
    }
    if (packet != null && packet < 1) {
      throw new CommandException(
          ExitCode.USAGE, "--packet is " + packet + "; packets count from 1");
    }
    Configured configured = Configured.load(configuration.files, captures.workers, null);
    TraceFilter filter = packet != null ? TraceFilter.packet(packet) : TraceFilter.flow(flow);
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    TraceWitness witness = new TraceWitness(configured, filter, json, out);
    List<String> problems = play(configured, witness);
    if (witness.told() == 0) {
      List<String> lines = new ArrayList<>(problems);
      lines.add(
          packet != null
              ? "there is no packet " + packet + ": the captures have " + witness.frames()
              : "no packet of the captures belongs to the flow " + flow);
      throw new CommandException(ExitCode.INPUT, String.join("\n", lines));
    }
    if (!problems.isEmpty()) {
      throw new CommandException(ExitCode.INPUT, String.join("\n", problems));
    }
    return ExitCode.DONE;
  }

  private List<String> play(Configured configured, TraceWitness witness) throws CommandException {
    Path folder = null;
    try {
      folder = Files.createTempDirectory("portcullis-trace");
      ReplayPlan plan =
          new ReplayPlan(
              captures.files,
              folder,
              captures.clientPort,
              captures.serverPort,
              true,
              0,
              packet == null ? Long.MAX_VALUE : packet,
              witness,
              List.of());
      return ReplayRun.run(configured, plan, null, tally -> {}).problems();
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.FAILED, "the folder for temporary files cannot be used: " + e.getMessage());
    } finally {
      delete(folder);
    }
  }

  private static void delete(@Nullable Path folder) {
    if (folder == null) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path it : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(it);
      }
    } catch (IOException e) {
      // left behind in the folder for temporary files
    }
  }
}
