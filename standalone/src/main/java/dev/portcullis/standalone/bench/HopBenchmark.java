package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.List;

/**
 * B1: one hop of the packet link, from a sender process on core 0 to a receiver process on core 1,
 * against iperf3 on the same cores; bytes on the wire per second, counted where they arrive.
 */
final class HopBenchmark implements Benchmark {

  private static final Title TITLE =
      new Title("B1", "grpc-hop/iperf3", "64KiB", "0.50", "0.65", false);
  private static final int WARM_UP_WINDOW_MS = 700;
  private static final int RAMP_MS = 300;
  private static final int WINDOW_MS = 2000;
  private static final int DRAIN_MS = 200;

  @Override
  public Title title() {
    return TITLE;
  }

  @Override
  public Rig open() throws IOException, InterruptedException {
    Command.require("B1", List.of("iperf3", "ip", "taskset"));
    Command.requireRoot("B1", "network namespaces");
    Cleanup cleanup = new Cleanup();
    try {
      Namespace namespace = Namespace.create(cleanup);
      ChildProcess receiver =
          ChildProcess.start(
              List.of("hop-receiver"),
              List.of(),
              it -> namespace.inside(Pinning.onCore(1, it)),
              cleanup);
      ChildProcess sender =
          ChildProcess.start(
              List.of("hop-sender"),
              List.of(),
              it -> namespace.inside(Pinning.onCore(0, it)),
              cleanup);
      sender.ask("connect " + receiver.ask("listen 127.0.0.1 0"));
      HopRig rig = new HopRig(cleanup, receiver, sender, new Iperf3(namespace));
      WarmUp.run(() -> rig.hop(WARM_UP_WINDOW_MS));
      return rig;
    } catch (IOException | InterruptedException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }

  private record HopRig(Cleanup cleanup, ChildProcess receiver, ChildProcess sender, Iperf3 iperf3)
      implements Rig {

    @Override
    public double measure(Side side) throws IOException, InterruptedException {
      return side == Side.OURS ? hop(WINDOW_MS) : iperf3.measure(WINDOW_MS / 1000);
    }

    /** Returns the bytes per second of one window. */
    double hop(int windowMs) throws IOException, InterruptedException {
      sender.ask("go");
      Thread.sleep(RAMP_MS);
      Reading start = receiver.read("read");
      Thread.sleep(windowMs);
      Reading end = receiver.read("read");
      sender.ask("stop");
      Thread.sleep(DRAIN_MS);
      double rate = end.bytesPerSecond(start);
      if (rate <= 0) {
        throw new IOException("The hop carried nothing.");
      }
      return rate;
    }

    @Override
    public void close() {
      cleanup.close();
    }
  }
}
