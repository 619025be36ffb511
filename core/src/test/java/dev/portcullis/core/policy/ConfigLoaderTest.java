package dev.portcullis.core.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.wire.IpAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConfigLoaderTest {

  private static final Path ROOT =
      Files.isDirectory(Path.of("examples")) ? Path.of("") : Path.of("..");

  @Test
  void shouldLoadBranchExample() {
    var result = ConfigLoader.load(List.of(ROOT.resolve("examples/branch.yaml")));
    assertEquals(List.of(), result.faults());
    GatewayConfig config = result.config();
    assertNotNull(config);
    assertEquals(3, config.gateway().workers().replicas());
    assertEquals(
        new PolicySpec.PortRange(80, 80),
        config.policy().rules().getFirst().services().getFirst().tcp().getFirst());
    assertEquals(8080, config.policy().nat().destination().getFirst().toPort());
  }

  @Test
  void shouldLoadTransparentExample() {
    var result = ConfigLoader.load(List.of(ROOT.resolve("examples/transparent.yaml")));
    assertEquals(List.of(), result.faults());
    assertNotNull(result.config());
    assertEquals(
        GatewaySpec.Exceptions.all(GatewaySpec.ExceptionAction.PASS),
        result.config().gateway().exceptions());
  }

  @Test
  void shouldReportFiveFaultsInFiveLines() throws Exception {
    String yaml =
        Files.readString(ROOT.resolve("examples/branch.yaml"))
            .replace(
                "driver: pcap, addresses: [10.0.0.1/8]", "driver: pcpa, addresses: [10.0.0.1/8]")
            .replace("port: lan}", "port: lann}")
            .replace("ip-sum", "least-loaded")
            .replace("shards: 1", "shards: 17")
            .replace("policy: branch-policy", "policy: branch-polcy");
    var faults = ConfigLoader.parse("g.yaml", yaml).faults();
    assertEquals(5, faults.size(), faults::toString);
    assertTrue(
        faults
            .get(2)
            .toString()
            .startsWith(
                "g.yaml:11: spec.io[0].ports[0].driver: \"pcpa\" is not known, did you mean \"pcap\"?"),
        faults::toString);
  }

  @Test
  void shouldReportSyntaxErrorWithItsLine() {
    assertEquals(3, ConfigLoader.parse("x", "a: 1\nb: [\n").faults().getFirst().line());
  }

  @Test
  void shouldWantAPathForEventsExactlyWhereOneIsUsed() throws Exception {
    String yaml = Files.readString(ROOT.resolve("examples/branch.yaml"));
    for (String eve : List.of("to: file", "to: socket", "to: stdout, path: x", "path: x")) {
      var faults =
          ConfigLoader.parse(
                  "g", yaml.replaceFirst("(?m)^spec:$", "spec:\n  log: {eve: {" + eve + "}}"))
              .faults();
      assertEquals(1, faults.size(), eve + faults);
      assertEquals("spec.log.eve.path", faults.getFirst().path());
    }
  }

  @Test
  void shouldReportEmptyFile() {
    assertEquals(1, ConfigLoader.parse("x", "").faults().size());
  }

  @Test
  void shouldFormatIpv6AsRfc5952() {
    assertEquals("2001:db8::1:0:0:1", String.valueOf(IpAddress.parse("2001:0DB8:0:0:1:0:0:1")));
  }

  @Test
  void shouldHaveCurrentReference() throws Exception {
    String command =
        "regenerate with: mvn -pl core test -Dtest=ConfigLoaderTest -DargLine=-Dportcullis.regenerate=true";
    Path gateway = ROOT.resolve("docs/reference/gateway.md");
    Path policy = ROOT.resolve("docs/reference/gatewaypolicy.md");
    if (Boolean.getBoolean("portcullis.regenerate")) {
      Files.writeString(gateway, ReferenceWriter.gateway());
      Files.writeString(policy, ReferenceWriter.gatewayPolicy());
    }
    assertEquals(ReferenceWriter.gateway(), Files.readString(gateway), command);
    assertEquals(ReferenceWriter.gatewayPolicy(), Files.readString(policy), command);
  }
}
