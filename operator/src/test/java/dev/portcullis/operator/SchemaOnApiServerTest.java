package dev.portcullis.operator;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fabric8.kubernetes.client.KubernetesClientException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A real API server takes what the loader takes, and refuses at once what a schema can. */
class SchemaOnApiServerTest {

  private static final String GATEWAY =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: g}
      spec:
        workers: {replicas: 3}
        io: [{name: a, ports: [{name: lan, zone: lan}, {name: wan, zone: wan}]}]
        inline: [{name: pair, ports: [lan, wan]}]
      """;
  private static final String POLICY =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec:
        rules: [{name: r, from: lan, services: [web, {tcp: [80, 1000-2000]}], action: accept}]
        nat:
          source: [{name: out, translateTo: {addresses: [192.0.2.1]}}]
          destination: [{name: in, destination: 192.0.2.1, service: web, translateTo: {address: 10.0.0.1}}]
      """;

  private static ApiServer server;
  private static String namespace;

  @BeforeAll
  static void start() throws Exception {
    server = ApiServer.find();
    namespace = server.namespace();
  }

  @AfterAll
  static void stop() throws Exception {
    if (server != null) {
      server.close();
    }
  }

  @Test
  void shouldTakeEveryDocumentOfTheExamples() throws Exception {
    try (var files = Files.list(ApiServer.ROOT.resolve("examples"))) {
      for (Path file : files.filter(it -> it.toString().endsWith(".yaml")).sorted().toList()) {
        server.apply(namespace, Files.readString(file));
      }
    }
  }

  @Test
  void shouldTakeWhatTheRefusalsAreMadeFrom() {
    server.apply(namespace, GATEWAY);
    server.apply(namespace, POLICY);
  }

  @Test
  void shouldRefuseAGatewayWithFaults() {
    Map<String, String> faults = new TreeMap<>();
    faults.put("replicas: 3}|replicas: 0}", "greater than or equal to 1");
    faults.put("replicas: 3}|replicas: 3, quantity: 4}", "quantity is more than the replicas");
    faults.put("replicas: 3}|replicas: 3, quantity: most}", "quantity");
    faults.put("replicas: 3}|replicas: 3, shard: 4}", "field not declared in schema");
    faults.put("ports: [lan, wan]}|ports: [lan, dmz]}", "a port that is not there");
    faults.put("ports: [lan, wan]}|ports: [lan]}", "at least 2 items");
    faults.put("name: a, ports|name: worker, ports", "has the name of other pods");
    faults.put("name: a, ports|name: A, ports", "should match");
    faults.put("zone: wan}|zone: wan, driver: tun}", "what the driver needs is missing");
    faults.put(
        "zone: wan}|zone: wan, driver: vxlan, vxlan: {mode: gwlb}}", "a vxlan port needs vni");
    faults.put(
        "zone: wan}|zone: wan, driver: vxlan, vxlan: {vni: 1, learn: false}}",
        "there are no endpoints");
    faults.put(
        "zone: wan}|zone: wan, driver: packet, packet: {device: eth0, mac: '01:00:00:00:00:00'}}",
        "should match");
    faults.put("{name: wan, zone: wan}|{name: lan, zone: wan}", "duplicate");
    faults.put("  inline: [{name: pair, ports: [lan, wan]}]|", "both routes and inline");
    String more = "  inline: |";
    faults.put(more + "  distribution: {weights: [1]}\n  inline: ", "exactly two weights");
    faults.put(more + "  distribution: {algorithm: best}\n  inline: ", "supported values");
    faults.put(
        more + "  distribution: {algorithm: expression}\n  inline: ",
        "must be given with expression");
    faults.put(
        more + "  distribution: {classes: [{name: x}]}\n  inline: ", "the class has no ports");
    faults.put(
        more + "  distribution: {classes: [{name: http, pool: x}]}\n  inline: ",
        "a pool that is not there");
    faults.put(
        more + "  path: recompute\n  distribution: {algorithm: least-loaded}\n  inline: ",
        "path: record");
    faults.put(
        more + "  pools: [{name: x, base: 9, functions: [acl]}]\n  inline: ", "leaves out acl");
    faults.put(
        more + "  routes: [{to: 0.0.0.0/0, port: wan, via: '::1'}]\n  inline: ", "another family");
    faults.put(more + "  log: {eve: {to: file}}\n  inline: ", "path must be given");
    faults.put(more + "  limits: {flows: 1Zi}\n  inline: ", "should match");
    faults.put(more + "  timeouts: {icmp: 60}\n  inline: ", "icmp");
    faults.put("{name: g}|{name: 9g}", "begins with a letter");
    refuse(GATEWAY, faults);
  }

  @Test
  void shouldRefuseAPolicyWithFaults() {
    Map<String, String> faults = new TreeMap<>();
    faults.put("name: r, from|name: default, from", "allowed is another name");
    faults.put("action: accept|action: allow", "supported values");
    faults.put("{addresses: [192.0.2.1]}|{addresses: [192.0.2.1], interface: true}", "exactly one");
    faults.put("{addresses: [192.0.2.1]}|{addresses: [gateway]}", "should match");
    faults.put("{address: 10.0.0.1}|{address: 'fd00::1'}", "another family");
    faults.put("{address: 10.0.0.1}|{port: 80}", "Required value");
    faults.put(
        "  rules|  schedules: [{name: s, from: '08:00', to: '08:00'}]\n  rules",
        "the time is empty");
    faults.put("  rules|  schedules: [{name: s, from: '8:00'}]\n  rules", "should match");
    refuse(POLICY, faults);
  }

  private static void refuse(String good, Map<String, String> faults) {
    faults.forEach(
        (change, message) -> {
          List<String> parts = List.of(change.split("\\|", 2));
          String bad = good.replace(parts.get(0), parts.get(1));
          assertTrue(!bad.equals(good), change);
          var refused =
              assertThrows(
                  KubernetesClientException.class, () -> server.apply(namespace, bad), change);
          assertTrue(
              refused.getMessage().contains(message), () -> change + ": " + refused.getMessage());
        });
  }
}
