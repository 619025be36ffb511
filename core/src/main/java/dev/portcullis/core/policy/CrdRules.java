package dev.portcullis.core.policy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a schema says beyond single fields: in CEL, the faults of {@link ConfigChecks}, {@link
 * PortChecks}, {@link PoolChecks} and {@link NatChecks} that can be told from one document alone
 * within the cost that Kubernetes allows. The rest is found by the operator, with the same checks.
 */
final class CrdRules {

  /** Bounds of lists: without them Kubernetes has to expect rules to cost too much. */
  static final Map<String, Integer> MOST =
      Map.of(
          "Io", 32,
          "PortSpec", 16,
          "Pool", 32,
          "TrafficClass", 64,
          "InlinePair", 64,
          "Route", 4096,
          "Rule", 16384,
          "SourceNat", 1024,
          "DestinationNat", 4096,
          "Schedule", PolicySpec.MAX_SCHEDULES);

  /** Texts that have a form. */
  static final Map<String, String> PATTERNS =
      Map.of(
          "device", "^[^/:\\s]{1,15}$",
          "mac", "^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$");

  private static final Map<String, List<Map<String, Object>>> RULES = new HashMap<>();

  static {
    rule(
        "PacketGateway",
        "self.metadata.name.matches('^[a-z]') && self.spec.io.all(i, size(self.metadata.name) +"
            + " size(i.name) <= 50)",
        "names of pods are made of metadata.name and the names in spec.io: the first begins with a"
            + " letter, and both together have up to 50 characters.");
    rule(
        "GatewaySpec",
        "has(self.routes) || has(self.inline) || self.io.exists(i, i.ports.exists(p, p.driver =="
            + " 'geneve' && has(p.geneve) && p.geneve.mode == 'gwlb'))",
        "both routes and inline are missing; one of them must be given.");
    rule(
        "GatewaySpec",
        "!has(self.inline) || self.inline.all(i, i.ports.all(p, self.io.exists(m,"
            + " m.ports.exists(q, q.name == p))))",
        "an inline pair names a port that is not there.");
    rule(
        "GatewaySpec",
        "!has(self.distribution) || !has(self.distribution.classes) ||"
            + " self.distribution.classes.all(c, c.pool == 'default' || has(self.pools) &&"
            + " self.pools.exists(p, p.name == c.pool))",
        "a class names a pool that is not there.");
    rule(
        "GatewaySpec",
        "self.path != 'recompute' || !has(self.distribution) || (self.distribution.algorithm !="
            + " 'least-loaded' && (!has(self.distribution.classes) ||"
            + " self.distribution.classes.all(c, c.algorithm != 'least-loaded' && c.detect =="
            + " 'none')))",
        "least-loaded and detect cannot be computed again from a reply; allowed with them is path:"
            + " record.");
    rule(
        "GatewaySpec",
        "self.io.all(i, !(i.name in ['worker', 'switch', 'config', 'ca']) && (!has(self.pools) ||"
            + " !self.pools.exists(p, p.name == i.name)))",
        "an IO module has the name of other pods; allowed is another than worker, switch, config,"
            + " ca and the pools.");
    rule(
        "GatewaySpec",
        "!has(self.pools) || !self.pools.exists(p, p.name in ['worker', 'switch', 'config',"
            + " 'ca'])",
        "a pool has the name of other pods; allowed is another than worker, switch, config and ca.");
    rule(
        "Workers",
        "type(self.quantity) == string ? (self.quantity == 'auto' || int(self.quantity) <="
            + " self.replicas) : int(self.quantity) <= self.replicas",
        "quantity is more than the replicas; allowed are auto and 1 to the replicas.");
    for (String type : List.of("Distribution", "TrafficClass")) {
      rule(
          type,
          "!has(self.weights) || self.algorithm in ['ip-sum', 'ip-sum-weighted']",
          "weights do nothing here; they are allowed with ip-sum-weighted only.");
      rule(
          type,
          "has(self.weights) ? size(self.weights) == 2 : self.algorithm != 'ip-sum-weighted'",
          "exactly two weights are allowed.");
      rule(
          type,
          "has(self.value) == (self.algorithm == 'expression')",
          "value must be given with expression, and is allowed with it only.");
    }
    rule(
        "TrafficClass",
        "has(self.tcp) || has(self.udp) || self.detect != 'none' || self.name in ['http', 'smtp',"
            + " 'pop3', 'imap', 'ftp', 'dns', 'tls']",
        "the class has no ports; allowed are tcp and udp lists, detect, or one of the names dns,"
            + " ftp, http, imap, pop3, smtp, tls.");
    rule(
        "TrafficClass",
        "self.detect == 'none' || (self.pool != 'default' && self.algorithm != 'least-loaded')",
        "a class with detect moves its flows to its pool; allowed is a pool other than default, and"
            + " any algorithm but least-loaded.");
    rule(
        "Pool",
        "!has(self.functions) || size(self.functions) == 0 || ('acl' in self.functions &&"
            + " 'stateful' in self.functions)",
        "the pool leaves out acl or stateful, so the policy would not hold there; allowed is to"
            + " leave out nat.");
    rule(
        "PortSpec",
        "self.driver == 'pcap' || self.driver == 'tun' && has(self.tun) || self.driver == 'packet'"
            + " && has(self.packet) || self.driver == 'vxlan' && has(self.vxlan) || self.driver =="
            + " 'geneve' && has(self.geneve)",
        "what the driver needs is missing; tun, packet, vxlan or geneve must be given.");
    rule(
        "PortSpec",
        "self.driver != 'vxlan' || !has(self.vxlan) || (self.vxlan.mode != 'gwlb' &&"
            + " has(self.vxlan.vni))",
        "a vxlan port needs vni, 0 to 16777215, and has no mode gwlb.");
    rule(
        "PortSpec",
        "self.driver != 'geneve' || !has(self.geneve) || self.geneve.mode == 'gwlb' ||"
            + " has(self.geneve.vni)",
        "the number of the virtual network is missing; allowed are 0 to 16777215.");
    rule(
        "TunnelSpec",
        "self.mode == 'gwlb' || !has(self.healthPort)",
        "health checks are not answered here; allowed is healthPort with mode: gwlb.");
    rule(
        "TunnelSpec",
        "self.learn || has(self.remotes) && size(self.remotes) > 0",
        "there are no endpoints, and learn is false; allowed are one or more, or learn: true.");
    rule(
        "Route",
        "!has(self.via) || self.via.contains(':') == self.to.contains(':')",
        "the next hop is of another family than the prefix.");
    rule(
        "Eve",
        "(self.to in ['file', 'socket']) == (has(self.path) && self.path != '')",
        "path must be given for a file or socket, and is allowed for them only.");
    rule(
        "Schedule",
        "self.from != self.to && self.from != '24:00'",
        "the time is empty; allowed is another begin, 00:00 to 24:00 for the whole day.");
    rule(
        "Schedule",
        "!has(self.startDate) || !has(self.endDate) || self.startDate <= self.endDate",
        "the last day is before the first.");
    rule(
        "Rule",
        "!(self.name in ['default', 'gone'])",
        "default and gone are what counters call flows of no rule; allowed is another name.");
    rule(
        "SourceNat",
        "(self.exempt ? 1 : 0) + (has(self.translateTo) && self.translateTo.interface ? 1 : 0) +"
            + " (has(self.translateTo) && has(self.translateTo.addresses) ? 1 : 0) == 1",
        "exactly one of exempt, translateTo.addresses and translateTo.interface is allowed.");
    rule(
        "SourceNat",
        "self.mapping == 'endpoint-independent' ? !has(self.translateTo) ||"
            + " !self.translateTo.interface : self.filtering == 'address-and-port-dependent'",
        "endpoint-independent mapping is allowed with translateTo.addresses, and another filtering"
            + " than address-and-port-dependent with it only.");
    rule(
        "DestinationNat",
        "self.destination.contains(':') == self.translateTo.address.contains(':')",
        "the address is of another family than the destination.");
  }

  private CrdRules() {}

  private static void rule(String type, String rule, String message) {
    RULES
        .computeIfAbsent(type, it -> new ArrayList<>())
        .add(CrdWriter.map("rule", rule, "message", message));
  }

  /** The rules of a record of the model, by its simple name. */
  static List<Map<String, Object>> of(String type) {
    return RULES.getOrDefault(type, List.of());
  }

  /** Adds how many items a list may have, by its key. */
  static void listBounds(String key, Map<String, Object> schema) {
    switch (key) {
      case "weights" -> schema.put("maxItems", 2);
      case "ports" -> {
        if (!schema.containsKey("maxItems")) {
          schema.put("minItems", 2);
          schema.put("maxItems", 2);
        }
      }
      case "functions" -> schema.put("maxItems", GatewaySpec.Function.values().length);
      default -> {}
    }
  }
}
