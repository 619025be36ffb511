package dev.portcullis.standalone.bench;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.process.ExitCode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * What {@code portcullis soak} runs: two hosts speak through a gateway of processes for a long
 * time; memory and tables must not grow, transactions not get lost, and the books balance at the
 * end. Thread: one run at a time.
 */
public final class Soak {

  private static final int WORKERS = 3;
  private static final int HEAP_MEGABYTES = 128;
  private static final String SERVER = "10.8.0.2";
  private static final double MIB = 1 << 20;
  private static final double MOST_LOST = 0.001;
  private static final long MINUTE_MS = 60_000;
  private static final int LEAST_REPORTS = 4;
  private static final int DRAIN_SECONDS = 30;

  private final PrintStream out;
  private final Map<Growth, List<Double>> samples = new LinkedHashMap<>();
  private long pings;
  private long pingsLost;
  private long done;
  private long lost;

  /**
   * Prepares.
   *
   * @param out where the lines go
   */
  public Soak(PrintStream out) {
    this.out = out;
  }

  /**
   * Runs and reports once a minute, in a short run four times.
   *
   * @param seconds how long, from 1
   * @param home folder in which the services were built
   * @return 0 when nothing grew, nothing got lost and the books balance; 1 when it cannot run here;
   *     3 otherwise
   */
  public int run(int seconds, Path home) {
    List<String> programs = new ArrayList<>(KernelRouter.PROGRAMS);
    programs.add("curl");
    try (Cleanup cleanup = new Cleanup()) {
      Command.require("soak", programs);
      Command.requireRoot("soak", "network namespaces and packet sockets");
      List<String> faults = soak(seconds, home, cleanup);
      faults.forEach(out::println);
      out.printf(
          Locale.ROOT,
          "soak %.1f minutes, %d transactions, %d lost: %s%n",
          seconds / 60.0,
          done,
          lost,
          faults.isEmpty() ? "passed" : "failed");
      return faults.isEmpty() ? ExitCode.DONE : ExitCode.FAILED;
    } catch (UnavailableException e) {
      System.err.println(e.getMessage());
      return ExitCode.INPUT;
    } catch (IOException e) {
      System.err.println("soak could not run: " + e.getMessage());
      return ExitCode.FAILED;
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      System.err.println("soak was interrupted.");
      return ExitCode.FAILED;
    }
  }

  private List<String> soak(int seconds, Path home, Cleanup cleanup)
      throws IOException, InterruptedException {
    KernelRouter router = KernelRouter.up(cleanup);
    SoakGateway gateway =
        SoakGateway.start(
            router, home, Unpacked.file("soak.yaml", cleanup), WORKERS, HEAP_MEGABYTES, cleanup);
    ChildProcess.start(List.of("soak-server"), List.of(), router::inSink, cleanup).ask("go");
    ChildProcess client =
        ChildProcess.start(List.of("soak-client", SERVER), List.of(), router::inGenerator, cleanup);
    WireGateway.awaitForwarding(router);
    client.ask("go");
    long start = System.nanoTime();
    long period = Math.min(MINUTE_MS, TimeUnit.SECONDS.toMillis(seconds) / LEAST_REPORTS);
    for (long at = period; at <= TimeUnit.SECONDS.toMillis(seconds); at += period) {
      long elapsed = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
      Thread.sleep(Math.max(0, at - elapsed));
      ping(router);
      report(at, gateway, client);
    }
    client.ask("stop");
    List<String> faults = new ArrayList<>(faults());
    faults.addAll(imbalance(gateway));
    return faults;
  }

  /** Pings count as transactions of the client do. */
  private void ping(KernelRouter router) throws InterruptedException {
    try {
      Command.run(router.inGenerator(List.of("ping", "-q", "-c", "1", "-W", "10", SERVER)), 30);
      pings++;
    } catch (IOException _) {
      pingsLost++;
    }
  }

  private void report(long atMs, SoakGateway gateway, ChildProcess client)
      throws IOException, InterruptedException {
    String[] transactions = client.ask("read").split(" ");
    done = pings + Long.parseLong(transactions[0]);
    lost = pingsLost + Long.parseLong(transactions[1]);
    SoakBooks books = gateway.books();
    long flows = books.sum(Counter.WORKER_FLOWS);
    long paths = books.sum(Counter.WORKER_PATHS);
    long nat = books.sum(Counter.WORKER_NAT_TUPLES);
    StringBuilder memory = new StringBuilder();
    for (Map.Entry<String, SoakGateway.Memory> it : gateway.memory().entrySet()) {
      double heap = it.getValue().heapBytes() / MIB;
      double resident = it.getValue().residentBytes() / MIB;
      sample(new Growth("the heap of " + it.getKey(), "MiB", 0.2, 4), heap);
      sample(new Growth("the memory of " + it.getKey(), "MiB", 0.2, 32), resident);
      memory.append(String.format(Locale.ROOT, " %s %.1f/%.0f", it.getKey(), heap, resident));
    }
    sample(new Growth("the number of flows", "flows", 0.5, 1000), flows);
    sample(new Growth("the number of path records", "records", 0.5, 1000), paths);
    sample(new Growth("the number of translated tuples", "tuples", 0.5, 1000), nat);
    out.printf(
        Locale.ROOT,
        "minute %.1f: transactions %d, lost %d, flows %d, paths %d, nat %d, dropped %d, heap/resident"
            + " MiB:%s%n",
        atMs / (double) MINUTE_MS,
        done,
        lost,
        flows,
        paths,
        nat,
        books.sum(Counter.PACKETS_DROPPED),
        memory);
  }

  private void sample(Growth of, double value) {
    samples.computeIfAbsent(of, _ -> new ArrayList<>()).add(value);
  }

  private List<String> faults() {
    List<String> faults = new ArrayList<>();
    samples.entrySet().stream()
        .map(it -> it.getKey().fault(it.getValue()))
        .filter(Objects::nonNull)
        .forEach(faults::add);
    if (done == 0 || lost > MOST_LOST * done) {
      faults.add(
          String.format(
              Locale.ROOT,
              "%d transactions of %d got lost; allowed is 1 in 1000, and some must be done.",
              lost,
              done + lost));
    }
    return faults;
  }

  /** Waits until nothing is on its way. */
  private static List<String> imbalance(SoakGateway gateway)
      throws IOException, InterruptedException {
    List<String> faults = gateway.books().faults();
    for (int second = 0; second < DRAIN_SECONDS && !faults.isEmpty(); second++) {
      Thread.sleep(1000);
      faults = gateway.books().faults();
    }
    return faults;
  }
}
