package dev.portcullis.worker.stage.emit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.worker.policy.Egress;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class PortReplicasTest {

  private static final int LAN_0 = 0;
  private static final int LAN_1 = 1;
  private static final int LAN_2 = 2;
  private static final int WAN = 3;

  private final PortReplicas replicas =
      new PortReplicas(egress("routes: [{to: 0.0.0.0/0, port: wan}]"));

  private static Egress egress(String ways) {
    GatewaySpec spec =
        Objects.requireNonNull(
                ConfigLoader.parse(
                        "replicas",
                        """
                        apiVersion: portcullis.dev/v1alpha1
                        kind: PacketGateway
                        metadata: {name: replicas}
                        spec:
                          io:
                            - {name: io-a, replicas: 3, ports: [{name: lan, zone: lan}]}
                            - {name: io-b, ports: [{name: wan, zone: wan}]}
                          %s
                        """
                            .formatted(ways))
                    .config())
            .gateway();
    return new Egress(spec, Topology.of(spec));
  }

  private Set<Integer> leavesBy(int tag) {
    Set<Integer> tags = new TreeSet<>();
    for (long v = 0; v < 100; v++) {
      tags.add(replicas.of(tag, v));
    }
    return tags;
  }

  @Test
  void shouldLeaveByTheReplicaOfTheFlowWhileNobodyIsKnownToBeThere() {
    assertEquals(Set.of(LAN_1), leavesBy(LAN_1));
    assertEquals(Set.of(WAN), leavesBy(WAN));
  }

  @Test
  void shouldShareTheFlowsOfAReplicaThatIsAwayAmongThoseThatAreThere() {
    replicas.stream(0, true);
    replicas.stream(2, true);
    assertEquals(Set.of(LAN_0, LAN_2), leavesBy(LAN_1));
    assertEquals(Set.of(LAN_0), leavesBy(LAN_0));
  }

  @Test
  void shouldLeaveByTheReplicaOfTheFlowAgainWhenItIsBack() {
    replicas.stream(0, true);
    replicas.stream(1, true);
    replicas.stream(1, false);
    assertEquals(Set.of(LAN_0), leavesBy(LAN_1));
    replicas.stream(1, true);
    assertEquals(Set.of(LAN_1), leavesBy(LAN_1));
  }

  @Test
  void shouldLeaveByNoReplicaThatIsAboutToEndUntilItsNextLifeIsThere() {
    replicas.stream(0, true);
    replicas.stream(1, true);
    replicas.leaves(1);
    assertEquals(Set.of(LAN_0), leavesBy(LAN_1));
    replicas.stream(1, false);
    replicas.stream(1, true);
    assertEquals(Set.of(LAN_1), leavesBy(LAN_1));
  }

  @Test
  void shouldWaitForTheReplicaOfTheFlowWhereNoOtherIsThere() {
    replicas.stream(1, true);
    replicas.leaves(1);
    assertEquals(Set.of(LAN_1), leavesBy(LAN_1));
  }

  @Test
  void shouldNotLeaveByAnotherWireThanThePartnerOfAnInlinePort() {
    PortReplicas wires = new PortReplicas(egress("inline: [{name: bump, ports: [lan, wan]}]"));
    wires.stream(0, true);
    wires.stream(2, true);
    assertEquals(LAN_1, wires.of(LAN_1, 7));
  }
}
