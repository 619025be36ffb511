package dev.portcullis.standalone.cli;

import dev.portcullis.standalone.bench.Bench;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code bench}: ratios against the kernel and iperf3 on this machine. */
@Command(
    name = "bench",
    description = "Measures the gateway beside the kernel and iperf3, interleaved in one run.",
    mixinStandardHelpOptions = true)
final class BenchCommand implements Callable<Integer> {

  @Parameters(
      paramLabel = "ID",
      arity = "0..*",
      description = "Which benchmarks: B1 to B8, B10 to B12, async, sync (default: all).")
  private List<String> ids = List.of();

  @Option(
      names = "--no-gate",
      description = "Takes windows even if the machine is busy; marks the lines.")
  private boolean noGate;

  @Override
  public Integer call() {
    List<String> arguments = new ArrayList<>(ids);
    if (noGate) {
      arguments.add(Bench.NO_GATE);
    }
    return new Bench().run(arguments, System.out);
  }
}
