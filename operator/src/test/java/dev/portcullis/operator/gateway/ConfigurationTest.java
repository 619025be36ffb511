package dev.portcullis.operator.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ConfigurationTest {

  private static final String GATEWAY =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: g}
      spec:
        workers: {replicas: 3}
        io: [{name: a, ports: [{name: lan, zone: lan}, {name: wan, zone: wan}]}]
        inline: [{name: pair, ports: [lan, wan]}]
        policy: p
      """;
  private static final String POLICY =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec: {rules: [{name: r, from: [lan], action: accept}]}
      """;

  @Test
  void shouldTakeWhatHasNoFaults() {
    Configuration it = Configuration.choose(GATEWAY, POLICY, "");
    assertEquals(0, it.faults().size());
    assertEquals(GATEWAY + "---\n" + POLICY, it.source());
  }

  @Test
  void shouldGoOnWithThePolicyBeforeAndStillScale() {
    String stored = Configuration.choose(GATEWAY, POLICY, "").source();
    Configuration it =
        Configuration.choose(
            GATEWAY.replace("replicas: 3", "replicas: 5"),
            POLICY.replace("[lan]", "[lam]"),
            stored);
    assertNotNull(it.config());
    assertEquals(5, it.config().gateway().workers().replicas());
    assertEquals("r", it.config().policy().rules().getFirst().name());
    assertTrue(it.faults().getFirst().message().contains("did you mean \"lan\"?"), it::toString);
  }

  @Test
  void shouldGoOnWithAllThatWasBeforeWhereTheGatewayIsWrong() {
    String stored = Configuration.choose(GATEWAY, POLICY, "").source();
    Configuration it = Configuration.choose(GATEWAY.replace("[lan, wan]", "[lan]"), POLICY, stored);
    assertEquals(stored, it.source());
    assertEquals(1, it.faults().size());
  }

  @Test
  void shouldHaveNothingWhereNothingWasEverRight() {
    Configuration it = Configuration.choose(GATEWAY, "", "");
    assertNull(it.config());
    assertTrue(it.faults().getFirst().message().contains("there is no policy"), it::toString);
  }
}
