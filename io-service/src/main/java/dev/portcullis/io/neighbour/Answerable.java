package dev.portcullis.io.neighbour;

import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.Prefix;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * The addresses that a port answers for on its link: its own, and those that only translation knows
 * - what senders are translated to where they leave by its zone, and receivers that are translated,
 * one by one or one to one, where packets come in by it.
 */
public final class Answerable {

  private Answerable() {}

  /** Returns the addresses, those of the port first, each once. */
  public static List<Prefix> of(GatewayConfig config, GatewaySpec.PortSpec port) {
    Set<Prefix> all = new LinkedHashSet<>();
    for (String own : port.addresses()) {
      IpAddress address = prefix(own).address();
      all.add(new Prefix(address, address.bits()));
    }
    for (PolicySpec.SourceNat nat : config.policy().nat().source()) {
      if (nat.to().isEmpty() || nat.to().contains(port.zone())) {
        nat.addresses().forEach(it -> all.add(prefix(it)));
      }
    }
    for (PolicySpec.DestinationNat nat : config.policy().nat().destination()) {
      if (nat.from().isEmpty() || nat.from().contains(port.zone())) {
        all.add(prefix(nat.destination()));
      }
    }
    for (PolicySpec.StaticNat nat : config.policy().nat().statics()) {
      if (nat.zones().isEmpty() || nat.zones().contains(port.zone())) {
        all.add(prefix(nat.external()));
      }
    }
    return List.copyOf(all);
  }

  private static Prefix prefix(String text) {
    return Objects.requireNonNull(Prefix.parse(text), text);
  }
}
