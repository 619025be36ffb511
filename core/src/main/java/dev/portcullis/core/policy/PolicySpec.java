package dev.portcullis.core.policy;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The {@code spec} of a {@code GatewayPolicy}: rules, first match wins. Immutable and checked.
 *
 * @param defaultAction what happens to a flow that no rule matches
 * @param defaultLog whether that writes an event
 * @param addresses named address objects
 * @param services named services
 * @param rules in order
 * @param nat translations
 */
public record PolicySpec(
    @Field(doc = "What happens to a flow that no rule matches.", value = "drop")
        Action defaultAction,
    @Field(doc = "Whether a drop by defaultAction writes an event.", value = "false")
        boolean defaultLog,
    @Field(doc = "Named addresses.") List<AddressObject> addresses,
    @Field(doc = "Named services.") List<Service> services,
    @Field(doc = "Rules; the first that matches decides.") List<Rule> rules,
    @Field(doc = "Translations.") Nat nat) {

  /** What a rule does. */
  public enum Action {
    ACCEPT,
    DROP,
    REJECT
  }

  /** Named prefixes, v4 and v6. */
  public record AddressObject(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Prefixes.", required = true, kind = Field.Kind.CIDR) List<String> cidrs) {}

  /**
   * Destination ports by protocol ({@code 80} or {@code 1000-2000}), ICMP types, bare IP protocol
   * numbers; the name is null for a service written in its place. All lists empty: any.
   */
  public record Service(
      @Field(doc = "Name.", kind = Field.Kind.NAME) @Nullable String name,
      @Field(doc = "TCP destination ports: 80 or 1000-2000.") List<PortRange> tcp,
      @Field(doc = "UDP destination ports: 80 or 1000-2000.") List<PortRange> udp,
      @Field(doc = "ICMP types.", max = 255) List<Integer> icmp,
      @Field(doc = "IP protocol numbers.", max = 255) List<Integer> protocols) {}

  /** Ports {@code first} to {@code last}, both included: 0 to 65535. */
  public record PortRange(int first, int last) {}

  /**
   * A rule. Empty lists mean any. {@code source} and {@code destination} name address objects or
   * are CIDRs; addresses are those after DNAT and before SNAT. {@code from} and {@code to} are
   * zones.
   */
  public record Rule(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Zones it comes from; empty: any.") List<String> from,
      @Field(doc = "Zones it goes to; empty: any.") List<String> to,
      @Field(doc = "Address objects or prefixes; empty: any.") List<String> source,
      @Field(doc = "Address objects or prefixes after DNAT; empty: any.") List<String> destination,
      @Field(doc = "Services by name or in place; empty: any.") List<Service> services,
      @Field(doc = "What it does.", required = true) Action action,
      @Field(doc = "Whether it writes an event.", value = "false") boolean log) {}

  /** Translations: the first that matches is used. */
  public record Nat(
      @Field(doc = "SNAT; the first that matches is used.") List<SourceNat> source,
      @Field(doc = "DNAT; the first that matches is used.") List<DestinationNat> destination) {}

  /** SNAT of flows from zone to zone: to one of the addresses, and a port of the range. */
  public record SourceNat(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Zones; empty: any.") List<String> from,
      @Field(doc = "Zones; empty: any.") List<String> to,
      @Field(doc = "Address objects or prefixes; empty: any.") List<String> source,
      @Field(
              doc = "Addresses to translate to, of one family.",
              key = "translateTo.addresses",
              required = true,
              kind = Field.Kind.ADDRESS)
          List<String> addresses,
      @Field(doc = "Ports to translate to.", key = "translateTo.ports", value = "1024-65535")
          PortRange ports) {}

  /**
   * DNAT of flows that come in from a zone to an address and service: to {@code toAddress}, {@code
   * toPort} (null: unchanged).
   */
  public record DestinationNat(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Zones; empty: any.") List<String> from,
      @Field(doc = "Address that is translated.", required = true, kind = Field.Kind.ADDRESS)
          String destination,
      @Field(doc = "Service by name or in place; none: any.") Service service,
      @Field(
              doc = "Receiver.",
              key = "translateTo.address",
              required = true,
              kind = Field.Kind.ADDRESS)
          String toAddress,
      @Field(doc = "Port; none: unchanged.", key = "translateTo.port", min = 1, max = 65535)
          @Nullable Integer toPort) {}
}
