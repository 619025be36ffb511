package dev.portcullis.standalone.bench;

import java.io.IOException;

/**
 * B2: the gateway in memory, three processes, against the kernel's connection tracking and
 * masquerading; 64-byte frames, packets per second that arrive at the sink.
 */
final class GatewayBenchmark implements Benchmark {

  private static final Title TITLE = new Title("B2", "in-memory/kernel", "64B", "8", "16", false);
  private static final double WINDOW_SECONDS = 1.5;
  private static final KernelRouter.Traffic TRAFFIC =
      new KernelRouter.Traffic(InMemoryGateway.FRAME_BYTES, InMemoryGateway.FLOWS);

  @Override
  public Title title() {
    return TITLE;
  }

  @Override
  public Rig open() throws IOException, InterruptedException {
    Command.require("B2", KernelRouter.PROGRAMS);
    Command.requireRoot("B2", "network namespaces and BPF");
    Cleanup cleanup = new Cleanup();
    try {
      KernelRouter router = KernelRouter.up(cleanup);
      // fills the kernel's connection table
      router.measure(WINDOW_SECONDS, TRAFFIC, 0);
      return new GatewayRig(cleanup, InMemoryGateway.start(cleanup), router);
    } catch (IOException | InterruptedException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }

  private record GatewayRig(Cleanup cleanup, InMemoryGateway gateway, KernelRouter router)
      implements Rig {

    @Override
    public double measure(Side side) throws IOException, InterruptedException {
      return side == Side.OURS
          ? gateway.measure((int) (WINDOW_SECONDS * 1000)).packetsPerSecond()
          : router.measure(WINDOW_SECONDS, TRAFFIC, 0).rate();
    }

    @Override
    public void close() {
      cleanup.close();
    }
  }
}
