package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What {@code portcullis bench} runs: prints one line per benchmark to the given stream, progress
 * and what is missing to standard error. Thread: one run at a time.
 */
public final class Bench {

  /** The option that measures without asking the gate; the lines then say {@code ungated}. */
  public static final String NO_GATE = "--no-gate";

  private static final int PAIRS = 7;

  /** Enough for a machine that is busy five windows out of six. */
  private static final int MOST_TRIES = 12 * PAIRS;

  private static final int PROBE_MS = 100;
  private static final int PROBE_LIMIT_PERCENT = 12;
  private static final long PAUSE_MS = 1000;

  private final List<Benchmark> benchmarks;
  private final @Nullable Gate gate;
  private final long pauseMs;

  /** Makes the benchmark as the command line starts it. */
  public Bench() {
    this(
        List.of(
            new HopBenchmark(),
            new GatewayBenchmark(),
            new FlowsBenchmark(),
            WireBenchmark.small(),
            WireBenchmark.large(),
            new TcpBenchmark(),
            new AllocationBenchmark(),
            LatencyBenchmark.median(),
            LatencyBenchmark.tail(),
            WireBenchmark.opening(),
            new EncryptionBenchmark(),
            new ScaleBenchmark(),
            new ReplicationBenchmark("async", ReplicationBenchmark.Load.KNOWN_FLOWS),
            new ReplicationBenchmark("async", ReplicationBenchmark.Load.NEW_FLOWS),
            new ReplicationBenchmark("async", ReplicationBenchmark.Load.TCP),
            new ReplicationBenchmark("sync", ReplicationBenchmark.Load.KNOWN_FLOWS),
            new ReplicationBenchmark("sync", ReplicationBenchmark.Load.NEW_FLOWS),
            new ReplicationBenchmark("sync", ReplicationBenchmark.Load.TCP)),
        new SpinProbe(Pinning.CORES, PROBE_MS, PROBE_LIMIT_PERCENT),
        PAUSE_MS);
  }

  /** Makes one of other benchmarks and another gate. */
  Bench(List<Benchmark> benchmarks, @Nullable Gate gate, long pauseMs) {
    this.benchmarks = benchmarks;
    this.gate = gate;
    this.pauseMs = pauseMs;
  }

  /** Returns the ids of all benchmarks there are, in order. */
  public List<String> ids() {
    return benchmarks.stream().map(it -> it.title().id()).toList();
  }

  /**
   * Runs benchmarks and prints a line for each.
   *
   * @param arguments ids, in upper or lower case, none: all; {@link #NO_GATE} anywhere among them
   * @param out where the lines go
   * @return 0 when every line has its ratio; 1 when one could not be measured here; 2 for an id
   *     that does not exist; 3 when what was measured failed
   */
  public int run(List<String> arguments, PrintStream out) {
    boolean gated = true;
    List<Benchmark> chosen = new ArrayList<>();
    for (String argument : arguments) {
      if (argument.equals(NO_GATE)) {
        gated = false;
        continue;
      }
      List<Benchmark> found = find(argument);
      if (found.isEmpty()) {
        System.err.println(
            "There is no benchmark %s; there are %s and the option %s."
                .formatted(argument, String.join(", ", ids()), NO_GATE));
        return 2;
      }
      chosen.addAll(found);
    }
    int exit = 0;
    for (Benchmark benchmark : chosen.isEmpty() ? benchmarks : chosen) {
      exit = Math.max(exit, run(benchmark, gated, out));
    }
    return exit;
  }

  /** Benchmarks with an id: {@code B8} has two lines, {@code B8-p50} and {@code B8-p99}. */
  private List<Benchmark> find(String id) {
    return benchmarks.stream()
        .filter(
            it ->
                it.title().id().equalsIgnoreCase(id)
                    || it.title().id().replaceFirst("-.*", "").equalsIgnoreCase(id))
        .toList();
  }

  private int run(Benchmark benchmark, boolean gated, PrintStream out) {
    Title title = benchmark.title();
    try (Rig rig = benchmark.open()) {
      PairedRun run =
          new PairedRun(
              rig,
              gated ? gate : null,
              PAIRS,
              MOST_TRIES,
              pauseMs,
              line -> System.err.println(title.id() + " " + line));
      PairedRun.Result result = run.run();
      out.println(BenchLine.of(title, result, rig.remark()));
      if (!result.enough()) {
        System.err.printf(
            Locale.ROOT,
            "%s has too few valid pairs after %d windows: other work takes the cores of this"
                + " machine.%n",
            title.id(),
            result.tries());
        return 1;
      }
      return 0;
    } catch (UnavailableException e) {
      System.err.println(e.getMessage());
      return 1;
    } catch (IOException e) {
      System.err.println(title.id() + " could not be measured: " + e.getMessage());
      return 3;
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      System.err.println(title.id() + " was interrupted.");
      return 3;
    }
  }
}
