package dev.portcullis.core.policy;

import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.expression.PassExpression;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.Prefix;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Checks what fields say about each other, and resolves references. One thread, used once. */
final class ConfigChecks {

  private static final Map<String, List<Integer>> KNOWN_TCP =
      Map.of(
          "http",
          List.of(80, 8080),
          "smtp",
          List.of(25, 587),
          "pop3",
          List.of(110),
          "imap",
          List.of(143),
          "ftp",
          List.of(21),
          "dns",
          List.of(53),
          "tls",
          List.of(443));

  private final ConfigLoader.Bound<GatewaySpec> gateway;
  private final Map<String, ConfigLoader.Bound<PolicySpec>> policies;
  private final Set<String> zones = new TreeSet<>();

  ConfigChecks(
      ConfigLoader.Bound<GatewaySpec> gateway,
      Map<String, ConfigLoader.Bound<PolicySpec>> policies) {
    this.gateway = gateway;
    this.policies = policies;
  }

  GatewayConfig check() {
    GatewaySpec spec = gateway(gateway.spec(), gateway.binder());
    PolicySpec chosen = new Binder("", new ArrayList<>()).record(PolicySpec.class, null, "spec");
    String wanted = spec.policy();
    if (wanted != null && !policies.containsKey(wanted)) {
      reference(gateway.binder(), "spec.policy", "policy", wanted, policies.keySet());
    }
    for (var bound : policies.values()) {
      PolicySpec resolved = policy(bound.spec(), bound.binder());
      chosen = bound.name().equals(wanted) ? resolved : chosen;
    }
    new PoolChecks(gateway.binder(), spec, chosen).check();
    return new GatewayConfig(gateway.name(), spec, chosen);
  }

  static void reference(
      Binder binder, String path, String what, String name, Collection<String> known) {
    if (!name.isEmpty() && !known.contains(name)) {
      binder.fault(
          path,
          "there is no "
              + what
              + " \""
              + name
              + "\""
              + Binder.didYouMean(name, known)
              + "; allowed are "
              + (known.isEmpty() ? "none, as none is defined" : String.join(", ", known))
              + ".");
    }
  }

  static void unique(Binder binder, String path, String name, Set<String> seen) {
    if (!name.isEmpty() && !seen.add(name)) {
      binder.fault(path, "the name \"" + name + "\" is there twice; a name is allowed once.");
    }
  }

  private GatewaySpec gateway(GatewaySpec s, Binder b) {
    Integer quantity = s.workers().quantity();
    if (quantity != null && quantity > s.workers().replicas()) {
      b.fault(
          "spec.workers.quantity",
          quantity
              + " is more than the replicas; allowed are auto and 1 to "
              + s.workers().replicas()
              + ".");
    }
    Set<String> pools = new TreeSet<>(Set.of("default"));
    for (int i = 0; i < s.pools().size(); i++) {
      unique(b, "spec.pools[" + i + "].name", s.pools().get(i).name(), pools);
    }
    Set<String> ports = new TreeSet<>();
    Set<String> modules = new HashSet<>();
    for (int i = 0; i < s.io().size(); i++) {
      unique(b, "spec.io[" + i + "].name", s.io().get(i).name(), modules);
      PortChecks.checkDevices(b, "spec.io[" + i + "].ports", s.io().get(i).ports());
      for (int j = 0; j < s.io().get(i).ports().size(); j++) {
        unique(
            b,
            "spec.io[" + i + "].ports[" + j + "].name",
            s.io().get(i).ports().get(j).name(),
            ports);
        zones.add(s.io().get(i).ports().get(j).zone());
        PortChecks.check(b, "spec.io[" + i + "].ports[" + j + "]", s.io().get(i).ports().get(j));
      }
    }
    zones.remove("");
    List<String> returning =
        s.io().stream()
            .flatMap(it -> it.ports().stream())
            .filter(GatewaySpec.PortSpec::isReturning)
            .map(GatewaySpec.PortSpec::name)
            .toList();
    for (int i = 0; i < s.routes().size(); i++) {
      GatewaySpec.Route route = s.routes().get(i);
      String at = "spec.routes[" + i + "]";
      reference(b, at + ".port", "port", String.valueOf(route.port()), ports);
      if (returning.contains(route.port())) {
        b.fault(
            at + ".port",
            "a port with mode: gwlb sends only what came in by it; allowed is no route to it.");
      }
      Prefix to = route.to() == null ? null : Prefix.parse(route.to());
      IpAddress via = route.via() == null ? null : IpAddress.parse(route.via());
      if (to != null && !to.isNetwork()) {
        b.fault(
            at + ".to", "\"" + to + "\" has bits set behind the prefix; allowed are zeros there.");
      }
      if (to != null && via != null && to.address().version() != via.version()) {
        b.fault(
            at + ".via",
            "the next hop is of another family than the prefix; allowed is IPv"
                + to.address().version()
                + ".");
      }
    }
    Set<String> paired = new HashSet<>();
    Set<String> pairs = new HashSet<>();
    for (int i = 0; i < s.inline().size(); i++) {
      GatewaySpec.InlinePair pair = s.inline().get(i);
      String at = "spec.inline[" + i + "]";
      unique(b, at + ".name", pair.name(), pairs);
      if (pair.ports().size() != 2) {
        b.fault(
            at + ".ports",
            "the pair has " + pair.ports().size() + " ports; exactly two are allowed.");
      }
      PortChecks.checkPair(
          b,
          at,
          s.io().stream()
              .flatMap(io -> io.ports().stream())
              .filter(it -> pair.ports().contains(it.name()))
              .toList());
      for (int j = 0; j < pair.ports().size(); j++) {
        reference(b, at + ".ports[" + j + "]", "port", pair.ports().get(j), ports);
        if (!pair.ports().get(j).isEmpty() && !paired.add(pair.ports().get(j))) {
          b.fault(
              at + ".ports[" + j + "]",
              "the port \""
                  + pair.ports().get(j)
                  + "\" is in a pair already; one pair is allowed.");
        }
      }
    }
    if (!b.has("spec.routes") && !b.has("spec.inline") && returning.isEmpty()) {
      b.fault("spec", "both routes and inline are missing; one of them must be given.");
    }
    log(s.log().eve(), b);
    String at = "spec.distribution";
    GatewaySpec.Distribution d = s.distribution();
    Algorithm main = algorithm(s, b, at, d.algorithm(), d.weights(), d.value());
    List<GatewaySpec.TrafficClass> classes = new ArrayList<>();
    Set<String> names = new HashSet<>(Set.of("default"));
    for (int i = 0; i < d.classes().size(); i++) {
      GatewaySpec.TrafficClass c = d.classes().get(i);
      String where = at + ".classes[" + i + "]";
      unique(b, where + ".name", c.name(), names);
      reference(b, where + ".pool", "pool", c.pool(), pools);
      boolean bare = c.tcpPorts().isEmpty() && c.udpPorts().isEmpty();
      List<Integer> tcp = bare ? KNOWN_TCP.getOrDefault(c.name(), List.of()) : c.tcpPorts();
      if (bare
          && tcp.isEmpty()
          && !c.name().isEmpty()
          && !b.has(where + ".detect")
          && !b.has(where + ".tcp")
          && !b.has(where + ".udp")) {
        b.fault(
            where,
            "the class \""
                + c.name()
                + "\" has no ports; allowed are tcp and udp lists, detect, or one of the names "
                + String.join(", ", new TreeSet<>(KNOWN_TCP.keySet()))
                + ".");
      }
      classes.add(
          new GatewaySpec.TrafficClass(
              c.name(),
              algorithm(s, b, where, c.algorithm(), c.weights(), c.value()),
              c.weights(),
              c.pool(),
              tcp,
              bare && c.name().equals("dns") ? List.of(53) : c.udpPorts(),
              c.value(),
              c.detect()));
    }
    return s.withDistribution(
        new GatewaySpec.Distribution(main, d.weights(), List.copyOf(classes), d.value()),
        s.pools());
  }

  /** Checks an algorithm with its parameters, and returns it. */
  private static Algorithm algorithm(
      GatewaySpec s,
      Binder b,
      String path,
      Algorithm algorithm,
      List<Integer> weights,
      @Nullable String value) {
    if (algorithm == Algorithm.LEAST_LOADED && s.path() == GatewaySpec.PathMode.RECOMPUTE) {
      b.fault(
          path + ".algorithm",
          "least-loaded cannot be computed again from a reply; allowed with it is path: record.");
    }
    if (algorithm == Algorithm.EXPRESSION) {
      String problem = PassExpression.compile(value == null ? "" : value).problem();
      if (problem != null) {
        b.fault(
            path + ".value",
            "the expression is wrong: "
                + problem
                + "; allowed are "
                + PassExpression.ALLOWED
                + ".");
      }
    } else if (value != null) {
      b.fault(path + ".value", "the value does nothing here; it is allowed with expression only.");
    }
    return weighted(b, path, algorithm, weights);
  }

  private static void log(GatewaySpec.Eve eve, Binder b) {
    boolean wanted =
        eve.to() == GatewaySpec.EveTarget.FILE || eve.to() == GatewaySpec.EveTarget.SOCKET;
    if (wanted && (eve.path() == null || eve.path().isEmpty())) {
      b.fault("spec.log.eve.path", "the path is missing; it must be given for a file or socket.");
    } else if (!wanted && eve.path() != null) {
      b.fault(
          "spec.log.eve.path",
          "a path does nothing here; it is allowed where spec.log.eve.to is file or socket.");
    }
  }

  private static Algorithm weighted(
      Binder b, String path, Algorithm algorithm, List<Integer> weights) {
    boolean given = b.has(path + ".weights");
    if (given && algorithm != Algorithm.IP_SUM && algorithm != Algorithm.IP_SUM_WEIGHTED) {
      b.fault(
          path + ".weights",
          "weights do nothing here; they are allowed with ip-sum-weighted only.");
    } else if ((given || algorithm == Algorithm.IP_SUM_WEIGHTED) && weights.size() != 2) {
      b.fault(
          path + ".weights",
          "there are " + weights.size() + " weights; exactly two numbers are allowed.");
    }
    return given && algorithm == Algorithm.IP_SUM ? Algorithm.IP_SUM_WEIGHTED : algorithm;
  }

  private PolicySpec policy(PolicySpec p, Binder b) {
    Set<String> addresses = new TreeSet<>();
    for (int i = 0; i < p.addresses().size(); i++) {
      unique(b, "spec.addresses[" + i + "].name", p.addresses().get(i).name(), addresses);
    }
    Map<String, PolicySpec.Service> services = new LinkedHashMap<>();
    for (int i = 0; i < p.services().size(); i++) {
      PolicySpec.Service service = p.services().get(i);
      String name = service.name();
      if (name == null || services.putIfAbsent(name, service) != null) {
        b.fault(
            "spec.services[" + i + "].name",
            name == null
                ? "the name is missing; it must be given."
                : "the name \"" + name + "\" is there twice; a name is allowed once.");
      }
    }
    Set<String> schedules = schedules(p, b);
    List<PolicySpec.Rule> rules = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (int i = 0; i < p.rules().size(); i++) {
      PolicySpec.Rule r = p.rules().get(i);
      String at = "spec.rules[" + i + "]";
      unique(b, at + ".name", r.name(), names);
      if (r.name().equals("default") || r.name().equals("gone")) {
        b.fault(
            at + ".name",
            "\""
                + r.name()
                + "\" is what counters call flows of no rule; allowed is another name.");
      }
      each(b, at + ".from", "zone", r.from(), zones);
      each(b, at + ".to", "zone", r.to(), zones);
      each(b, at + ".source", "address object", r.source(), addresses);
      each(b, at + ".destination", "address object", r.destination(), addresses);
      reference(
          b, at + ".schedule", "schedule", r.schedule() == null ? "" : r.schedule(), schedules);
      List<PolicySpec.Service> resolved = new ArrayList<>();
      for (int j = 0; j < r.services().size(); j++) {
        resolved.add(service(b, at + ".services[" + j + "]", r.services().get(j), services));
      }
      rules.add(
          new PolicySpec.Rule(
              r.name(),
              r.from(),
              r.to(),
              r.source(),
              r.destination(),
              List.copyOf(resolved),
              r.action(),
              r.log(),
              r.schedule()));
    }
    return new PolicySpec(
        p.defaultAction(),
        p.defaultLog(),
        p.addresses(),
        p.services(),
        p.schedules(),
        List.copyOf(rules),
        new NatChecks(b, gateway.spec(), zones, addresses, services).check(p.nat()),
        p.helpers());
  }

  private static Set<String> schedules(PolicySpec p, Binder b) {
    Set<String> names = new TreeSet<>();
    if (p.schedules().size() > PolicySpec.MAX_SCHEDULES) {
      b.fault(
          "spec.schedules",
          p.schedules().size()
              + " schedules are too many; allowed are "
              + PolicySpec.MAX_SCHEDULES
              + ".");
    }
    for (int i = 0; i < p.schedules().size(); i++) {
      PolicySpec.Schedule it = p.schedules().get(i);
      String at = "spec.schedules[" + i + "]";
      unique(b, at + ".name", it.name(), names);
      if (it.from().equals(it.to()) || it.from().equals("24:00")) {
        b.fault(
            at + ".from",
            "a time from "
                + it.from()
                + " to "
                + it.to()
                + " is empty; allowed is another begin, 00:00 to 24:00 for the whole day.");
      }
      if (it.startDate() != null
          && it.endDate() != null
          && it.startDate().compareTo(it.endDate()) > 0) {
        b.fault(
            at + ".endDate",
            "the last day is before the first; allowed is " + it.startDate() + " or later.");
      }
    }
    return names;
  }

  static void each(Binder b, String path, String what, List<String> names, Set<String> known) {
    for (int i = 0; i < names.size(); i++) {
      String at = b.has(path + "[" + i + "]") ? path + "[" + i + "]" : path;
      if (!what.startsWith("address") || Prefix.parse(names.get(i)) == null) {
        reference(b, at, what, names.get(i), known);
      }
    }
  }

  static PolicySpec.Service service(
      Binder b, String path, PolicySpec.Service s, Map<String, PolicySpec.Service> known) {
    String name = s.name();
    if (name == null) {
      return s;
    }
    reference(b, path, "service", name, known.keySet());
    return known.getOrDefault(name, s);
  }
}
