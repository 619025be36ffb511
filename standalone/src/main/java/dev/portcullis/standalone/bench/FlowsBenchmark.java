package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.List;

/**
 * B3: the gateway in memory with 1,048,576 flows against itself with 8,192; 64-byte frames, packets
 * per second that arrive at the sink. What more flows cost is memory that is in no cache.
 */
final class FlowsBenchmark implements Benchmark {

  private static final Title TITLE =
      new Title("B3", "1M-flows/8K-flows", "64B", "0.6", "0.8", false);

  @Override
  public Title title() {
    return TITLE;
  }

  @Override
  public Rig open() throws IOException, InterruptedException {
    Command.require("B3", List.of("ip", "taskset"));
    Command.requireRoot("B3", "network namespaces");
    Cleanup cleanup = new Cleanup();
    try {
      return new TwoGateways(
          cleanup,
          InMemoryGateway.startLarge(cleanup, InMemoryGateway.MANY_FLOWS),
          InMemoryGateway.startLarge(cleanup, InMemoryGateway.FLOWS));
    } catch (IOException | InterruptedException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }
}
