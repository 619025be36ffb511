package dev.portcullis.worker.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.IpAddress;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AddressTranslationsTest {

  private static AddressTranslations of(String nat) {
    String yaml =
        """
        apiVersion: portcullis.dev/v1alpha1
        kind: PacketGateway
        metadata: {name: g}
        spec:
          io: [{name: io, ports: [{name: lan, zone: lan, driver: pcap}, {name: wan, zone: wan, driver: pcap}]}]
          routes: [{to: "::/0", port: wan}]
          policy: p
        ---
        apiVersion: portcullis.dev/v1alpha1
        kind: GatewayPolicy
        metadata: {name: p}
        spec:
          nat: {NAT}
        """
            .replace("NAT", nat);
    var result = ConfigLoader.parse("g.yaml", yaml);
    GatewayConfig config =
        Objects.requireNonNull(result.config(), () -> result.faults().toString());
    return new AddressTranslations(
        config.policy().nat(), new Egress(config.gateway(), Topology.of(config.gateway())));
  }

  private static AddressTranslations prefix(String internal, String external) {
    return of(
        "prefix: [{name: p, zones: [wan], internal: \"%s\", external: \"%s\"}]"
            .formatted(internal, external));
  }

  private static IpAddress out(AddressTranslations it, String address) {
    IpAddress a = Objects.requireNonNull(IpAddress.parse(address));
    return Objects.requireNonNull(it.toExternal(1, a.version(), a.high(), a.low()));
  }

  private static IpAddress in(AddressTranslations it, IpAddress a) {
    return Objects.requireNonNull(it.toInternal(1, a.version(), a.high(), a.low()));
  }

  @Test
  void shouldTranslateAsTheExampleOfRfc6296() {
    // section 3.6
    AddressTranslations it = prefix("fd01:203:405::/48", "2001:db8:1::/48");
    IpAddress external = out(it, "fd01:203:405:1::1234");
    assertEquals("2001:db8:1:d550::1234", external.toString());
    assertEquals("fd01:203:405:1::1234", in(it, external).toString());
  }

  @ParameterizedTest
  @CsvSource({
    "fd01:203:405::/48,2001:db8:1::/48",
    "fd00::/8,2000::/8",
    "fd01:203:400::/40,2001:db8:100::/40",
    "fd01:203:405:8000::/52,2001:db8:1:4000::/52",
    "fd01:203:405:6::/64,2001:db8:1:2::/64"
  })
  void shouldChangeNoChecksumAndComeBack(String internal, String external) {
    AddressTranslations it = prefix(internal, external);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    IpAddress base = Egress.prefix(internal).address();
    int length = Egress.prefix(internal).length();
    for (int i = 0; i < 10_000; i++) {
      long high = length == 64 ? base.high() : base.high() | random.nextLong() >>> length;
      long low = random.nextLong();
      if (length <= 48 && (high & 0xffff) == 0xffff) {
        continue;
      }
      IpAddress out = Objects.requireNonNull(it.toExternal(1, 6, high, low));
      assertEquals(
          Checksum.NO_CHANGE, Checksum.change(high, low, out.high(), out.low()), "seed " + seed);
      assertEquals(new IpAddress(6, high, low), in(it, out), "seed " + seed);
    }
  }

  @Test
  void shouldSkipWordsOfOnesBehindLongPrefixes() {
    AddressTranslations it = prefix("fd01:203:405:6::/64", "2001:db8:1:2::/64");
    IpAddress out = out(it, "fd01:203:405:6:ffff:1:2:3");
    assertEquals(0xffff, out.low() >>> 48);
    assertEquals("fd01:203:405:6:ffff:1:2:3", in(it, out).toString());
    assertSame(AddressTranslations.NO_COUNTERPART, out(it, "fd01:203:405:6:ffff:ffff:ffff:ffff"));
  }

  @Test
  void shouldHaveNoCounterpartForASubnetOfOnes() {
    AddressTranslations it = prefix("fd01:203:405::/48", "2001:db8:1::/48");
    assertSame(AddressTranslations.NO_COUNTERPART, out(it, "fd01:203:405:ffff::1"));
  }

  @Test
  void shouldKeepTheBitsBehindAStaticPrefix() {
    AddressTranslations it =
        of("static: [{name: a, zones: [wan], external: 198.18.0.0/15, internal: 10.2.0.0/15}]");
    assertEquals("198.19.7.8", out(it, "10.3.7.8").toString());
    assertNotNull(it.toInternal(1, 4, 0, 0xc6120001L));
    assertNull(it.toInternal(0, 4, 0, 0xc6120001L), "not from this zone");
    assertNull(it.toExternal(1, 4, 0, 0x0a040001L), "not in the prefix");
  }
}
