package dev.portcullis.io.neighbour;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.wire.IpAddress;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class NextHopsTest {

  private static final String YAML =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: t}
      spec:
        io:
          - name: a
            ports:
              - {name: lan, zone: lan, driver: packet, addresses: [10.0.0.1/8], packet: {device: e0}}
              - {name: wan, zone: wan, driver: packet, addresses: [203.0.113.1/24, "fd01::1/64"], packet: {device: e1}}
        routes:
          - {to: 0.0.0.0/0, port: wan, via: 203.0.113.254}
          - {to: 10.0.0.0/8, port: lan}
          - {to: 198.51.100.0/24, port: wan, via: 203.0.113.253}
          - {to: 198.51.100.128/25, port: wan}
          - {to: "::/0", port: wan, via: "fe80::1"}
        policy: p
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec:
        nat:
          source:
            - {name: out, from: [lan], to: [wan], translateTo: {addresses: [203.0.113.10, 203.0.113.11]}}
            - {name: in, to: [lan], translateTo: {addresses: [10.0.0.2]}}
          destination:
            - {name: www, from: [wan], destination: 203.0.113.12, translateTo: {address: 10.0.0.5}}
            - {name: any, destination: 198.18.0.1, translateTo: {address: 10.0.0.6}}
      """;

  private final GatewayConfig config =
      Objects.requireNonNull(ConfigLoader.parse("t.yaml", YAML).config());
  private final NextHops wan =
      new NextHops(config.gateway(), config.gateway().io().getFirst().ports().get(1));

  private @Nullable String hop(String to) {
    IpAddress it = Objects.requireNonNull(IpAddress.parse(to));
    IpAddress via = wan.find(it.version(), it.high(), it.low());
    return via == null ? null : via.toString();
  }

  @Test
  void shouldTakeTheLongestRouteOfThePortAndItsOwnNetworks() {
    assertEquals("203.0.113.254", hop("8.8.8.8"));
    assertNull(hop("203.0.113.77"), "in the network of the port");
    assertEquals("203.0.113.253", hop("198.51.100.1"));
    assertNull(hop("198.51.100.200"), "the longer route has no next hop");
    assertEquals("fe80::1", hop("2001:db8::1"));
    assertNull(hop("fd01::7"));
  }

  @Test
  void shouldAnswerForOwnAddressesAndForWhatTranslationUsesAtTheZone() {
    assertNotNull(config);
    assertEquals(
        List.of(
            "203.0.113.1", "fd01::1", "203.0.113.10", "203.0.113.11", "203.0.113.12", "198.18.0.1"),
        Answerable.of(config, config.gateway().io().getFirst().ports().get(1)).stream()
            .map(it -> it.address().toString())
            .toList());
    assertEquals(
        List.of("10.0.0.1", "10.0.0.2", "198.18.0.1"),
        Answerable.of(config, config.gateway().io().getFirst().ports().get(0)).stream()
            .map(it -> it.address().toString())
            .toList());
  }
}
