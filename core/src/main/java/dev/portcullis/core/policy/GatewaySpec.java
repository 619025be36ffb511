package dev.portcullis.core.policy;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The {@code spec} of a {@code PacketGateway}: what modules, ports and ways through them there are.
 * Immutable, complete: the loader has put every default in.
 *
 * @param workers the worker modules
 * @param distribution how packets are assigned to workers
 * @param pools pools of workers besides {@code default}
 * @param io the IO modules and their ports
 * @param routes where packets leave, by receiver; the longest prefix wins
 * @param inline pairs of ports: what comes in on one leaves on the other
 * @param switchModule how packets get from worker to worker
 * @param replication whether flow state has a second copy
 * @param exceptions what happens to packets that something is wrong with
 * @param path whether a worker records the way of a flow or computes it again
 * @param timeouts how long a flow lives without packets
 * @param limits bounds of tables and queues
 * @param onPolicyChange what a new policy does to live flows
 * @param log events, and what the program says of itself
 * @param policy name of the GatewayPolicy
 */
public record GatewaySpec(
    @Field(doc = "Worker modules.") Workers workers,
    @Field(doc = "How packets are assigned to workers.") Distribution distribution,
    @Field(doc = "Pools of workers besides default.") List<Pool> pools,
    @Field(doc = "IO modules and their ports.", required = true) List<Io> io,
    @Field(doc = "Where packets leave, by receiver; the longest prefix wins.") List<Route> routes,
    @Field(doc = "Pairs of ports: what comes in on one leaves on the other.")
        List<InlinePair> inline,
    @Field(doc = "What carries packets between workers.", key = "switch") Switch switchModule,
    @Field(doc = "Second copy of flow state.", value = "none") Replication replication,
    @Field(doc = "What happens to packets that something is wrong with.") Exceptions exceptions,
    @Field(
            doc = "Whether a worker records the way of a flow or computes it again.",
            value = "record")
        PathMode path,
    @Field(doc = "How long a flow lives without packets.") Timeouts timeouts,
    @Field(doc = "Bounds of tables and queues.") Limits limits,
    @Field(doc = "What a new policy does to live flows.", value = "rematch")
        OnPolicyChange onPolicyChange,
    @Field(doc = "Events, and what the program says of itself.") Log log,
    @Field(
            doc = "Name of the GatewayPolicy; without one every flow is dropped.",
            kind = Field.Kind.NAME)
        @Nullable String policy) {

  /** Returns this spec with another distribution, over other pools. */
  public GatewaySpec withDistribution(Distribution other, List<Pool> otherPools) {
    return new GatewaySpec(
        workers,
        other,
        otherPools,
        io,
        routes,
        inline,
        switchModule,
        replication,
        exceptions,
        path,
        timeouts,
        limits,
        onPolicyChange,
        log,
        policy);
  }

  /** Returns this spec with other workers. */
  public GatewaySpec withWorkers(Workers other) {
    return new GatewaySpec(
        other,
        distribution,
        pools,
        io,
        routes,
        inline,
        switchModule,
        replication,
        exceptions,
        path,
        timeouts,
        limits,
        onPolicyChange,
        log,
        policy);
  }

  /**
   * Worker modules: {@code replicas} that run, {@code quantity} N that takes part ({@code null}:
   * auto), threads each.
   */
  public record Workers(
      @Field(doc = "Worker modules that run.", value = "1", min = 1, max = 1024) int replicas,
      @Field(
              doc = "Workers that take part: auto (all that are ready) or a number up to replicas.",
              value = "auto",
              kind = Field.Kind.QUANTITY,
              min = 1,
              max = 1024)
          @Nullable Integer quantity,
      @Field(doc = "Threads of a worker.", value = "1", min = 1, max = 16) int shards) {}

  /** Assignment: algorithm and weights of the default class, and further classes. */
  public record Distribution(
      @Field(doc = "Passing algorithm.", value = "ip-sum") Algorithm algorithm,
      @Field(
              doc = "Two weights, of source and destination; with ip-sum or ip-sum-weighted.",
              min = 0,
              max = 65535)
          List<Integer> weights,
      @Field(doc = "Types of traffic with an algorithm of their own.") List<TrafficClass> classes,
      @Field(doc = "Expression in CEL that gives V; with expression.") @Nullable String value) {

    /** A distribution without an expression. */
    public Distribution(Algorithm algorithm, List<Integer> weights, List<TrafficClass> classes) {
      this(algorithm, weights, classes, null);
    }
  }

  /**
   * One type of traffic with an algorithm and a pool of its own; told by port number, either side,
   * or by {@code detect}.
   */
  public record TrafficClass(
      @Field(
              doc = "Name; http, smtp, pop3, imap, ftp, dns and tls bring their ports.",
              required = true,
              kind = Field.Kind.NAME)
          String name,
      @Field(doc = "Passing algorithm.", value = "ip-sum") Algorithm algorithm,
      @Field(doc = "Two weights.", min = 0, max = 65535) List<Integer> weights,
      @Field(doc = "Pool of workers.", value = "default", kind = Field.Kind.NAME) String pool,
      @Field(doc = "TCP ports, either side.", key = "tcp", min = 1, max = 65535)
          List<Integer> tcpPorts,
      @Field(doc = "UDP ports, either side.", key = "udp", min = 1, max = 65535)
          List<Integer> udpPorts,
      @Field(doc = "Expression in CEL that gives V; with expression.") @Nullable String value,
      @Field(
              doc = "Protocol that the first bytes of a TCP connection tell, on any port.",
              value = "none")
          Protocol detect) {

    /** A class that ports tell, without an expression. */
    public TrafficClass(
        String name,
        Algorithm algorithm,
        List<Integer> weights,
        String pool,
        List<Integer> tcpPorts,
        List<Integer> udpPorts) {
      this(name, algorithm, weights, pool, tcpPorts, udpPorts, null, Protocol.NONE);
    }
  }

  /** What the first bytes of a TCP connection can tell. */
  public enum Protocol {
    NONE,
    HTTP,
    TLS,
    SSH,
    SMTP,
    POP3,
    IMAP
  }

  /** Algorithms for V, ARCHITECTURE section 3. */
  public enum Algorithm {
    IP_SUM,
    IP_SOURCE,
    IP_DESTINATION,
    IP_SUM_WEIGHTED,
    FLOW_HASH,
    CONSISTENT,
    LEAST_LOADED,
    EXPRESSION
  }

  /** What workers of a pool can do; those of {@code default} can do all. */
  public enum Function {
    ACL,
    STATEFUL,
    NAT
  }

  /** A pool of {@code replicas} workers with identification numbers from {@code base}. */
  public record Pool(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "First identification number.", required = true, min = 1, max = 65535) int base,
      @Field(doc = "Workers in it.", value = "1", min = 1, max = 1024) int replicas,
      @Field(doc = "Functions of its workers; none named: all. acl and stateful are always needed.")
          List<Function> functions) {

    /** A pool with all functions. */
    public Pool(String name, int base, int replicas) {
      this(name, base, replicas, List.of());
    }

    /** Whether its workers have this function. */
    public boolean can(Function function) {
      return functions.isEmpty() || functions.contains(function);
    }

    /** Whether the worker with this identification number is in the pool. */
    public boolean has(int number) {
      return number >= base && number < base + replicas;
    }
  }

  /** IO module(s): {@code replicas} of them with the same ports. */
  public record Io(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Copies of the module.", value = "1", min = 1, max = 64) int replicas,
      @Field(doc = "Its ports.", required = true) List<PortSpec> ports) {}

  /** A port: its name, zone and driver. Addresses are in CIDR form. */
  public record PortSpec(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Zone that rules name.", required = true, kind = Field.Kind.NAME) String zone,
      @Field(doc = "Where packets come from and go to.", value = "pcap") Driver driver,
      @Field(doc = "Own addresses with prefix length.", kind = Field.Kind.CIDR)
          List<String> addresses,
      @Field(doc = "Greatest IP packet, bytes.", value = "1500", min = 576, max = 65535) int mtu,
      @Field(
              doc = "Lower the MSS that TCP offers to what fits the MTU of both ports, on routes.",
              value = "false")
          boolean clampMss,
      @Field(doc = "Files of a pcap port.") @Nullable PcapSpec pcap,
      @Field(doc = "Device of a tun port.") @Nullable TunSpec tun,
      @Field(doc = "Interface of a packet port.") @Nullable PacketSpec packet,
      @Field(doc = "Tunnel of a vxlan port.") @Nullable TunnelSpec vxlan,
      @Field(doc = "Tunnel of a geneve port.") @Nullable TunnelSpec geneve) {

    /** A port without a device. */
    public PortSpec(
        String name,
        String zone,
        Driver driver,
        List<String> addresses,
        int mtu,
        @Nullable PcapSpec pcap) {
      this(name, zone, driver, addresses, mtu, false, pcap, null, null, null, null);
    }

    /** The tunnel of the port's driver, null where it is none that has one. */
    public @Nullable TunnelSpec tunnel() {
      return switch (driver) {
        case VXLAN -> vxlan;
        case GENEVE -> geneve;
        case PCAP, TUN, PACKET -> null;
      };
    }

    /** UDP port of the tunnel's endpoints: RFC 7348 section 5, RFC 8926 section 3.3. */
    public int udpPort() {
      TunnelSpec tunnel = tunnel();
      Integer given = tunnel == null ? null : tunnel.port();
      return given != null ? given : driver == Driver.VXLAN ? 4789 : 6081;
    }

    /** Whether what comes in by this port leaves by it, as by an inline pair of one port. */
    public boolean isReturning() {
      return driver == Driver.GENEVE && geneve != null && geneve.mode() == TunnelMode.GWLB;
    }
  }

  /**
   * TUN device: its name, what its end in the kernel gets (addresses and routes are added to those
   * that it has), and how it is read.
   */
  public record TunSpec(
      @Field(doc = "Name of the device; it is made if it is not there.", required = true)
          String device,
      @Field(
              doc = "Addresses with prefix length that the kernel's end of the device gets.",
              kind = Field.Kind.CIDR)
          List<String> addresses,
      @Field(doc = "Prefixes that the kernel sends to the device.", kind = Field.Kind.CIDR)
          List<String> routes,
      @Field(doc = "Queues of the device, a thread each.", value = "1", min = 1, max = 16)
          int queues,
      @Field(
              doc = "Whether super-packets and packets without checksum pass as they are.",
              value = "true")
          boolean offload) {}

  /** An existing Ethernet interface that is read and written by packet sockets. */
  public record PacketSpec(
      @Field(doc = "Name of the interface.", required = true) String device,
      @Field(
              doc =
                  "MAC address of a routed port; none: a locally administered one, made from that of"
                      + " the interface.")
          @Nullable String mac,
      @Field(
              doc = "Sockets that share the frames by flow, a thread each.",
              value = "1",
              min = 1,
              max = 16)
          int queues,
      @Field(
              doc = "Whether super-packets and packets without checksum pass as they are.",
              value = "true")
          boolean offload,
      @Field(
              doc =
                  "Whether a routed port takes frames to its own address in, and puts all frames out,"
                      + " past the kernel's stack (AF_XDP): cheaper for small packets. Without offload,"
                      + " and for an interface without one: frames of hosts on this machine come"
                      + " without checksums unless their interface computes them itself. queues is"
                      + " then the number of receive queues of the interface.",
              value = "false")
          boolean xdp,
      @Field(
              doc =
                  "Whether the interface takes in frames for other stations; a port of an inline"
                      + " pair and one with a MAC address of its own need it.",
              value = "true")
          boolean promiscuous,
      @Field(
              doc = "Stations on the link that a routed port knows.",
              value = "1Ki",
              kind = Field.Kind.SIZE,
              min = 16,
              max = 65536)
          int neighbours,
      @Field(
              doc = "Packets that wait for the MAC address of their next hop.",
              value = "256",
              min = 1,
              max = 1024)
          int waiting) {}

  /** Tunnel over UDP: the virtual network, its endpoints, and the stations behind them. */
  public record TunnelSpec(
      @Field(
              doc = "Number of the virtual network; with gwlb: whichever, unless given.",
              max = 0xff_ffff)
          @Nullable Integer vni,
      @Field(
              doc =
                  "What is in the tunnel: frames of a link, or (geneve only) packets of an AWS Gateway"
                      + " Load Balancer, which go back to it.",
              value = "ethernet")
          TunnelMode mode,
      @Field(
              doc = "Own address; its family is that of the tunnel.",
              value = "0.0.0.0",
              kind = Field.Kind.ADDRESS)
          String local,
      @Field(
              doc = "UDP port of all endpoints; by default 4789 (vxlan), 6081 (geneve).",
              min = 1,
              max = 65535)
          @Nullable Integer port,
      @Field(doc = "Endpoints that the port is told.", kind = Field.Kind.ADDRESS)
          List<String> remotes,
      @Field(
              doc = "Whether who sends is an endpoint, too; otherwise only those in remotes are.",
              value = "true")
          boolean learn,
      @Field(doc = "Endpoints that the port learns.", value = "64", min = 1, max = 4096)
          int endpoints,
      @Field(
              doc = "Stations whose endpoint the port knows.",
              value = "1Ki",
              kind = Field.Kind.SIZE,
              min = 16,
              max = 65536)
          int stations,
      @Field(
              doc =
                  "UDP ports that the port sends from, by flow (16); with gwlb, that it keeps open (1024).",
              min = 1,
              max = 16384)
          @Nullable Integer sourcePorts,
      @Field(
              doc = "Sockets that share the datagrams by flow, a thread each.",
              value = "1",
              min = 1,
              max = 16)
          int queues,
      @Field(
              doc =
                  "MAC address of a routed port; none: a locally administered one, made from vni and"
                      + " local address.")
          @Nullable String mac,
      @Field(
              doc = "Stations on the link that a routed port knows.",
              value = "1Ki",
              kind = Field.Kind.SIZE,
              min = 16,
              max = 65536)
          int neighbours,
      @Field(
              doc = "Packets that wait for the MAC address of their next hop.",
              value = "256",
              min = 1,
              max = 1024)
          int waiting,
      @Field(
              doc =
                  "TCP port of the local address where health checks over HTTP are answered, with gwlb;"
                      + " 200: the gateway is ready.",
              min = 1,
              max = 65535)
          @Nullable Integer healthPort) {}

  /** What a tunnel has inside. */
  public enum TunnelMode {
    ETHERNET,
    GWLB
  }

  /** Port drivers. */
  public enum Driver {
    PCAP,
    TUN,
    PACKET,
    VXLAN,
    GENEVE
  }

  /**
   * Files of a {@code pcap} port: frames are read from {@code read}, and written to {@code write}.
   */
  public record PcapSpec(
      @Field(doc = "Captures to read, in order.") List<String> read,
      @Field(doc = "Capture to write.") @Nullable String write) {}

  /**
   * Route: packets to {@code to} (CIDR) leave by {@code port}, with next hop {@code via} where the
   * port has neighbours.
   */
  public record Route(
      @Field(doc = "Prefix of receivers.", required = true, kind = Field.Kind.CIDR) String to,
      @Field(doc = "Port that they are behind.", required = true, kind = Field.Kind.NAME)
          String port,
      @Field(doc = "Next hop.", kind = Field.Kind.ADDRESS) @Nullable String via) {}

  /** Inline pair: exactly two ports. */
  public record InlinePair(
      @Field(doc = "Name.", required = true, kind = Field.Kind.NAME) String name,
      @Field(doc = "Exactly two ports.", required = true, kind = Field.Kind.NAME)
          List<String> ports) {}

  /** Switch or mesh. */
  public record Switch(
      @Field(
              doc =
                  "Whether switch modules relay what workers send each other, or workers have links"
                      + " to each other.",
              value = "module")
          SwitchMode mode) {}

  /** What carries packets between workers. */
  public enum SwitchMode {
    MODULE,
    MESH
  }

  /** Copies of flow state. */
  public enum Replication {
    NONE,
    ASYNC,
    SYNC
  }

  /** Drop or pass. */
  public enum ExceptionAction {
    DROP,
    PASS
  }

  /** What to do on each condition. */
  public record Exceptions(
      @Field(doc = "A checksum is wrong.", value = "drop") ExceptionAction badChecksum,
      @Field(doc = "Headers contradict themselves.", value = "drop") ExceptionAction malformed,
      @Field(doc = "TCP without a handshake seen.", value = "drop") ExceptionAction midstream,
      @Field(doc = "TCP outside of window or state.", value = "drop") ExceptionAction outOfState,
      @Field(doc = "No room for a new flow.", value = "drop") ExceptionAction flowTableFull,
      @Field(doc = "No room for a fragment.", value = "drop") ExceptionAction fragmentLimit,
      @Field(doc = "A fragment was missing too long.", value = "drop")
          ExceptionAction fragmentTimeout,
      @Field(doc = "Fragments overlap.", value = "drop") ExceptionAction fragmentOverlap,
      @Field(doc = "No room to hold a packet.", value = "drop") ExceptionAction holdOverflow,
      @Field(doc = "Link type is not known.", value = "drop") ExceptionAction unknownLinkType,
      @Field(doc = "Frame is not IP (passes only in an inline pair).", value = "pass")
          ExceptionAction nonIp,
      @Field(doc = "Source address cannot come in there.", value = "drop") ExceptionAction martian,
      @Field(doc = "Sender and receiver are the same.", value = "drop") ExceptionAction land,
      @Field(doc = "Source routes (IPv4 options, IPv6 routing header 0).", value = "drop")
          ExceptionAction sourceRouted,
      @Field(doc = "Too many half-open connections.", value = "drop") ExceptionAction halfOpenLimit,
      @Field(doc = "ICMP errors about unknown flows.", value = "drop")
          ExceptionAction icmpUnrelated) {

    /** The same action for every condition. */
    public static Exceptions all(ExceptionAction action) {
      return new Exceptions(
          action, action, action, action, action, action, action, action, action, action, action,
          action, action, action, action, action);
    }
  }

  /** W1/W2 or W5 of the patent. */
  public enum PathMode {
    RECORD,
    RECOMPUTE
  }

  /** Idle timeouts in nanoseconds. */
  public record Timeouts(
      @Field(
              doc = "SYN seen; RFC 5382 REQ-5: at least 4 minutes.",
              key = "tcpSynSent",
              value = "4m",
              kind = Field.Kind.DURATION)
          long tcpSynSentNs,
      @Field(
              doc = "SYN and SYN-ACK seen; RFC 5382 REQ-5: at least 4 minutes.",
              key = "tcpSynReceived",
              value = "4m",
              kind = Field.Kind.DURATION)
          long tcpSynReceivedNs,
      @Field(
              doc = "Established; RFC 5382 REQ-5: at least 2 hours 4 minutes.",
              key = "tcpEstablished",
              value = "2h4m",
              kind = Field.Kind.DURATION)
          long tcpEstablishedNs,
      @Field(
              doc = "FIN of one side seen; RFC 5382 REQ-5: at least 4 minutes.",
              key = "tcpFinWait",
              value = "4m",
              kind = Field.Kind.DURATION)
          long tcpFinWaitNs,
      @Field(
              doc = "FIN of one side acknowledged, the other side may still send.",
              key = "tcpCloseWait",
              value = "4m",
              kind = Field.Kind.DURATION)
          long tcpCloseWaitNs,
      @Field(
              doc = "FIN of both sides seen, not yet acknowledged.",
              key = "tcpLastAck",
              value = "4m",
              kind = Field.Kind.DURATION)
          long tcpLastAckNs,
      @Field(
              doc = "Closed by both sides; RFC 5382 REQ-5: at least 4 minutes.",
              key = "tcpTimeWait",
              value = "4m",
              kind = Field.Kind.DURATION)
          long tcpTimeWaitNs,
      @Field(doc = "Closed by RST.", key = "tcpClosed", value = "10s", kind = Field.Kind.DURATION)
          long tcpClosedNs,
      @Field(
              doc = "UDP in one direction.",
              key = "udpNew",
              value = "30s",
              kind = Field.Kind.DURATION)
          long udpNewNs,
      @Field(
              doc = "UDP both ways; RFC 4787 REQ-5 recommends 5 minutes.",
              key = "udpEstablished",
              value = "5m",
              kind = Field.Kind.DURATION)
          long udpEstablishedNs,
      @Field(
              doc = "ICMP query; RFC 5508 REQ-2: at least 60 seconds.",
              key = "icmp",
              value = "1m",
              kind = Field.Kind.DURATION)
          long icmpNs,
      @Field(
              doc =
                  "Endpoint-independent mapping without a flow, since the last outbound packet;"
                      + " RFC 4787 REQ-5: at least 2 minutes.",
              key = "natMapping",
              value = "5m",
              kind = Field.Kind.DURATION)
          long natMappingNs,
      @Field(
              doc = "Other protocols, as conntrack.",
              key = "other",
              value = "10m",
              kind = Field.Kind.DURATION)
          long otherNs,
      @Field(
              doc = "First fragment of a datagram; RFC 8200 section 4.5: 60 seconds, Linux: 30.",
              key = "fragment",
              value = "30s",
              kind = Field.Kind.DURATION)
          long fragmentNs,
      @Field(
              doc =
                  "A connection that another one has announced and that has not begun, as conntrack.",
              key = "expectation",
              value = "5m",
              kind = Field.Kind.DURATION)
          long expectationNs,
      @Field(
              doc =
                  "With replication: a worker that says nothing for so long is taken for gone, and its"
                      + " flows go on at its guardian.",
              key = "silence",
              value = "5s",
              kind = Field.Kind.DURATION)
          long silenceNs) {}

  /**
   * Bounds: flows and path records per worker (shared out over its shards), bytes queued per
   * channel.
   */
  public record Limits(
      @Field(
              doc = "Flows per worker.",
              value = "1Mi",
              kind = Field.Kind.SIZE,
              min = 16,
              max = 67108864)
          int flows,
      @Field(
              doc = "Path records per worker.",
              value = "1Mi",
              kind = Field.Kind.SIZE,
              min = 16,
              max = 67108864)
          int paths,
      @Field(
              doc = "Bytes queued per channel.",
              key = "linkQueue",
              value = "4Mi",
              kind = Field.Kind.SIZE,
              min = 65536,
              max = 1073741824)
          int linkQueueBytes,
      @Field(
              doc = "Datagrams per worker that wait for fragments.",
              value = "4Ki",
              kind = Field.Kind.SIZE,
              min = 16,
              max = 1048576)
          int fragments,
      @Field(
              doc = "Bytes per worker of datagrams that wait for fragments.",
              value = "16Mi",
              kind = Field.Kind.SIZE,
              min = 65536,
              max = 1073741824)
          int fragmentBytes,
      @Field(
              doc = "Half-open TCP connections per worker.",
              value = "64Ki",
              kind = Field.Kind.SIZE,
              min = 16,
              max = 67108864)
          int halfOpen,
      @Field(
              doc =
                  "What makes room when limits.halfOpen is reached (SYN flood): the oldest half-open"
                      + " connection goes, which it also does when the flow table is full; or"
                      + " exceptions.halfOpenLimit decides about the new one.",
              value = "evict-oldest")
          HalfOpenFull halfOpenFull,
      @Field(
              doc = "ICMP errors and resets per second that a worker makes.",
              value = "1000",
              min = 0,
              max = 1000000)
          int icmpErrorsPerSecond,
      @Field(
              doc =
                  "Connections per worker that are read for what they announce, and announced"
                      + " connections that it expects: so many of each.",
              value = "16Ki",
              kind = Field.Kind.SIZE,
              min = 16,
              max = 1048576)
          int expectations,
      @Field(
              doc =
                  "Bytes per worker of packets that wait, while the number of workers changes, for the"
                      + " flows that they belong to; beyond, the newest is dropped (scale-hold).",
              key = "scaleHold",
              value = "64Mi",
              kind = Field.Kind.SIZE,
              min = 65536,
              max = 1073741824)
          int scaleHoldBytes,
      @Field(
              doc =
                  "What a sender is told for which no translated address and port is free (drop reason"
                      + " nat-exhausted): an ICMP error, administratively prohibited (RFC 5508 REQ-8),"
                      + " within limits.icmpErrorsPerSecond; or nothing.",
              value = "icmp-error")
          NatExhausted natExhausted,
      @Field(doc = "What a full queue does on live ports.", value = "drop") LinkFull linkFull) {}

  /** What the sender is told when no translated address and port is free. */
  public enum NatExhausted {
    ICMP_ERROR,
    SILENT
  }

  /** What happens when as many connections are half open as may be. */
  public enum HalfOpenFull {
    EVICT_OLDEST,
    DROP_NEW
  }

  /** What a full queue of a link does on live ports; {@code pcap} ports always block. */
  public enum LinkFull {
    DROP,
    BLOCK
  }

  /** What a policy change does to live flows. */
  public enum OnPolicyChange {
    REMATCH,
    KEEP
  }

  /**
   * Events, and what the program says of itself.
   *
   * @param level from which on a message is written to stderr
   * @param eve where events go
   * @param events types that are written; empty: all
   * @param drops which drops write an event of type drop
   * @param perSecond bound of events about packets
   * @param statsIntervalNs time between two events of type stats
   */
  public record Log(
      @Field(
              doc =
                  "Least level of what the program says of itself; may change while the gateway runs.",
              value = "warn")
          LogLevel level,
      @Field(doc = "Where events in EVE format go.") Eve eve,
      @Field(doc = "Types of events that are written; empty: all.") List<EventType> events,
      @Field(
              doc =
                  "Drop events: of rules with log and of defaultAction with defaultLog, or of every drop.",
              value = "logged")
          Drops drops,
      @Field(
              doc = "Drop and anomaly events per second and shard; more are counted, not written.",
              value = "1000",
              min = 1,
              max = 1000000)
          int perSecond,
      @Field(
              doc = "Time between two stats events.",
              key = "statsInterval",
              value = "8s",
              kind = Field.Kind.DURATION)
          long statsIntervalNs) {

    /** Returns the same with another level. */
    Log withLevel(LogLevel other) {
      return new Log(other, eve, events, drops, perSecond, statsIntervalNs);
    }
  }

  /** Where events go; in {@code path}, {@code {module}} stands for the name of the module. */
  public record Eve(
      @Field(doc = "Nowhere, a file, standard output or a Unix stream socket.", value = "none")
          EveTarget to,
      @Field(doc = "File or socket; {module} in it stands for the module's name.")
          @Nullable String path,
      @Field(doc = "When a file is put aside for a new one.") Rotate rotate,
      @Field(
              doc = "Bytes of events that wait to be written; more are lost and counted.",
              key = "queue",
              value = "4Mi",
              kind = Field.Kind.SIZE,
              min = 65536,
              max = 1073741824)
          int queueBytes) {}

  /** {@code eve.json} becomes {@code eve.json.1}, and so on; {@code keep} of them stay. */
  public record Rotate(
      @Field(
              doc = "Size of a file.",
              key = "size",
              value = "64Mi",
              kind = Field.Kind.SIZE,
              min = 4096,
              max = 1073741824)
          int sizeBytes,
      @Field(doc = "Age of a file.", key = "age", value = "24h", kind = Field.Kind.DURATION)
          long ageNs,
      @Field(doc = "Old files that are kept.", value = "4", min = 0, max = 1000) int keep) {}

  /** Where events go. */
  public enum EveTarget {
    NONE,
    FILE,
    STDOUT,
    SOCKET
  }

  /** Types of events. */
  public enum EventType {
    FLOW,
    DROP,
    ANOMALY,
    STATS
  }

  /** Which drops write an event of type drop. */
  public enum Drops {
    LOGGED,
    ALL
  }

  /** Levels of messages, the gravest first. */
  public enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG,
    TRACE
  }
}
