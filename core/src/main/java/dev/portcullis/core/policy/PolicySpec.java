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
 * @param schedules named times
 * @param rules in order
 * @param nat translations
 * @param helpers protocols whose connections announce others
 */
public record PolicySpec(
    @Field(doc = "What happens to a flow that no rule matches.", value = "drop")
        Action defaultAction,
    @Field(doc = "Whether a drop by defaultAction writes an event.", value = "false")
        boolean defaultLog,
    @Field(doc = "Named addresses.") List<AddressObject> addresses,
    @Field(doc = "Named services.") List<Service> services,
    @Field(doc = "Named times, up to 24.") List<Schedule> schedules,
    @Field(doc = "Rules; the first that matches decides.") List<Rule> rules,
    @Field(doc = "Translations.") Nat nat,
    @Field(doc = "Protocols whose connections announce others.") HelperSpecs helpers) {

  /** The most schedules of a policy: a flow keeps one bit for each. */
  public static final int MAX_SCHEDULES = 24;

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
   * Destination ports by protocol ({@code 80} or {@code 1000-2000}), ICMP and ICMPv6 types with or
   * without a code, bare IP protocols; the name is null for a service written in its place. All
   * lists empty: any.
   */
  public record Service(
      @Field(doc = "Name.", kind = Field.Kind.NAME) @Nullable String name,
      @Field(doc = "TCP destination ports: 80 or 1000-2000.") List<PortRange> tcp,
      @Field(doc = "UDP destination ports: 80 or 1000-2000.") List<PortRange> udp,
      @Field(doc = "ICMP types, or types with their code: 8 or 3/4.") List<IcmpMatch> icmp,
      @Field(doc = "ICMPv6 types, or types with their code: 128 or 1/4.") List<IcmpMatch> icmpv6,
      @Field(doc = "IP protocols.", max = 255, kind = Field.Kind.PROTOCOL)
          List<Integer> protocols) {

    /** Whether every packet is of the service: it names nothing. */
    public boolean any() {
      return tcp.isEmpty()
          && udp.isEmpty()
          && icmp.isEmpty()
          && icmpv6.isEmpty()
          && protocols.isEmpty();
    }
  }

  /** Ports {@code first} to {@code last}, both included: 0 to 65535. */
  public record PortRange(int first, int last) {}

  /** A type of ICMP or ICMPv6, 0 to 255, and a code, 0 to 255 or -1 for any. */
  public record IcmpMatch(int type, int code) {}

  /** Days of the week as schedules name them. */
  public enum Day {
    MON,
    TUE,
    WED,
    THU,
    FRI,
    SAT,
    SUN
  }

  /**
   * A time of the week, by the clock of its time zone: {@code from} inclusive, {@code to}
   * exclusive. A time that ends before it begins goes on over midnight and belongs to the day that
   * it begins on.
   */
  public record Schedule(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Days that it begins on; empty: every day.") List<Day> days,
      @Field(doc = "Begin.", value = "00:00", kind = Field.Kind.TIME) String from,
      @Field(doc = "End.", value = "24:00", kind = Field.Kind.TIME) String to,
      @Field(doc = "Time zone.", value = "UTC", kind = Field.Kind.ZONE) String timezone,
      @Field(doc = "First day; none: no first.", kind = Field.Kind.DATE) @Nullable String startDate,
      @Field(doc = "Last day; none: no last.", kind = Field.Kind.DATE) @Nullable String endDate) {}

  /**
   * A rule. Empty lists mean any. {@code source} and {@code destination} name address objects or
   * are CIDRs; addresses are those after DNAT and before SNAT. {@code from} and {@code to} are
   * zones. Outside of its schedule a rule is as if it were not there.
   */
  public record Rule(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Zones it comes from; empty: any.") List<String> from,
      @Field(doc = "Zones it goes to; empty: any.") List<String> to,
      @Field(doc = "Address objects or prefixes; empty: any.") List<String> source,
      @Field(doc = "Address objects or prefixes after DNAT; empty: any.") List<String> destination,
      @Field(doc = "Services by name or in place; empty: any.") List<Service> services,
      @Field(doc = "What it does.", required = true) Action action,
      @Field(doc = "Whether it writes an event.", value = "false") boolean log,
      @Field(doc = "Name of the schedule that it holds at; none: always.", kind = Field.Kind.NAME)
          @Nullable String schedule) {}

  /** Protocols whose connections announce others, which then pass without a rule of their own. */
  public record HelperSpecs(@Field(doc = "FTP.") Ftp ftp) {}

  /**
   * FTP: control connections are read, and the data connections that they announce are expected.
   */
  public record Ftp(
      @Field(doc = "Whether control connections are read.", value = "true") boolean follow,
      @Field(doc = "TCP ports of servers, after DNAT; none: 21.", key = "tcp", min = 1, max = 65535)
          List<Integer> tcpPorts,
      @Field(
              doc =
                  "Whose address may be announced: own (of who announces it), or any, which allows"
                      + " FTP bounce (RFC 2577).",
              value = "own")
          Announced announced,
      @Field(doc = "Least port that may be announced.", value = "1024", min = 1, max = 65535)
          int leastPort) {}

  /** Whose address an announcement may have. */
  public enum Announced {
    OWN,
    ANY
  }

  /** Translations: the first that matches is used. */
  public record Nat(
      @Field(doc = "SNAT; the first that matches is used.") List<SourceNat> source,
      @Field(doc = "DNAT; the first that matches is used.") List<DestinationNat> destination,
      @Field(doc = "One-to-one translations, both ways; before SNAT, after DNAT.", key = "static")
          List<StaticNat> statics,
      @Field(doc = "Translations of IPv6 prefixes (RFC 6296), both ways.", key = "prefix")
          List<PrefixNat> prefixes) {}

  /**
   * SNAT of flows from zone to zone: to one of the addresses, and a port of the range. A rule that
   * is {@code exempt} keeps the sender of what it matches; with {@code byInterface} the address is
   * that of the port that the flow leaves by.
   */
  public record SourceNat(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Zones; empty: any.") List<String> from,
      @Field(doc = "Zones; empty: any.") List<String> to,
      @Field(doc = "Address objects or prefixes; empty: any.") List<String> source,
      @Field(doc = "Address objects or prefixes after DNAT; empty: any.") List<String> destination,
      @Field(doc = "Services by name or in place; empty: any.") List<Service> services,
      @Field(doc = "Whether flows that match keep their sender.", value = "false") boolean exempt,
      @Field(
              doc = "Addresses to translate to, of one family.",
              key = "translateTo.addresses",
              kind = Field.Kind.ADDRESS)
          List<String> addresses,
      @Field(
              doc = "Whether the address is that of the port that the flow leaves by.",
              key = "translateTo.interface",
              value = "false")
          boolean byInterface,
      @Field(doc = "Ports to translate to.", key = "translateTo.ports", value = "1024-65535")
          PortRange ports,
      @Field(
              doc = "Whether the sender's own port is tried first.",
              key = "translateTo.preservePorts",
              value = "true")
          boolean preservePorts,
      @Field(
              doc =
                  "Whether a sender's address and port have one translation for all receivers"
                      + " (RFC 4787 section 4.1); needs ip-source.",
              value = "address-and-port-dependent")
          Mapping mapping,
      @Field(
              doc =
                  "Who may send to an endpoint-independent mapping: anybody, addresses that it has"
                      + " sent to, or addresses and ports (RFC 4787 section 5).",
              value = "address-and-port-dependent")
          Filtering filtering) {}

  /** How long a translated port is the same: RFC 4787 section 4.1. */
  public enum Mapping {
    ADDRESS_AND_PORT_DEPENDENT,
    ENDPOINT_INDEPENDENT
  }

  /** Whose packets a mapping takes: RFC 4787 section 5. */
  public enum Filtering {
    ADDRESS_AND_PORT_DEPENDENT,
    ADDRESS_DEPENDENT,
    ENDPOINT_INDEPENDENT
  }

  /**
   * One-to-one translation between prefixes of the same length, for all protocols: of receivers
   * that come in from the zones, and of senders that go out to them.
   */
  public record StaticNat(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Outer zones; empty: any.") List<String> zones,
      @Field(doc = "Address or prefix outside.", required = true, kind = Field.Kind.CIDR)
          String external,
      @Field(doc = "Address or prefix inside.", required = true, kind = Field.Kind.CIDR)
          String internal) {}

  /**
   * Translation of an IPv6 prefix that leaves all checksums as they are (RFC 6296): of receivers
   * that come in from the zones, and of senders that go out to them.
   */
  public record PrefixNat(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Outer zones; empty: any.") List<String> zones,
      @Field(doc = "IPv6 prefix outside, up to /64.", required = true, kind = Field.Kind.CIDR)
          String external,
      @Field(doc = "IPv6 prefix inside, as long.", required = true, kind = Field.Kind.CIDR)
          String internal) {}

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
