package dev.portcullis.switching.management;

import dev.portcullis.core.management.ModuleHello;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Pool;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Configurations and hellos for tests: IO modules with the ports lan (tag 0) and wan (tag 1). */
final class Gateways {

  static final String YAML = "kind: PacketGateway\n";

  private static final GatewaySpec DEFAULTS = spec("switch: {mode: module}");

  private Gateways() {}

  private static GatewaySpec spec(String more) {
    return Objects.requireNonNull(
            ConfigLoader.parse(
                    "defaults",
                    """
                      apiVersion: portcullis.dev/v1alpha1
                      kind: PacketGateway
                      metadata: {name: defaults}
                      spec:
                        io:
                          - {name: io-a, ports: [{name: lan, zone: lan}]}
                          - {name: io-b, ports: [{name: wan, zone: wan}]}
                        inline: [{name: bump, ports: [lan, wan]}]
                        %s
                      """
                        .formatted(more))
                .config())
        .gateway();
  }

  static GatewaySpec gateway(int replicas, @Nullable Integer quantity, Pool... pools) {
    return DEFAULTS
        .withDistribution(DEFAULTS.distribution(), List.of(pools))
        .withWorkers(new GatewaySpec.Workers(replicas, quantity, 1));
  }

  /** Without switches between the workers. */
  static GatewaySpec mesh(int replicas) {
    return spec("switch: {mode: mesh}").withWorkers(new GatewaySpec.Workers(replicas, null, 1));
  }

  static ModuleHello worker(int number, long generation) {
    return ModuleHello.worker(number, generation, "127.0.0.1", 7000 + number, 1);
  }

  static ModuleHello lan() {
    return ModuleHello.io(0, 1, Map.of("lan", 0));
  }
}
