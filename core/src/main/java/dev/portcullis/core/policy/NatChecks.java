package dev.portcullis.core.policy;

import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.Prefix;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Checks the translations of a policy, and resolves their references. One thread, used once. */
final class NatChecks {

  /** Ports that one worker owns together: as in the worker's port blocks. */
  private static final int BLOCK = 64;

  private final Binder b;
  private final GatewaySpec gateway;
  private final Set<String> zones;
  private final Set<String> addresses;
  private final Map<String, PolicySpec.Service> services;
  private final Set<String> names = new HashSet<>();

  NatChecks(
      Binder binder,
      GatewaySpec gateway,
      Set<String> zones,
      Set<String> addresses,
      Map<String, PolicySpec.Service> services) {
    this.b = binder;
    this.gateway = gateway;
    this.zones = zones;
    this.addresses = addresses;
    this.services = services;
  }

  PolicySpec.Nat check(PolicySpec.Nat nat) {
    List<PolicySpec.SourceNat> sources = new ArrayList<>();
    for (int i = 0; i < nat.source().size(); i++) {
      sources.add(source("spec.nat.source[" + i + "]", nat.source().get(i)));
    }
    sharedAddresses(nat.source());
    names.clear();
    List<PolicySpec.DestinationNat> destinations = new ArrayList<>();
    for (int i = 0; i < nat.destination().size(); i++) {
      destinations.add(destination("spec.nat.destination[" + i + "]", nat.destination().get(i)));
    }
    names.clear();
    for (int i = 0; i < nat.statics().size(); i++) {
      PolicySpec.StaticNat it = nat.statics().get(i);
      String at = "spec.nat.static[" + i + "]";
      ConfigChecks.unique(b, at + ".name", it.name(), names);
      ConfigChecks.each(b, at + ".zones", "zone", it.zones(), zones);
      prefixes(at, it.external(), it.internal());
      notInPool(at, it.external(), nat.source());
    }
    names.clear();
    for (int i = 0; i < nat.prefixes().size(); i++) {
      PolicySpec.PrefixNat it = nat.prefixes().get(i);
      String at = "spec.nat.prefix[" + i + "]";
      ConfigChecks.unique(b, at + ".name", it.name(), names);
      ConfigChecks.each(b, at + ".zones", "zone", it.zones(), zones);
      prefixes(at, it.external(), it.internal());
      for (String side : List.of("external", "internal")) {
        Prefix prefix = Prefix.parse(side.equals("external") ? it.external() : it.internal());
        if (prefix != null && (prefix.address().version() != 6 || prefix.length() > 64)) {
          b.fault(
              at + "." + side,
              "\"" + prefix + "\" is not allowed; allowed are IPv6 prefixes of up to 64 bits.");
        }
      }
      notInPool(at, it.external(), nat.source());
    }
    return new PolicySpec.Nat(
        List.copyOf(sources), List.copyOf(destinations), nat.statics(), nat.prefixes());
  }

  private PolicySpec.SourceNat source(String at, PolicySpec.SourceNat n) {
    ConfigChecks.unique(b, at + ".name", n.name(), names);
    ConfigChecks.each(b, at + ".from", "zone", n.from(), zones);
    ConfigChecks.each(b, at + ".to", "zone", n.to(), zones);
    ConfigChecks.each(b, at + ".source", "address object", n.source(), addresses);
    ConfigChecks.each(b, at + ".destination", "address object", n.destination(), addresses);
    List<PolicySpec.Service> resolved = new ArrayList<>();
    for (int j = 0; j < n.services().size(); j++) {
      resolved.add(
          ConfigChecks.service(b, at + ".services[" + j + "]", n.services().get(j), services));
    }
    if (n.addresses().stream().map(NatChecks::family).distinct().count() > 1) {
      b.fault(at + ".translateTo.addresses", "IPv4 and IPv6 are mixed; allowed is one family.");
    }
    int ways =
        (n.exempt() ? 1 : 0)
            + (n.byInterface() ? 1 : 0)
            + (b.has(at + ".translateTo.addresses") ? 1 : 0);
    if (ways == 0 || !n.exempt() && !n.byInterface() && n.addresses().isEmpty()) {
      b.fault(
          at + ".translateTo.addresses",
          "the field is missing; it must be given, or translateTo.interface or exempt be true.");
    } else if (ways > 1) {
      b.fault(
          at,
          "the rule has more than one of exempt, translateTo.addresses and translateTo.interface;"
              + " exactly one is allowed.");
    }
    interfaces(at, n);
    ports(at, n);
    mapping(at, n);
    return new PolicySpec.SourceNat(
        n.name(),
        n.from(),
        n.to(),
        n.source(),
        n.destination(),
        List.copyOf(resolved),
        n.exempt(),
        n.addresses(),
        n.byInterface(),
        n.ports(),
        n.preservePorts(),
        n.mapping(),
        n.filtering());
  }

  private void interfaces(String at, PolicySpec.SourceNat n) {
    for (GatewaySpec.Io io : gateway.io()) {
      for (GatewaySpec.PortSpec port : io.ports()) {
        if (n.byInterface() && n.to().contains(port.zone()) && port.addresses().isEmpty()) {
          b.fault(
              at + ".translateTo.interface",
              "the port \"" + port.name() + "\" has no address; it must be given in spec.io.");
        }
      }
    }
  }

  private void ports(String at, PolicySpec.SourceNat n) {
    int workers = gateway.workers().replicas();
    for (GatewaySpec.Pool pool : gateway.pools()) {
      workers += pool.replicas();
    }
    int blocks = n.ports().last() / BLOCK - n.ports().first() / BLOCK + 1;
    if (!n.exempt() && blocks < workers) {
      b.fault(
          at + ".translateTo.ports",
          "the ports lie in "
              + blocks
              + " blocks of "
              + BLOCK
              + ", fewer than there are workers, and one block is one worker's; allowed are at"
              + " least "
              + workers * BLOCK
              + " ports.");
    }
  }

  private void mapping(String at, PolicySpec.SourceNat n) {
    boolean independent = n.mapping() == PolicySpec.Mapping.ENDPOINT_INDEPENDENT;
    GatewaySpec.Distribution it = gateway.distribution();
    if (independent
        && (it.algorithm() != GatewaySpec.Algorithm.IP_SOURCE || !it.classes().isEmpty())) {
      b.fault(
          at + ".mapping",
          "endpoint-independent needs all flows of a sender at one worker; allowed is"
              + " spec.distribution.algorithm: ip-source without classes.");
    }
    if (!independent && n.filtering() != PolicySpec.Filtering.ADDRESS_AND_PORT_DEPENDENT) {
      b.fault(
          at + ".filtering",
          "a mapping for one receiver has no other sender to let in; allowed is"
              + " address-and-port-dependent, or mapping: endpoint-independent.");
    }
    if (independent && n.byInterface()) {
      b.fault(
          at + ".translateTo.interface",
          "the address of a port is the gateway's own; endpoint-independent mapping is allowed"
              + " with translateTo.addresses.");
    }
    for (String address : n.addresses()) {
      if (independent && isOwn(address)) {
        b.fault(
            at + ".translateTo.addresses",
            "the address "
                + address
                + " is the gateway's own; endpoint-independent mapping is allowed with addresses"
                + " that no port has.");
      }
    }
  }

  private boolean isOwn(String address) {
    IpAddress it = IpAddress.parse(address);
    return it != null
        && gateway.io().stream()
            .flatMap(io -> io.ports().stream())
            .flatMap(port -> port.addresses().stream())
            .map(Prefix::parse)
            .anyMatch(own -> own != null && own.address().equals(it));
  }

  /** An address is for one kind of mapping only: its ports are shared out in one way. */
  private void sharedAddresses(List<PolicySpec.SourceNat> rules) {
    for (int i = 0; i < rules.size(); i++) {
      for (int j = 0; j < i; j++) {
        if (rules.get(i).mapping() != rules.get(j).mapping()) {
          for (String address : rules.get(i).addresses()) {
            if (rules.get(j).addresses().contains(address)) {
              b.fault(
                  "spec.nat.source[" + i + "].translateTo.addresses",
                  "the address "
                      + address
                      + " has another mapping in the rule \""
                      + rules.get(j).name()
                      + "\"; one mapping per address is allowed.");
            }
          }
        }
      }
    }
  }

  private PolicySpec.DestinationNat destination(String at, PolicySpec.DestinationNat n) {
    ConfigChecks.unique(b, at + ".name", n.name(), names);
    ConfigChecks.each(b, at + ".from", "zone", n.from(), zones);
    if (family(n.destination()) * family(n.toAddress()) == 24) {
      b.fault(
          at + ".translateTo.address",
          "the address is of another family than the destination; allowed is IPv"
              + family(n.destination())
              + ".");
    }
    return new PolicySpec.DestinationNat(
        n.name(),
        n.from(),
        n.destination(),
        ConfigChecks.service(b, at + ".service", n.service(), services),
        n.toAddress(),
        n.toPort());
  }

  private void prefixes(String at, String external, String internal) {
    Prefix outside = Prefix.parse(external);
    Prefix inside = Prefix.parse(internal);
    if (outside == null || inside == null) {
      return;
    }
    if (outside.address().version() != inside.address().version()
        || outside.length() != inside.length()) {
      b.fault(
          at + ".internal",
          "\""
              + inside
              + "\" is not as long as \""
              + outside
              + "\"; prefixes of one family and length are allowed.");
    }
    for (Prefix it : List.of(outside, inside)) {
      if (!it.isNetwork()) {
        b.fault(
            at + (it == outside ? ".external" : ".internal"),
            "\"" + it + "\" has bits set behind the prefix; allowed are zeros there.");
      }
    }
  }

  private void notInPool(String at, String external, List<PolicySpec.SourceNat> rules) {
    Prefix outside = Prefix.parse(external);
    for (PolicySpec.SourceNat rule : rules) {
      for (String address : rule.addresses()) {
        IpAddress it = IpAddress.parse(address);
        if (outside != null && it != null && outside.contains(it)) {
          b.fault(
              at + ".external",
              "the address "
                  + it
                  + " is translated to by the rule \""
                  + rule.name()
                  + "\"; an address is allowed in one of them.");
        }
      }
    }
  }

  private static int family(@Nullable String address) {
    IpAddress parsed = address == null ? null : IpAddress.parse(address);
    return parsed == null ? 0 : parsed.version();
  }
}
