package dev.portcullis.core.policy;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The {@code spec} of a {@code GatewayPolicy}: rules, first match wins. Immutable and checked.
 *
 * @param defaultAction what happens to a flow that no rule matches
 * @param addresses named address objects
 * @param services named services
 * @param rules in order
 * @param nat translations
 */
public record PolicySpec(
    Action defaultAction, List<AddressObject> addresses, List<Service> services, List<Rule> rules, Nat nat) {

  /** What a rule does. */
  public enum Action { ACCEPT, DROP, REJECT }

  /** Named prefixes, v4 and v6. */
  public record AddressObject(String name, List<String> cidrs) {}

  /**
   * Destination ports by protocol ({@code 80} or {@code 1000-2000}), ICMP types, bare IP protocol numbers; the name is null for a service written
   * in its place. All lists empty: any.
   */
  public record Service(
      @Nullable String name,
      List<PortRange> tcp,
      List<PortRange> udp,
      List<Integer> icmp,
      List<Integer> protocols) {}

  /** Ports {@code first} to {@code last}, both included: 0 to 65535. */
  public record PortRange(int first, int last) {}

  /**
   * A rule. Empty lists mean any. {@code source} and {@code destination} name address objects or are CIDRs; addresses
   * are those after DNAT and before SNAT. {@code from} and {@code to} are zones.
   */
  public record Rule(
      String name,
      List<String> from,
      List<String> to,
      List<String> source,
      List<String> destination,
      List<Service> services,
      Action action,
      boolean log) {}

  /** Translations: the first that matches is used. */
  public record Nat(List<SourceNat> source, List<DestinationNat> destination) {}

  /** SNAT of flows from zone to zone: to one of the addresses, and a port of the range. */
  public record SourceNat(
      String name, List<String> from, List<String> to, List<String> source, List<String> addresses, PortRange ports) {}

  /** DNAT of flows that come in from a zone to an address and service: to {@code toAddress}, {@code toPort} (null: unchanged). */
  public record DestinationNat(
      String name, List<String> from, String destination, Service service, String toAddress, @Nullable Integer toPort) {}
}
