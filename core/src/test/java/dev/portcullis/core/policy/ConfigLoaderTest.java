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
            .replace("ip-sum", "least-busy")
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

  private static List<Fault> faults(String distribution, String policySpec) {
    return whole(distribution + "}", policySpec);
  }

  /** Faults of a distribution, whose last brace is given, with more fields behind it. */
  private static List<Fault> whole(String distribution, String policySpec) {
    return ConfigLoader.parse(
            "g",
            """
            apiVersion: portcullis.dev/v1alpha1
            kind: PacketGateway
            metadata: {name: g}
            spec:
              distribution: {DISTRIBUTION
              io: [{name: io-a, ports: [{name: lan, zone: lan}, {name: wan, zone: wan}]}]
              inline: [{name: bump, ports: [lan, wan]}]
              policy: p
            ---
            apiVersion: portcullis.dev/v1alpha1
            kind: GatewayPolicy
            metadata: {name: p}
            spec: {POLICY}
            """
                .replace("DISTRIBUTION", distribution)
                .replace("POLICY", policySpec))
        .faults();
  }

  private static void assertFault(String message, List<Fault> faults) {
    assertEquals(1, faults.size(), faults::toString);
    assertTrue(faults.getFirst().toString().contains(message), faults::toString);
  }

  @Test
  void shouldSayWhereAnExpressionIsWrong() {
    assertEquals(List.of(), faults("algorithm: expression, value: src + dst", ""));
    assertFault(
        "g:5: spec.distribution.value: the expression is wrong: 1:7: undeclared reference to 'dest'",
        faults("algorithm: expression, value: src + dest", ""));
    assertFault("there is no expression", faults("algorithm: expression", ""));
    assertFault("allowed with expression only", faults("value: src", ""));
    assertFault(
        "spec.distribution.classes[0].value",
        faults("classes: [{name: http, algorithm: expression, value: src && 1}]", ""));
  }

  private static List<Fault> faultsOfPorts(String ports) {
    return ConfigLoader.parse(
            "g",
            """
            apiVersion: portcullis.dev/v1alpha1
            kind: PacketGateway
            metadata: {name: g}
            spec:
              io: [{name: io-a, ports: [PORTS]}]
              inline: [{name: bump, ports: [lan, wan]}]
            """
                .replace("PORTS", ports))
        .faults();
  }

  @Test
  void shouldCheckWhatDevicesOfPortsSayAboutEachOther() {
    String wan = ", {name: wan, zone: wan, driver: packet, packet: {device: eth1}}";
    String lan = "{name: lan, zone: lan, driver: packet, packet: {device: eth0";
    assertEquals(List.of(), faultsOfPorts(lan + "}}" + wan));
    assertFault(
        "g:5: spec.io[0].ports[0].packet: the interface of the port is missing",
        faultsOfPorts("{name: lan, zone: lan, driver: packet}" + wan));
    assertFault(
        "spec.io[0].ports[0].tun: the device of the port is missing",
        faultsOfPorts(
            "{name: lan, zone: lan, driver: tun}, {name: wan, zone: wan, driver: tun, tun: {device: t0}}"));
    assertFault(
        "spec.io[0].ports[0].packet.mac: \"01:00:5e:00:00:01\" is no MAC address of a station",
        faultsOfPorts(lan + ", mac: \"01:00:5e:00:00:01\"}}" + wan));
    assertFault(
        "packet.device: \"a/b\" is no name of a device",
        faultsOfPorts(lan.replace("eth0", "a/b") + "}}" + wan));
    assertFault(
        "spec.io[0].ports[1]: the device \"eth1\" is that of another port already",
        faultsOfPorts(lan.replace("eth0", "eth1") + "}}" + wan));
    assertFault(
        "spec.inline[0].ports: one port has a link layer (packet, vxlan, geneve) and the other has none (tun)",
        faultsOfPorts("{name: lan, zone: lan, driver: tun, tun: {device: t0}}" + wan));
  }

  @Test
  void shouldCheckWhatIsSaidOfTunnels() {
    String wan = ", {name: wan, zone: wan, driver: geneve, geneve: {vni: 7}}";
    String lan = "{name: lan, zone: lan, driver: vxlan, vxlan: {";
    assertEquals(List.of(), faultsOfPorts(lan + "vni: 0}}" + wan));
    assertFault(
        "g:5: spec.io[0].ports[0].vxlan: the tunnel of the port is missing",
        faultsOfPorts("{name: lan, zone: lan, driver: vxlan}" + wan));
    assertFault(
        "spec.io[0].ports[0].vxlan.vni: the number of the virtual network is missing",
        faultsOfPorts(lan + "port: 4789}}" + wan));
    assertFault(
        "vxlan.vni: \"16777216\" is not allowed; allowed is a number from 0 to 16777215.",
        faultsOfPorts(lan + "vni: 16777216}}" + wan));
    assertFault(
        "vxlan.mode: gwlb does not go with vxlan",
        faultsOfPorts(lan + "vni: 1, mode: gwlb}}" + wan));
    assertFault(
        "vxlan.healthPort: health checks are not answered here",
        faultsOfPorts(lan + "vni: 1, healthPort: 80}}" + wan));
    assertFault(
        "vxlan.remotes: there are no endpoints, and learn is false",
        faultsOfPorts(lan + "vni: 1, learn: false}}" + wan));
    assertFault(
        "vxlan.remotes[1]: the endpoint is of another family than local; allowed is IPv4.",
        faultsOfPorts(lan + "vni: 1, remotes: [192.0.2.1, \"2001:db8::1\"]}}" + wan));
    assertFault(
        "spec.io[0].ports[1]: the UDP port 6081 of 0.0.0.0 is that of another port already",
        faultsOfPorts(lan + "vni: 1, port: 6081}}" + wan));
  }

  @Test
  void shouldKnowThatAPortPastTheKernelsStackIsNoEndOfAWire() {
    assertFault(
        "spec.inline[0].ports: a port with packet.xdp keeps no VLAN tags and takes only what is for"
            + " itself; allowed is no pair with it.",
        faultsOfPorts(
            "{name: lan, zone: lan, driver: packet, packet: {device: eth1, xdp: true}},"
                + " {name: wan, zone: wan, driver: packet, packet: {device: eth2}}"));
  }

  @Test
  void shouldKnowThatAPortThatReturnsPacketsHasNoOtherWays() {
    String gwlb = "{name: lan, zone: lan, driver: geneve, geneve: {mode: gwlb}}";
    assertFault(
        "spec.inline[0].ports: a port with mode: gwlb returns what it takes in",
        faultsOfPorts(gwlb + ", {name: wan, zone: wan, driver: vxlan, vxlan: {vni: 1}}"));
    String text =
        """
        apiVersion: portcullis.dev/v1alpha1
        kind: PacketGateway
        metadata: {name: g}
        spec:
          io: [{name: io-a, ports: [PORT]}]
        """
            .replace("PORT", gwlb);
    assertEquals(List.of(), ConfigLoader.parse("g", text).faults());
    assertFault(
        "spec.routes[0].port: a port with mode: gwlb sends only what came in by it",
        ConfigLoader.parse("g", text + "  routes: [{to: 0.0.0.0/0, port: lan}]\n").faults());
  }

  @Test
  void shouldReadIcmpTypesWithCodesAndProtocolsByName() {
    var result =
        ConfigLoader.parse(
            "g",
            """
            apiVersion: portcullis.dev/v1alpha1
            kind: PacketGateway
            metadata: {name: g}
            spec:
              io: [{name: io-a, ports: [{name: lan, zone: lan}, {name: wan, zone: wan}]}]
              inline: [{name: bump, ports: [lan, wan]}]
              policy: p
            ---
            apiVersion: portcullis.dev/v1alpha1
            kind: GatewayPolicy
            metadata: {name: p}
            spec:
              services: [{name: s, icmp: [8, 3/4], icmpv6: ["128/0"], protocols: [esp, gre, 89]}]
            """);
    assertEquals(List.of(), result.faults());
    assertNotNull(result.config());
    PolicySpec.Service service = result.config().policy().services().getFirst();
    assertEquals(
        List.of(new PolicySpec.IcmpMatch(8, -1), new PolicySpec.IcmpMatch(3, 4)), service.icmp());
    assertEquals(List.of(new PolicySpec.IcmpMatch(128, 0)), service.icmpv6());
    assertEquals(List.of(50, 47, 89), service.protocols());
    assertFault(
        "\"espp\" is not a protocol, did you mean \"esp\"?",
        faults("", "services: [{name: s, protocols: [espp]}]"));
    assertFault("is not a type", faults("", "services: [{name: s, icmp: [3/256]}]"));
  }

  @Test
  void shouldRefuseARuleWithTheNameOfTheDefaultAction() {
    assertFault(
        "\"default\" is what counters call flows of no rule",
        faults("", "rules: [{name: default, action: drop}]"));
  }

  @Test
  void shouldCheckSchedules() {
    String whole = "schedules: [{name: s, days: [mon, fri], from: '22:00', to: '06:00'}], rules: ";
    assertEquals(List.of(), faults("", whole + "[{name: r, action: accept, schedule: s}]"));
    assertFault(
        "there is no schedule \"t\"",
        faults("", whole + "[{name: r, action: accept, schedule: t}]"));
    assertFault("is not a time of day", faults("", "schedules: [{name: s, from: '7:00'}]"));
    assertFault("is not a time zone", faults("", "schedules: [{name: s, timezone: Mars}]"));
    assertFault("is not a date", faults("", "schedules: [{name: s, endDate: 2026-02-30}]"));
    assertFault("is empty", faults("", "schedules: [{name: s, from: '07:00', to: '07:00'}]"));
    assertFault(
        "the last day is before the first",
        faults("", "schedules: [{name: s, startDate: 2026-02-02, endDate: 2026-01-01}]"));
    assertFault("is not known, did you mean", faults("", "schedules: [{name: s, days: [mo]}]"));
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

  @Test
  void shouldRefuseClassesThatCannotBeToldByLooking() {
    String pools =
        "classes: [{name: a, detect: http, pool: web}]}\n  pools: [{name: web, base: 9}]";
    assertEquals(List.of(), whole(pools, ""));
    assertFault(
        "allowed is a pool other than default", faults("classes: [{name: a, detect: tls}]", ""));
    assertFault("\"htp\" is not known", faults("classes: [{name: a, detect: htp}]", ""));
    assertFault(
        "another class detects http already",
        whole(pools.replace("web}]}", "web}, {name: b, detect: http, pool: web}]}"), ""));
    assertFault(
        "allowed with detect is any other algorithm",
        whole(pools.replace("detect", "algorithm: least-loaded, detect"), ""));
    assertFault("allowed with detect is path: record", whole(pools + "\n  path: recompute", ""));
  }

  @Test
  void shouldRefuseAPoolThatLeavesOutWhatThePolicyNeeds() {
    String nat =
        "nat: {source: [{name: n, from: lan, to: wan, translateTo: {addresses: [192.0.2.1]}}]}";
    String byLook =
        "classes: [{name: a, detect: http, pool: web}]}\n  pools: [{name: web, base: 9, ";
    String byPort = byLook.replace("detect: http", "tcp: [80]");
    assertEquals(List.of(), whole(byLook + "functions: [acl, stateful]}]", nat));
    assertEquals(List.of(), whole(byPort + "functions: [acl, stateful]}]", ""));
    assertEquals(List.of(), whole(byPort + "functions: [acl, stateful, nat]}]", nat));
    assertFault(
        "the class \"a\" brings it flows by their ports",
        whole(byPort + "functions: [acl, stateful]}]", nat));
    assertFault("leaves out acl", whole(byLook + "functions: [stateful, nat]}]", ""));
    assertFault("leaves out stateful", whole(byLook + "functions: [acl]}]", ""));
    assertFault("\"ips\" is not known", whole(byLook + "functions: [acl, stateful, ips]}]", ""));
  }
}
