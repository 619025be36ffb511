package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * B8: how much longer a round trip of a UDP datagram takes through the gateway than through the
 * kernel's masquerading, at a tenth of the load that the gateway carries, against a round trip
 * through two pipes.
 */
final class LatencyBenchmark implements Benchmark {

  private static final double LOAD = 0.1;
  private static final int ROUND_TRIPS = 1500;
  private static final int SECONDS = 3;
  private static final String SERVER = "10.8.0.2";
  private static final int FRAME_BYTES = InMemoryGateway.FRAME_BYTES;

  private final Title title;

  /** Which of the two figures that a run of rtt prints. */
  private final int field;

  private LatencyBenchmark(Title title, int field) {
    this.title = title;
    this.field = field;
  }

  /** The median. */
  static LatencyBenchmark median() {
    return new LatencyBenchmark(
        new Title("B8-p50", "added-round-trip/pipe", "10% load", "3", "2", true), 0);
  }

  /** The 99th percentile. */
  static LatencyBenchmark tail() {
    return new LatencyBenchmark(
        new Title("B8-p99", "added-round-trip/pipe", "10% load", "8", "5", true), 1);
  }

  @Override
  public Title title() {
    return title;
  }

  @Override
  public Rig open() throws IOException, InterruptedException {
    Command.require("B8", KernelRouter.PROGRAMS);
    Command.requireRoot("B8", "network namespaces, BPF and packet sockets");
    Cleanup cleanup = new Cleanup();
    try {
      Path rtt = Unpacked.program("rtt.c", cleanup);
      KernelRouter kernel = KernelRouter.up(cleanup);
      KernelRouter wires = WireGateway.onWires(cleanup);
      KernelRouter.Traffic ours =
          new KernelRouter.Traffic(WireGateway.MAC, FRAME_BYTES, InMemoryGateway.FLOWS, false);
      Throughput capacity = new Throughput(wires, ours, 1, () -> {});
      capacity.warmUp();
      double load = LOAD * capacity.rate();
      for (KernelRouter it : List.of(kernel, wires)) {
        echo(it, rtt, cleanup);
      }
      return new LatencyRig(
          cleanup,
          field,
          rtt,
          new Way(wires, ours, load),
          new Way(kernel, new KernelRouter.Traffic(FRAME_BYTES, InMemoryGateway.FLOWS), load));
    } catch (IOException | InterruptedException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }

  private static void echo(KernelRouter router, Path rtt, Cleanup cleanup) throws IOException {
    Process echo =
        Command.builder(router.inSink(List.of(rtt.toString(), "echo")))
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    cleanup.add(echo::destroyForcibly);
  }

  /** A way between two hosts, and what else goes by it. */
  private record Way(KernelRouter router, KernelRouter.Traffic traffic, double load) {

    double roundTripNs(Path rtt, int field) throws IOException, InterruptedException {
      Process background = router.send(SECONDS, traffic, load);
      try {
        List<String> ping = List.of(rtt.toString(), "ping", SERVER, "" + ROUND_TRIPS);
        return figure(Command.run(router.inGenerator(ping), 30), field);
      } finally {
        background.destroy();
        background.waitFor();
      }
    }
  }

  private static double figure(String printed, int field) {
    return Double.parseDouble(printed.strip().split(" ")[field]);
  }

  private record LatencyRig(Cleanup cleanup, int field, Path rtt, Way gateway, Way kernel)
      implements Rig {

    @Override
    public double measure(Side side) throws IOException, InterruptedException {
      if (side == Side.REFERENCE) {
        return figure(Command.run(List.of(rtt.toString(), "pipe", "" + ROUND_TRIPS), 30), field);
      }
      double added = gateway.roundTripNs(rtt, field) - kernel.roundTripNs(rtt, field);
      return Math.max(1, added);
    }

    @Override
    public void close() {
      cleanup.close();
    }
  }
}
