package dev.portcullis.core.topology;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.policy.ConfigLoader;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class TopologyTest {

  private static Topology of(String modules) {
    var loaded =
        ConfigLoader.parse(
            "gateway.yaml",
            """
            apiVersion: portcullis.dev/v1alpha1
            kind: PacketGateway
            metadata: {name: g}
            spec:
              io: [%s]
              inline: []
            """
                .formatted(modules));
    return Topology.of(Objects.requireNonNull(loaded.config(), loaded::toString).gateway());
  }

  @Test
  void shouldKnowTheFirstReplicaByTheNameOfItsPodAsWell() {
    Topology it = of("{name: a, replicas: 2, ports: []}, {name: b, ports: []}");
    assertEquals(ModuleId.io(0), it.io("a"));
    assertEquals(ModuleId.io(0), it.io("a-0"));
    assertEquals(ModuleId.io(1), it.io("a-1"));
    assertEquals(ModuleId.io(2), it.io("b-0"));
    assertNull(it.io("a-2"));
    assertNull(it.io("c-0"));
    assertNull(it.io("a-0-0"));
  }

  @Test
  void shouldPreferAModuleThatHasTheName() {
    Topology it = of("{name: a, ports: []}, {name: a-0, ports: []}");
    assertEquals(ModuleId.io(1), it.io("a-0"));
    assertEquals(ModuleId.io(1), it.io("a-0-0"));
  }
}
