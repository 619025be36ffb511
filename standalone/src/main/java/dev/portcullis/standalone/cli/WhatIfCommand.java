package dev.portcullis.standalone.cli;

import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.standalone.replay.Json;
import dev.portcullis.standalone.whatif.Outlook;
import dev.portcullis.standalone.whatif.WhatIf;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code whatif}: other numbers of workers and other algorithms, over the flows of captures. */
@Command(
    name = "whatif",
    description =
        "Computes what algorithms and numbers of workers would do to the flows of captures: balance, moved flows, second hops.",
    mixinStandardHelpOptions = true)
final class WhatIfCommand implements Callable<Integer> {

  private static final Pattern RANGE = Pattern.compile("(\\d{1,4})(?:\\.\\.(\\d{1,4}))?");

  @Spec private @Nullable CommandSpec spec;

  @Mixin private GatewayFiles configuration = new GatewayFiles();

  @Option(
      names = "--capture",
      required = true,
      arity = "1..*",
      paramLabel = "FILE",
      description = "pcap or pcapng files.")
  private List<Path> captures = List.of();

  @Option(
      names = "--workers",
      paramLabel = "N..M",
      defaultValue = "1..8",
      description = "Numbers of workers: 5 or 3..16 (default: ${DEFAULT-VALUE}).")
  private String workers = "1..8";

  @Option(
      names = "--client-port",
      paramLabel = "PORT",
      description = "Port of the side that sends first (default: the first port).")
  private @Nullable String clientPort;

  @Option(names = "--json", description = "Prints one JSON object instead of a table.")
  private boolean json;

  @Override
  public Integer call() throws CommandException {
    Configured configured = Configured.load(configuration.files, null, null);
    int[] range = range(workers);
    int tag = clientTag(Topology.of(configured.config().gateway()));
    WhatIf whatIf = WhatIf.of(configured.config(), tag, captures);
    List<Outlook> outlooks = new ArrayList<>();
    for (Algorithm algorithm : whatIf.algorithms()) {
      for (int n = range[0]; n <= range[1]; n++) {
        outlooks.add(whatIf.outlook(algorithm, n));
      }
    }
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    if (json) {
      out.println(json(whatIf, outlooks));
    } else {
      table(whatIf, outlooks, out);
    }
    if (!whatIf.problems().isEmpty()) {
      throw new CommandException(ExitCode.INPUT, String.join("\n", whatIf.problems()));
    }
    return ExitCode.DONE;
  }

  private static int[] range(String text) throws CommandException {
    Matcher matcher = RANGE.matcher(text);
    if (matcher.matches()) {
      int first = Integer.parseInt(matcher.group(1));
      int last = matcher.group(2) == null ? first : Integer.parseInt(matcher.group(2));
      if (first >= 1 && first <= last && last <= Configured.MAX_WORKERS) {
        return new int[] {first, last};
      }
    }
    throw new CommandException(
        ExitCode.USAGE,
        "--workers is \""
            + text
            + "\"; allowed is a number or a range such as 3..16, from 1 to "
            + Configured.MAX_WORKERS);
  }

  private int clientTag(Topology topology) throws CommandException {
    List<String> ports =
        topology.interfaces().stream().map(LogicalInterface::port).distinct().toList();
    String port = clientPort == null ? ports.getFirst() : clientPort;
    if (!ports.contains(port)) {
      throw new CommandException(
          ExitCode.USAGE,
          "--client-port " + port + ": the gateway has no such port; allowed is one of " + ports);
    }
    return topology.ofPort(port).getFirst().tag();
  }

  private static void table(WhatIf whatIf, List<Outlook> outlooks, PrintWriter out) {
    out.printf(
        Locale.ROOT,
        "%,d packets, %,d flows, %,d of them accepted by the policy%n",
        whatIf.packets(),
        whatIf.flows(),
        whatIf.accepted());
    if (whatIf.untold() > 0) {
      out.printf(Locale.ROOT, "%,d packets of further flows are left out%n", whatIf.untold());
    }
    out.println();
    out.println(
        "                       busiest / mean      moved from N to N+1      second hops   state to");
    out.println(
        "algorithm           N   flows  packets       flows     share        flows   share     move");
    for (Outlook it : outlooks) {
      out.printf(
          Locale.ROOT,
          "%-16s%c %3d %7.2f %8.2f %,11d %8.1f %% %,12d %5.1f %% %8s%n",
          it.algorithm(),
          it.configured() ? '*' : ' ',
          it.workers(),
          it.busiestByFlows(),
          it.busiestByPackets(),
          it.moved(),
          it.movedShare() * 100,
          it.secondHops(),
          it.secondHopsShare() * 100,
          size(it.stateBytes()));
    }
    out.println();
    out.println("* what the configuration has");
    if (whatIf.looks()) {
      out.println("flows whose class only a look at them tells count where they begin");
    }
  }

  private static String size(long bytes) {
    return bytes < 10_240
        ? bytes + " B"
        : bytes < 10 << 20 ? (bytes >> 10) + " KiB" : (bytes >> 20) + " MiB";
  }

  private static String json(WhatIf whatIf, List<Outlook> outlooks) {
    Json json = new Json().open('{');
    json.key("packets").value(whatIf.packets()).key("flows").value(whatIf.flows());
    json.key("accepted").value(whatIf.accepted()).key("untold_packets").value(whatIf.untold());
    json.key("outlooks").open('[');
    for (Outlook it : outlooks) {
      json.open('{').key("algorithm").value(it.algorithm());
      json.key("configured").value(it.configured()).key("workers").value(it.workers());
      json.key("busiest_by_flows").value(it.busiestByFlows());
      json.key("busiest_by_packets").value(it.busiestByPackets());
      json.key("flows_moved").value(it.moved()).key("flows_moved_share").value(it.movedShare());
      json.key("second_hops").value(it.secondHops());
      json.key("second_hops_share").value(it.secondHopsShare());
      json.key("state_bytes").value(it.stateBytes()).close('}');
    }
    return json.close(']').close('}').toString();
  }
}
