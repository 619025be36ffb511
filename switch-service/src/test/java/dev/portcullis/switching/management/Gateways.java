package dev.portcullis.switching.management;

import dev.portcullis.core.management.ModuleHello;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.GatewaySpec.Driver;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.policy.GatewaySpec.Io;
import dev.portcullis.core.policy.GatewaySpec.Pool;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Configurations and hellos for tests: IO modules with the ports lan (tag 0) and wan (tag 1). */
final class Gateways {

  static final String YAML = "kind: PacketGateway\n";

  private Gateways() {}

  static GatewaySpec gateway(int replicas, @Nullable Integer quantity, Pool... pools) {
    return new GatewaySpec(
        new GatewaySpec.Workers(replicas, quantity, 1),
        new GatewaySpec.Distribution(Algorithm.IP_SUM, List.of(1, 1), List.of()),
        List.of(pools),
        List.of(
            new Io(
                "io-a", 1, List.of(new PortSpec("lan", "lan", Driver.PCAP, List.of(), 1500, null))),
            new Io(
                "io-b",
                1,
                List.of(new PortSpec("wan", "wan", Driver.PCAP, List.of(), 1500, null)))),
        List.of(),
        List.of(),
        new GatewaySpec.Switch(GatewaySpec.SwitchMode.MODULE),
        GatewaySpec.Replication.NONE,
        GatewaySpec.Exceptions.all(ExceptionAction.DROP),
        GatewaySpec.PathMode.RECORD,
        new GatewaySpec.Timeouts(1, 1, 1, 1, 1, 1, 1, 1, 1),
        new GatewaySpec.Limits(1, 1, 1, GatewaySpec.LinkFull.DROP),
        GatewaySpec.OnPolicyChange.KEEP,
        null);
  }

  static ModuleHello worker(int number, long generation) {
    return ModuleHello.worker(number, generation, "127.0.0.1", 7000 + number, 1);
  }

  static ModuleHello lan() {
    return ModuleHello.io(0, 1, Map.of("lan", 0));
  }
}
