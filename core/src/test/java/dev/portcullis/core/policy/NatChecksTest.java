package dev.portcullis.core.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NatChecksTest {

  private static final Path ROOT =
      Files.isDirectory(Path.of("examples")) ? Path.of("") : Path.of("..");

  @ParameterizedTest
  @ValueSource(strings = {"endpoint-independent", "static-nat"})
  void shouldLoadTheExamplesOfNat(String example) {
    var result = ConfigLoader.load(List.of(ROOT.resolve("examples/" + example + ".yaml")));
    assertEquals(List.of(), result.faults());
  }

  private static List<String> faults(String example, String... changes) throws Exception {
    String yaml = Files.readString(ROOT.resolve("examples/" + example + ".yaml"));
    for (int i = 0; i < changes.length; i += 2) {
      assertTrue(yaml.contains(changes[i]), changes[i]);
      yaml = yaml.replace(changes[i], changes[i + 1]);
    }
    return ConfigLoader.parse("g.yaml", yaml).faults().stream().map(Fault::toString).toList();
  }

  private static void shouldSay(List<String> faults, String path, String what) {
    assertEquals(1, faults.size(), faults::toString);
    assertTrue(
        faults.getFirst().contains(" " + path + ": ") && faults.getFirst().contains(what),
        faults::toString);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"ip-sum", "flow-hash", "ip-source, classes: [{name: http, algorithm: ip-source}]"})
  void shouldRefuseEndpointIndependentMappingWhereASenderHasMoreThanOneWorker(String algorithm)
      throws Exception {
    shouldSay(
        faults("endpoint-independent", "algorithm: ip-source", "algorithm: " + algorithm),
        "spec.nat.source[0].mapping",
        "allowed is spec.distribution.algorithm: ip-source without classes");
  }

  @Test
  void shouldRefuseFilteringThatNoMappingCanHave() throws Exception {
    shouldSay(
        faults("endpoint-independent", "        mapping: endpoint-independent\n", ""),
        "spec.nat.source[0].filtering",
        "or mapping: endpoint-independent");
  }

  @Test
  void shouldRefuseTwoMappingsOnOneAddress() throws Exception {
    shouldSay(
        faults(
            "endpoint-independent",
            "      - name: peers",
            "      - {name: dns, services: [{udp: [53]}], translateTo: {addresses: [203.0.113.11]}}\n"
                + "      - name: peers"),
        "spec.nat.source[1].translateTo.addresses",
        "203.0.113.11 has another mapping in the rule \"dns\"");
  }

  @Test
  void shouldRefuseMappingsOnTheGatewaysOwnAddress() throws Exception {
    shouldSay(
        faults("endpoint-independent", "203.0.113.10,", "203.0.113.1,"),
        "spec.nat.source[0].translateTo.addresses",
        "203.0.113.1 is the gateway's own");
  }

  @Test
  void shouldRefusePortsThatNotEveryWorkerHasSomeOf() throws Exception {
    shouldSay(
        faults("static-nat", "interface: true", "interface: true, ports: 40000-40063"),
        "spec.nat.source[1].translateTo.ports",
        "allowed are at least 192 ports");
  }

  @Test
  void shouldRefuseARuleThatTranslatesToNothingOrToTwoThings() throws Exception {
    shouldSay(
        faults("static-nat", "interface: true", "interface: false"),
        "spec.nat.source[1].translateTo.addresses",
        "or translateTo.interface or exempt be true");
    shouldSay(
        faults("static-nat", "interface: true", "interface: true, addresses: [203.0.113.9]"),
        "spec.nat.source[1]",
        "exactly one is allowed");
  }

  @Test
  void shouldRefuseTheInterfaceOfAPortWithoutAddress() throws Exception {
    shouldSay(
        faults("static-nat", ", addresses: [203.0.113.1/24, \"2001:db8:0:1::1/64\"]", ""),
        "spec.nat.source[1].translateTo.interface",
        "the port \"wan\" has no address");
  }

  @Test
  void shouldRefusePrefixesThatDoNotFit() throws Exception {
    shouldSay(
        faults("static-nat", "internal: 10.0.9.0/28", "internal: 10.0.9.0/27"),
        "spec.nat.static[0].internal",
        "prefixes of one family and length");
    shouldSay(
        faults("static-nat", "external: 203.0.113.32/28", "external: 203.0.113.33/28"),
        "spec.nat.static[0].external",
        "bits set behind the prefix");
    List<String> v4 =
        faults(
            "static-nat",
            "external: \"2001:db8:1::/48\", internal: \"fd00:1::/48\"",
            "external: 192.0.2.0/24, internal: 10.1.2.0/24");
    assertEquals(2, v4.size(), v4::toString);
    assertTrue(v4.getFirst().contains("IPv6 prefixes of up to 64 bits"), v4::toString);
  }

  @Test
  void shouldRefuseAStaticAddressThatIsInAPool() throws Exception {
    shouldSay(
        faults("static-nat", "interface: true", "addresses: [203.0.113.33]"),
        "spec.nat.static[0].external",
        "is translated to by the rule \"rest\"");
  }
}
