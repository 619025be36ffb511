package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.List;

/**
 * B7: bytes that the three processes of the gateway in memory allocate on their Java heaps per
 * packet that arrives at the sink. The reference is 1: the line gives bytes, not a ratio.
 */
final class AllocationBenchmark implements Benchmark {

  private static final Title TITLE = new Title("B7", "bytes-allocated/packet", "", "6", "2", true);
  private static final int WINDOW_MS = 1500;

  @Override
  public Title title() {
    return TITLE;
  }

  @Override
  public Rig open() throws IOException, InterruptedException {
    Command.require("B7", List.of("ip", "taskset"));
    Command.requireRoot("B7", "network namespaces");
    Cleanup cleanup = new Cleanup();
    try {
      return new AllocationRig(cleanup, InMemoryGateway.start(cleanup));
    } catch (IOException | InterruptedException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }

  private record AllocationRig(Cleanup cleanup, InMemoryGateway gateway) implements Rig {

    @Override
    public double measure(Side side) throws IOException, InterruptedException {
      return side == Side.OURS ? gateway.measure(WINDOW_MS).allocatedBytesPerPacket() : 1;
    }

    @Override
    public void close() {
      cleanup.close();
    }
  }
}
