package dev.portcullis.core.policy;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The {@code spec} of a {@code PacketGateway}: what modules, ports and ways through them there are. Immutable, complete:
 * the loader has put every default in.
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
 * @param policy name of the GatewayPolicy
 */
public record GatewaySpec(
    Workers workers,
    Distribution distribution,
    List<Pool> pools,
    List<Io> io,
    List<Route> routes,
    List<InlinePair> inline,
    Switch switchModule,
    Replication replication,
    Exceptions exceptions,
    PathMode path,
    Timeouts timeouts,
    Limits limits,
    OnPolicyChange onPolicyChange,
    @Nullable String policy) {

  /** Worker modules: {@code replicas} that run, {@code quantity} N that takes part ({@code null}: auto), threads each. */
  public record Workers(int replicas, @Nullable Integer quantity, int shards) {}

  /** Assignment: algorithm and weights of the default class, and further classes. */
  public record Distribution(Algorithm algorithm, List<Integer> weights, List<TrafficClass> classes) {}

  /** One type of traffic with an algorithm and a pool of its own; told by port number, either side. */
  public record TrafficClass(
      String name, Algorithm algorithm, List<Integer> weights, String pool, List<Integer> tcpPorts, List<Integer> udpPorts) {}

  /** Algorithms for V, ARCHITECTURE section 3. */
  public enum Algorithm { IP_SUM, IP_SOURCE, IP_DESTINATION, IP_SUM_WEIGHTED, FLOW_HASH, CONSISTENT }

  /** A pool of {@code replicas} workers with identification numbers from {@code base}. */
  public record Pool(String name, int base, int replicas) {}

  /** IO module(s): {@code replicas} of them with the same ports. */
  public record Io(String name, int replicas, List<PortSpec> ports) {}

  /** A port: its name, zone and driver. Addresses are in CIDR form. */
  public record PortSpec(
      String name, String zone, Driver driver, List<String> addresses, int mtu, @Nullable PcapSpec pcap) {}

  /** Port drivers. */
  public enum Driver { PCAP, TUN, PACKET, VXLAN, GENEVE }

  /** Files of a {@code pcap} port: frames are read from {@code read}, and written to {@code write}. */
  public record PcapSpec(List<String> read, @Nullable String write) {}

  /** Route: packets to {@code to} (CIDR) leave by {@code port}, with next hop {@code via} where the port has neighbours. */
  public record Route(String to, String port, @Nullable String via) {}

  /** Inline pair: exactly two ports. */
  public record InlinePair(String name, List<String> ports) {}

  /** Switch or mesh. */
  public record Switch(SwitchMode mode) {}

  /** What carries packets between workers. */
  public enum SwitchMode { MODULE, MESH }

  /** Copies of flow state. */
  public enum Replication { NONE, ASYNC, SYNC }

  /** Drop or pass. */
  public enum ExceptionAction { DROP, PASS }

  /** What to do on each condition. */
  public record Exceptions(
      ExceptionAction badChecksum,
      ExceptionAction malformed,
      ExceptionAction midstream,
      ExceptionAction outOfState,
      ExceptionAction flowTableFull,
      ExceptionAction unknownLinkType,
      ExceptionAction nonIp,
      ExceptionAction martian) {}

  /** W1/W2 or W5 of the patent. */
  public enum PathMode { RECORD, RECOMPUTE }

  /** Idle timeouts in nanoseconds. */
  public record Timeouts(
      long tcpSynSentNs,
      long tcpSynReceivedNs,
      long tcpEstablishedNs,
      long tcpClosingNs,
      long tcpClosedNs,
      long udpNewNs,
      long udpEstablishedNs,
      long icmpNs,
      long otherNs) {}

  /** Bounds: flows and path records per worker (shared out over its shards), bytes queued per channel. */
  public record Limits(int flows, int paths, int linkQueueBytes, LinkFull linkFull) {}

  /** What a full queue of a link does on live ports; {@code pcap} ports always block. */
  public enum LinkFull { DROP, BLOCK }

  /** What a policy change does to live flows. */
  public enum OnPolicyChange { REMATCH, KEEP }
}
