package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.List;

/**
 * B11: the gateway in memory with mutual TLS on its links against itself without; 64-byte frames,
 * packets per second that arrive at the sink.
 */
final class EncryptionBenchmark implements Benchmark {

  private static final Title TITLE = new Title("B11", "mtls/plaintext", "64B", "0.4", "0.6", false);

  @Override
  public Title title() {
    return TITLE;
  }

  @Override
  public Rig open() throws IOException, InterruptedException {
    Command.require("B11", List.of("ip", "taskset", "openssl"));
    Command.requireRoot("B11", "network namespaces");
    Cleanup cleanup = new Cleanup();
    try {
      return new TwoGateways(
          cleanup, InMemoryGateway.startEncrypted(cleanup), InMemoryGateway.start(cleanup));
    } catch (IOException | InterruptedException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }
}
