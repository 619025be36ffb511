package dev.portcullis.standalone.bench;

import java.io.IOException;

/** Two gateways in memory that are measured beside one another: packets per second at the sink. */
record TwoGateways(Cleanup cleanup, InMemoryGateway ours, InMemoryGateway reference)
    implements Rig {

  private static final int WINDOW_MS = 1500;

  @Override
  public double measure(Side side) throws IOException, InterruptedException {
    return (side == Side.OURS ? ours : reference).measure(WINDOW_MS).packetsPerSecond();
  }

  @Override
  public void close() {
    cleanup.close();
  }
}
