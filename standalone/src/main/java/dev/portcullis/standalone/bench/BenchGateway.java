package dev.portcullis.standalone.bench;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.topology.Topology;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The configuration of a gateway of the benchmarks, the same in all of its processes.
 *
 * @param config gateway and policy
 * @param topology its logical interfaces
 */
record BenchGateway(GatewayConfig config, Topology topology) {

  /** Epoch of the only table there is. */
  private static final int EPOCH = 1;

  /** The gateway in memory. */
  static final String IN_MEMORY = "gateway.yaml";

  /** A router between {@code r0} and {@code r1}. */
  static final String ON_WIRES = "wire.yaml";

  /** A router between {@code tun-lan} and {@code tun-wan}. */
  static final String ON_TUN_DEVICES = "tun.yaml";

  /** Reads one of the configurations. */
  static BenchGateway load(String resource) throws IOException {
    try (InputStream in = BenchGateway.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IOException("The program was built without its resource " + resource + ".");
      }
      String yaml = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      ConfigLoader.Result read = ConfigLoader.parse(resource, yaml);
      GatewayConfig config = read.config();
      if (config == null) {
        throw new IOException("The resource " + resource + " has faults: " + read.faults());
      }
      return new BenchGateway(config, Topology.of(config.gateway()));
    }
  }

  /** Returns the table with one worker that listens at {@code host} and {@code port}. */
  DistributionTable table(String host, int port) {
    return DistributionTable.of(
        config.gateway(), EPOCH, EPOCH - 1, List.of(new Member(0, 1, host, port, 1)));
  }
}
