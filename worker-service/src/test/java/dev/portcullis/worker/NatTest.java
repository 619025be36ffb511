package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NatTest {

  private static final String CLIENT = "10.0.0.99";
  private static final String SERVER = "198.51.100.7";
  private static final String POOL = "203.0.113.10";
  private static final int SYN = PacketHeader.SYN;
  private static final int ACK = PacketHeader.ACK;

  private static final String YAML =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: nat}
      spec:
        workers: {replicas: 16}
        distribution: {algorithm: ALGORITHM}
        path: PATHMODE
        io:
          - {name: io-a, ports: [{name: lan, zone: lan, driver: pcap, addresses: [10.255.0.1/8, fd00:1::1/48]}]}
          - {name: io-b, ports: [{name: wan, zone: wan, driver: pcap, addresses: [203.0.113.1/24]}]}
        routes:
          - {to: 0.0.0.0/0, port: wan}
          - {to: "::/0", port: wan}
          - {to: 10.0.0.0/8, port: lan}
          - {to: "fd00::/16", port: lan}
        policy: p
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec:
        defaultAction: DEFAULT
        rules:
          - {name: no-telnet, from: [wan], services: [{tcp: [23]}], action: drop}
          - {name: out, from: [lan], action: accept}
          - {name: in, from: [wan], to: [lan], destination: [10.0.0.5/32, 10.0.9.0/24, "fd00:1::/48"], action: accept}
        nat:
      """;

  static String yaml(String algorithm, String mode, String nat) {
    return YAML.replace("ALGORITHM", algorithm).replace("PATHMODE", mode).replace("DEFAULT", "drop")
        + nat.indent(4);
  }

  private static String snat(String more) {
    return "source: [{name: out, from: lan, to: wan, " + more + "}]";
  }

  static String pool(String more) {
    return snat("translateTo: {addresses: [" + POOL + "]" + more + "}");
  }

  private final PacketHeader header = new PacketHeader();

  private PacketHeader parsed(byte[] packet) {
    assertEquals(PacketHeader.OK, header.parse(packet, 0, packet.length));
    assertArrayEquals(Packets.withChecksums(packet.clone()), packet, "checksums");
    return header;
  }

  private static byte[] forwarded(Network net, String port, byte[] packet) {
    Network.Out out = net.in(port, packet);
    assertEquals(DropReason.NONE, out.why(), out.trace());
    return net.left();
  }

  // ports

  @Test
  void shouldKeepThePortWhereItIsFreeAndMayBeHad() {
    Network net = new Network(yaml("ip-sum", "record", pool("")), 1, 1);
    assertEquals(40000, parsed(forwarded(net, "lan", udp(CLIENT, 40000))).sourcePort);
    int other = parsed(forwarded(net, "lan", udp("10.0.0.98", 40000))).sourcePort;
    assertNotEquals(40000, other);
    assertEquals(777, parsed(forwarded(net, "lan", echo(CLIENT, 777 + 1024))).sourcePort - 1024);
  }

  private static byte[] udp(String from, int port) {
    return Packets.udp(from, port, SERVER, 53);
  }

  private static byte[] echo(String from, int id) {
    return Packets.echo(from, SERVER, false, id);
  }

  @ParameterizedTest
  @CsvSource({"1,1,0.70", "3,1,0.22", "3,4,0.22", "16,1,0.03"})
  void shouldKeepThreeInFourPortsOfTheWorkersOwn(int workers, int shards, double atLeast) {
    Network net = new Network(yaml("ip-sum", "record", pool("")), workers, shards);
    int kept = 0;
    for (int i = 0; i < 2000; i++) {
      String client = "10.0." + i / 200 + "." + (1 + i % 200);
      int port = 1024 + i * 32 % 64_000;
      kept += parsed(forwarded(net, "lan", udp(client, port))).sourcePort == port ? 1 : 0;
    }
    assertTrue(kept >= atLeast * 2000, kept + " of 2000 kept");
  }

  @Test
  void shouldNotKeepThePortWhereTheRuleSaysSo() {
    Network net = new Network(yaml("ip-sum", "record", pool(", preservePorts: false")), 1, 1);
    int kept = 0;
    for (int i = 0; i < 100; i++) {
      kept += parsed(forwarded(net, "lan", udp(CLIENT, 40000 + i))).sourcePort == 40000 + i ? 1 : 0;
    }
    assertEquals(0, kept);
  }

  @Test
  void shouldStayInTheRangeOfTheRule() {
    Network net = new Network(yaml("ip-sum", "record", pool(", ports: 2000-3999")), 3, 2);
    for (int i = 0; i < 400; i++) {
      int port = parsed(forwarded(net, "lan", udp(CLIENT, 30000 + i))).sourcePort;
      assertTrue(port >= 2000 && port <= 3999, "port " + port);
    }
  }

  @ParameterizedTest
  @CsvSource({"1,1", "3,1", "3,4", "16,1"})
  void shouldGiveOneClientTheSharesOfAllLanesOfItsWorker(int workers, int shards) {
    Network net = new Network(yaml("ip-sum", "record", pool("")), workers, shards);
    int wanted = 32_000 / workers;
    Set<Integer> ports = new HashSet<>();
    for (int i = 0; i < wanted; i++) {
      ports.add(parsed(forwarded(net, "lan", udp(CLIENT, 1024 + i))).sourcePort);
    }
    assertEquals(wanted, ports.size());
  }

  @Test
  void shouldSayThatThePortsAreExhausted() {
    Network net = new Network(yaml("ip-sum", "record", pool(", ports: 2048-3071")), 1, 1);
    Set<Integer> ports = new HashSet<>();
    int exhausted = 0;
    for (int i = 0; i < 2000; i++) {
      Network.Out out = net.in("lan", udp(CLIENT, 10_000 + i));
      if (out.why() == DropReason.NAT_EXHAUSTED) {
        exhausted++;
      } else {
        assertTrue(ports.add(parsed(net.left()).sourcePort));
      }
    }
    assertEquals(2000, exhausted + ports.size());
    assertTrue(ports.size() > 700, ports.size() + " of 1024 ports used");
    // another receiver: the same ports again
    forwarded(net, "lan", Packets.udp(CLIENT, 9, "198.51.100.8", 53));
  }

  @Test
  void shouldFreeThePortOfAFlowThatFoundTheTableFull() {
    String small =
        yaml("ip-sum", "record", pool(""))
            .replace("  policy: p", "  limits: {flows: 16}\n  policy: p");
    Network net = new Network(small, 1, 1);
    forwarded(net, "lan", udp(CLIENT, 40_000));
    assertEquals(DropReason.FLOW_TABLE_FULL, net.in("lan", udp(CLIENT, 40_001)).why());
    net.timeNs += 31_000_000_000L;
    // another lane may have it, as nobody does
    assertEquals(40_001, parsed(forwarded(net, "lan", udp("10.0.0.97", 40_001))).sourcePort);
  }

  @Test
  void shouldFreeThePortWithItsFlow() {
    Network net = new Network(yaml("ip-sum", "record", pool(", ports: 2048-3071")), 1, 1);
    for (int round = 0; round < 20; round++) {
      for (int i = 0; i < 500; i++) {
        forwarded(net, "lan", udp(CLIENT, 10_000 + round * 500 + i));
      }
      net.timeNs += 31_000_000_000L;
    }
  }

  @Test
  void shouldCountTuplesInUse() {
    Network net = new Network(yaml("ip-sum", "record", pool("")), 1, 1);
    for (int i = 0; i < 100; i++) {
      forwarded(net, "lan", udp(CLIENT, 1024 + i));
    }
    assertEquals(100, tuples(net));
    net.timeNs += 31_000_000_000L;
    for (int i = 0; i < 100; i++) {
      forwarded(net, "lan", udp(CLIENT, 5024 + i));
    }
    assertEquals(100, tuples(net));
  }

  private static int tuples(Network net) {
    return net.workers.stream()
        .flatMap(it -> it.shards().stream())
        .mapToInt(it -> it.pipeline().flows().translated())
        .sum();
  }

  @ParameterizedTest
  @CsvSource({
    "ip-sum,1,1",
    "ip-sum,3,4",
    "flow-hash,3,1",
    "flow-hash,5,4",
    "ip-sum,16,1",
    "flow-hash,16,4"
  })
  void shouldNeverHaveTwoLiveFlowsOnOneTuple(String algorithm, int workers, int shards) {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Network net =
        new Network(yaml(algorithm, "record", pool(", ports: 20000-22047")), workers, shards);
    Map<String, String> owner = new HashMap<>();
    Map<String, Long> lastSeenNs = new HashMap<>();
    int forwarded = 0;
    for (int i = 0; i < 12_000; i++) {
      net.timeNs += random.nextLong(100_000_000L);
      String client = "10.0.0." + (1 + random.nextInt(40));
      int port = 20_000 + random.nextInt(60);
      String server = "198.51.100." + (1 + random.nextInt(2));
      Network.Out out = net.in("lan", Packets.udp(client, port, server, 53));
      if (out.why() == DropReason.NAT_EXHAUSTED) {
        continue;
      }
      forwarded++;
      assertEquals(DropReason.NONE, out.why(), "seed " + seed);
      String tuple = server + " " + parsed(net.left()).sourcePort;
      String flow = client + " " + port;
      String other = owner.put(tuple, flow);
      Long seen = lastSeenNs.put(tuple, net.timeNs);
      if (seen != null && net.timeNs - seen <= 30_000_000_000L) {
        assertEquals(other, flow, "seed " + seed + ", tuple " + tuple);
      }
    }
    assertTrue(forwarded > 6_000, forwarded + " forwarded, seed " + seed);
  }

  // whose V' leads back

  @ParameterizedTest
  @CsvSource({"3,0.95", "5,0.95", "16,0.90"})
  void shouldChooseAPortWhoseRepliesLeadBackUnderFlowHash(int workers, double atLeast) {
    Network net =
        new Network(yaml("flow-hash", "record", pool(", preservePorts: false")), workers, 1);
    assertTrue(back(net) >= atLeast, back(net) + " lead back");
  }

  private static double back(Network net) {
    int back = 0;
    for (int i = 0; i < 1000; i++) {
      String client = "10.1." + i / 200 + "." + (1 + i % 200);
      Network.Out out =
          net.in("lan", Packets.udp(client, 30000 + i, "198.51.100." + (1 + i % 50), 53));
      assertEquals(DropReason.NONE, out.why());
      back += out.trace().contains(";") ? 0 : 1;
    }
    return back / 1000.0;
  }

  @Test
  void shouldChooseThePoolAddressThatLeadsBackUnderIpSumAndKeepItPerHost() {
    String pools =
        snat("translateTo: {addresses: [203.0.113.9, 203.0.113.10, 203.0.113.11, 203.0.113.12]}");
    Network net = new Network(yaml("ip-sum", "record", pools), 3, 2);
    for (int i = 1; i < 200; i++) {
      long address = -1;
      for (int server = 1; server < 5; server++) {
        Network.Out out =
            net.in("lan", Packets.udp("10.0.1." + i, 5000, "198.51.100." + server, 53));
        assertTrue(!out.trace().contains(";"), out.trace());
        long now = parsed(net.left()).sourceLow;
        assertTrue(address < 0 || address == now, "a host has one address");
        address = now;
      }
    }
  }

  // endpoint-independent mapping

  static String independent(String filtering) {
    return snat(
        "mapping: endpoint-independent, filtering: "
            + filtering
            + ", translateTo: {addresses: ["
            + POOL
            + "]}");
  }

  @ParameterizedTest
  @CsvSource({"1,1,record", "3,1,record", "3,4,record", "5,2,recompute", "16,4,record"})
  void shouldMapAnEndpointTheSameForAllReceivers(int workers, int shards, String mode) {
    Network net =
        new Network(yaml("ip-source", mode, independent("endpoint-independent")), workers, shards);
    Set<String> used = new HashSet<>();
    for (int host = 1; host < 60; host++) {
      String client = "10.0.3." + host;
      int port = 0;
      for (int i = 1; i < 6; i++) {
        String server = "198.51.100." + i;
        byte[] out = forwarded(net, "lan", Packets.udp(client, 7000, server, 53 + i));
        assertTrue(port == 0 || port == parsed(out).sourcePort, "one port for all receivers");
        port = parsed(out).sourcePort;
        byte[] reply = forwarded(net, "wan", Packets.udp(server, 53 + i, POOL, port));
        assertArrayEquals(
            Packets.oneHopOn(Packets.udp(server, 53 + i, client, 7000)), reply, "reply");
      }
      assertTrue(used.add("udp" + port), "two endpoints on port " + port);
    }
    assertEquals(0, net.unaccounted());
  }

  @ParameterizedTest
  @CsvSource({"1,1,record", "3,2,record", "5,4,recompute", "16,1,record"})
  void shouldLetAnybodyInWithEndpointIndependentFiltering(int workers, int shards, String mode) {
    Network net =
        new Network(yaml("ip-source", mode, independent("endpoint-independent")), workers, shards);
    for (int host = 1; host < 40; host++) {
      String client = "10.0.3." + host;
      int port = parsed(forwarded(net, "lan", Packets.udp(client, 7000, SERVER, 53))).sourcePort;
      String stranger = "192.0.2." + host;
      byte[] in = forwarded(net, "wan", Packets.udp(stranger, 4444, POOL, port));
      assertArrayEquals(Packets.oneHopOn(Packets.udp(stranger, 4444, client, 7000)), in);
      byte[] answer = forwarded(net, "lan", Packets.udp(client, 7000, stranger, 4444));
      assertArrayEquals(Packets.oneHopOn(Packets.udp(POOL, port, stranger, 4444)), answer);
      byte[] again = forwarded(net, "wan", Packets.udp(stranger, 4444, POOL, port));
      assertArrayEquals(Packets.oneHopOn(Packets.udp(stranger, 4444, client, 7000)), again);
      // TCP simultaneous open: RFC 5382 REQ-2, REQ-3
      int tcp = parsed(forwarded(net, "lan", Packets.tcp(client, 99, SERVER, 80, SYN))).sourcePort;
      byte[] syn = forwarded(net, "wan", Packets.tcp(stranger, 5, POOL, tcp, SYN));
      assertArrayEquals(Packets.oneHopOn(Packets.tcp(stranger, 5, client, 99, SYN)), syn);
    }
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldLetKnownAddressesInWithAddressDependentFiltering() {
    Network net = new Network(yaml("ip-source", "record", independent("address-dependent")), 3, 2);
    int port = parsed(forwarded(net, "lan", udp(CLIENT, 7000))).sourcePort;
    forwarded(net, "wan", Packets.udp(SERVER, 999, POOL, port));
    assertEquals(
        DropReason.NAT_FILTERED, net.in("wan", Packets.udp("192.0.2.1", 53, POOL, port)).why());
  }

  @Test
  void shouldLetOnlyRepliesInWithAddressAndPortDependentFiltering() {
    Network net =
        new Network(yaml("ip-source", "record", independent("address-and-port-dependent")), 3, 2);
    int port = parsed(forwarded(net, "lan", udp(CLIENT, 7000))).sourcePort;
    forwarded(net, "wan", Packets.udp(SERVER, 53, POOL, port));
    assertEquals(
        DropReason.NAT_FILTERED, net.in("wan", Packets.udp(SERVER, 999, POOL, port)).why());
    assertEquals(
        DropReason.NAT_FILTERED, net.in("wan", Packets.udp(SERVER, 53, POOL, port ^ 64)).why());
  }

  @Test
  void shouldObeyARuleThatForbidsWhatTheMappingWouldLetIn() {
    Network net =
        new Network(yaml("ip-source", "record", independent("endpoint-independent")), 3, 2);
    int port = parsed(forwarded(net, "lan", Packets.tcp(CLIENT, 23, SERVER, 80, SYN))).sourcePort;
    assertEquals(DropReason.ACL, net.in("wan", Packets.tcp("192.0.2.1", 5, POOL, port, SYN)).why());
  }

  @Test
  void shouldKeepAMappingByOutboundPacketsAlone() {
    Network net =
        new Network(yaml("ip-source", "record", independent("endpoint-independent")), 3, 2);
    int port = parsed(forwarded(net, "lan", udp(CLIENT, 7000))).sourcePort;
    for (int i = 0; i < 6; i++) {
      net.timeNs += 60_000_000_000L;
      Network.Out in = net.in("wan", Packets.udp("192.0.2.1", 1000 + i, POOL, port));
      assertEquals(i < 5 ? DropReason.NONE : DropReason.NAT_FILTERED, in.why(), "minute " + i);
    }
    assertEquals(port, parsed(forwarded(net, "lan", udp(CLIENT, 7000))).sourcePort);
    forwarded(net, "wan", Packets.udp("192.0.2.1", 2000, POOL, port));
    net.timeNs += 301_000_000_000L;
    assertEquals(
        DropReason.NAT_FILTERED, net.in("wan", Packets.udp("192.0.2.1", 2001, POOL, port)).why());
  }

  @Test
  void shouldMapEchoIdentifiersTheSameForAllReceivers() {
    Network net =
        new Network(yaml("ip-source", "record", independent("endpoint-independent")), 3, 2);
    int id = parsed(forwarded(net, "lan", Packets.echo(CLIENT, SERVER, false, 9))).sourcePort;
    byte[] second = forwarded(net, "lan", Packets.echo(CLIENT, "198.51.100.8", false, 9));
    assertEquals(id, parsed(second).sourcePort);
    byte[] reply = forwarded(net, "wan", Packets.echo("198.51.100.8", POOL, true, id));
    assertArrayEquals(Packets.oneHopOn(Packets.echo("198.51.100.8", CLIENT, true, 9)), reply);
    assertEquals(
        DropReason.NAT_FILTERED, net.in("wan", Packets.echo("192.0.2.1", POOL, false, id)).why());
  }

  @ParameterizedTest
  @CsvSource({"1,1", "3,1", "3,4", "5,2", "16,4"})
  void shouldLetInnerHostsReachEachOtherByTheirMappings(int workers, int shards) {
    Network net =
        new Network(
            yaml("ip-source", "record", independent("endpoint-independent")), workers, shards);
    for (int i = 1; i < 30; i++) {
      String a = "10.0.4." + i;
      String b = "10.0.5." + i;
      int portA = parsed(forwarded(net, "lan", Packets.udp(a, 6000, SERVER, 53))).sourcePort;
      int portB = parsed(forwarded(net, "lan", Packets.udp(b, 6001, SERVER, 53))).sourcePort;
      byte[] there = forwarded(net, "lan", Packets.udp(a, 6000, POOL, portB));
      assertArrayEquals(Packets.oneHopOn(Packets.udp(POOL, portA, b, 6001)), there, "request " + i);
      assertEquals(net.tag("lan"), net.packetsOut().getFirst().tag());
      byte[] back = forwarded(net, "lan", Packets.udp(b, 6001, POOL, portA));
      assertArrayEquals(Packets.oneHopOn(Packets.udp(POOL, portB, a, 6000)), back, "reply " + i);
      there = forwarded(net, "lan", Packets.udp(a, 6000, POOL, portB));
      assertArrayEquals(Packets.oneHopOn(Packets.udp(POOL, portA, b, 6001)), there, "again " + i);
    }
    assertEquals(0, net.unaccounted());
  }

  @ParameterizedTest
  @CsvSource({"1,1", "3,2", "5,4"})
  void shouldTakeAnErrorBackThroughBothMappings(int workers, int shards) {
    Network net =
        new Network(
            yaml("ip-source", "record", independent("endpoint-independent")), workers, shards);
    String a = "10.0.4.1";
    String b = "10.0.5.1";
    int portA = parsed(forwarded(net, "lan", Packets.udp(a, 6000, SERVER, 53))).sourcePort;
    int portB = parsed(forwarded(net, "lan", Packets.udp(b, 6001, SERVER, 53))).sourcePort;
    byte[] there = forwarded(net, "lan", Packets.udp(a, 6000, POOL, portB));
    byte[] error = forwarded(net, "lan", Packets.error(b, POOL, 3, 3, 0, there));
    byte[] quoted = Packets.oneHopOn(Packets.udp(a, 6000, POOL, portB));
    assertArrayEquals(Packets.oneHopOn(Packets.error(POOL, a, 3, 3, 0, quoted)), error);
    assertEquals(portA, parsed(there).sourcePort);
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldTakeAnErrorBackThroughAPrefix() {
    Network net = new Network(yaml("flow-hash", "record", PREFIX), 3, 2);
    String inner = "fd00:1:0:7::1234";
    byte[] out = forwarded(net, "lan", Packets.udp(inner, 50, "2001:db8:ffff::1", 53));
    PacketHeader h = parsed(out);
    String outer = new IpAddress(6, h.sourceHigh, h.sourceLow).toString();
    byte[] error = forwarded(net, "wan", Packets.error("2001:db8:eeee::1", outer, 1, 0, 0, out));
    byte[] quoted = Packets.oneHopOn(Packets.udp(inner, 50, "2001:db8:ffff::1", 53));
    assertArrayEquals(
        Packets.oneHopOn(Packets.error("2001:db8:eeee::1", inner, 1, 0, 0, quoted)), error);
  }

  // hairpin by DNAT and static

  private static final String WWW =
      "destination: [{name: www, destination: 203.0.113.20, service: {tcp: 80}, translateTo: {address: 10.0.0.5, port: 8080}}]";

  @ParameterizedTest
  @CsvSource({"ip-sum,1,1", "ip-sum,3,4", "flow-hash,5,2", "ip-source,3,1"})
  void shouldLetInnerHostsReachAPublishedServer(String algorithm, int workers, int shards) {
    Network net = new Network(yaml(algorithm, "record", pool("") + "\n" + WWW), workers, shards);
    for (int i = 1; i < 30; i++) {
      String client = "10.0.6." + i;
      byte[] syn = forwarded(net, "lan", Packets.tcp(client, 3000, "203.0.113.20", 80, SYN));
      int port = parsed(syn).sourcePort;
      assertArrayEquals(
          Packets.oneHopOn(Packets.tcp(POOL, port, "10.0.0.5", 8080, SYN)), syn, "outer sender");
      byte[] answer = forwarded(net, "lan", Packets.tcp("10.0.0.5", 8080, POOL, port, SYN | ACK));
      assertArrayEquals(
          Packets.oneHopOn(Packets.tcp("203.0.113.20", 80, client, 3000, SYN | ACK)), answer);
    }
  }

  private static final String STATIC =
      """
      static:
        - {name: mail, zones: [wan], external: 203.0.113.25, internal: 10.0.9.25}
        - {name: net, zones: [wan], external: 198.18.9.0/24, internal: 10.0.9.0/24}
      """;

  @ParameterizedTest
  @CsvSource({
    "ip-sum,1,1,record",
    "ip-sum,3,4,record",
    "flow-hash,5,2,record",
    "ip-source,3,2,recompute",
    "ip-sum,3,2,recompute",
    "flow-hash,5,1,recompute"
  })
  void shouldTranslateOneToOneBothWays(String algorithm, int workers, int shards, String mode) {
    Network net = new Network(yaml(algorithm, mode, pool("") + "\n" + STATIC), workers, shards);
    for (int i = 1; i < 20; i++) {
      String outer = "198.18.9." + i;
      String inner = "10.0.9." + i;
      String far = "192.0.2." + i;
      byte[] in = forwarded(net, "wan", Packets.tcp(far, 77, outer, 443, SYN));
      assertArrayEquals(Packets.oneHopOn(Packets.tcp(far, 77, inner, 443, SYN)), in);
      byte[] back = forwarded(net, "lan", Packets.tcp(inner, 443, far, 77, SYN | ACK));
      assertArrayEquals(Packets.oneHopOn(Packets.tcp(outer, 443, far, 77, SYN | ACK)), back);
      byte[] out = forwarded(net, "lan", Packets.udp(inner, 50, far, 53));
      assertArrayEquals(Packets.oneHopOn(Packets.udp(outer, 50, far, 53)), out);
      byte[] reply = forwarded(net, "wan", Packets.udp(far, 53, outer, 50));
      assertArrayEquals(Packets.oneHopOn(Packets.udp(far, 53, inner, 50)), reply);
      for (int protocol : new int[] {47, 50, 132}) {
        byte[] any = Packets.packet(far, outer, protocol, new byte[12]);
        byte[] passed = forwarded(net, "wan", any);
        assertArrayEquals(
            Packets.oneHopOn(Packets.packet(far, inner, protocol, new byte[12])), passed);
        byte[] other = forwarded(net, "lan", Packets.packet(inner, far, protocol, new byte[12]));
        assertArrayEquals(
            Packets.oneHopOn(Packets.packet(outer, far, protocol, new byte[12])), other);
      }
    }
    // the first that names the host is used
    byte[] mail = forwarded(net, "lan", Packets.udp("10.0.9.25", 50, SERVER, 53));
    assertArrayEquals(Packets.oneHopOn(Packets.udp("203.0.113.25", 50, SERVER, 53)), mail);
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldLetInnerHostsReachAStaticAddress() {
    Network net = new Network(yaml("ip-sum", "record", pool("") + "\n" + STATIC), 3, 2);
    byte[] out = forwarded(net, "lan", Packets.udp("10.0.9.7", 50, "198.18.9.8", 53));
    assertArrayEquals(Packets.oneHopOn(Packets.udp("198.18.9.7", 50, "10.0.9.8", 53)), out);
    byte[] back = forwarded(net, "lan", Packets.udp("10.0.9.8", 53, "198.18.9.7", 50));
    assertArrayEquals(Packets.oneHopOn(Packets.udp("198.18.9.8", 53, "10.0.9.7", 50)), back);
    byte[] dynamic = forwarded(net, "lan", Packets.udp("10.0.8.1", 50, "198.18.9.8", 53));
    int port = parsed(dynamic).sourcePort;
    assertArrayEquals(Packets.oneHopOn(Packets.udp(POOL, port, "10.0.9.8", 53)), dynamic);
  }

  // prefixes

  private static final String PREFIX =
      "prefix: [{name: v6, zones: [wan], internal: \"fd00:1::/48\", external: \"2001:db8:1::/48\"}]";

  @ParameterizedTest
  @CsvSource({
    "ip-sum,1,1,record",
    "ip-sum,3,4,record",
    "flow-hash,5,2,record",
    "ip-sum,3,2,recompute"
  })
  void shouldTranslatePrefixesWithoutTouchingTransport(
      String algorithm, int workers, int shards, String mode) {
    Network net = new Network(yaml(algorithm, mode, PREFIX), workers, shards);
    for (int i = 1; i < 20; i++) {
      // the payload, checksum included, stays as it is
      String inner = "fd00:1:0:" + i + "::1234";
      byte[] packet = Packets.udp(inner, 50, "2001:db8:ffff::1", 53);
      byte[] out = forwarded(net, "lan", packet.clone());
      assertArrayEquals(
          Arrays.copyOfRange(packet, 40, packet.length), Arrays.copyOfRange(out, 40, out.length));
      PacketHeader h = parsed(out);
      assertEquals(0x20010db80001L, h.sourceHigh >>> 16);
      String outer = new IpAddress(6, h.sourceHigh, h.sourceLow).toString();
      byte[] reply = forwarded(net, "wan", Packets.udp("2001:db8:ffff::1", 53, outer, 50));
      assertArrayEquals(Packets.oneHopOn(Packets.udp("2001:db8:ffff::1", 53, inner, 50)), reply);
      byte[] in = forwarded(net, "wan", Packets.tcp("2001:db8:ffff::2", 7, outer, 80, SYN));
      assertArrayEquals(Packets.oneHopOn(Packets.tcp("2001:db8:ffff::2", 7, inner, 80, SYN)), in);
    }
    assertEquals(
        DropReason.NAT_UNTRANSLATABLE,
        net.in("lan", Packets.udp("fd00:1:0:ffff::1", 50, "2001:db8:ffff::1", 53)).why());
  }

  // examples

  private static String example(String name) throws IOException {
    return Files.readString(Path.of("../examples/" + name + ".yaml"));
  }

  @Test
  void shouldDoWhatTheExampleOfStaticTranslationsSays() throws IOException {
    Network net = new Network(example("static-nat"), 3, 2);
    byte[] in = forwarded(net, "wan", Packets.tcp(SERVER, 7, "203.0.113.37", 443, SYN));
    assertArrayEquals(Packets.oneHopOn(Packets.tcp(SERVER, 7, "10.0.9.5", 443, SYN)), in);
    byte[] kept = forwarded(net, "lan", Packets.udp(CLIENT, 5, "192.168.7.7", 53));
    assertArrayEquals(Packets.oneHopOn(Packets.udp(CLIENT, 5, "192.168.7.7", 53)), kept);
    assertEquals(0xcb007101L, parsed(forwarded(net, "lan", udp(CLIENT, 5))).sourceLow);
    byte[] six = forwarded(net, "lan", Packets.udp("fd00:1::7", 5, "2001:db8:ffff::1", 53));
    assertEquals(0x20010db80001L, parsed(six).sourceHigh >>> 16);
  }

  @Test
  void shouldDoWhatTheExampleOfPeersSays() throws IOException {
    Network net = new Network(example("endpoint-independent"), 3, 2);
    PacketHeader h = parsed(forwarded(net, "lan", udp(CLIENT, 7000)));
    String pool = new IpAddress(4, 0, h.sourceLow).toString();
    int port = h.sourcePort;
    byte[] in = forwarded(net, "wan", Packets.udp("192.0.2.1", 9, pool, port));
    assertArrayEquals(Packets.oneHopOn(Packets.udp("192.0.2.1", 9, CLIENT, 7000)), in);
  }

  // which flows

  @Test
  void shouldKeepTheSenderOfWhatARuleExempts() {
    String nat =
        """
        source:
          - {name: vpn, from: lan, to: wan, destination: [192.0.2.0/24], exempt: true}
          - {name: dns, from: lan, to: wan, services: [{udp: [53]}], translateTo: {addresses: [203.0.113.53]}}
          - {name: rest, from: lan, to: wan, translateTo: {interface: true}}
        """;
    Network net = new Network(yaml("ip-sum", "record", nat), 3, 2);
    byte[] kept = forwarded(net, "lan", Packets.udp(CLIENT, 5, "192.0.2.9", 53));
    assertArrayEquals(Packets.oneHopOn(Packets.udp(CLIENT, 5, "192.0.2.9", 53)), kept);
    byte[] dns = forwarded(net, "lan", udp(CLIENT, 5));
    assertEquals(0xcb007135L, parsed(dns).sourceLow);
    byte[] rest = forwarded(net, "lan", Packets.udp(CLIENT, 5, SERVER, 54));
    assertEquals(0xcb007101L, parsed(rest).sourceLow);
    int port = parsed(rest).sourcePort;
    byte[] reply = forwarded(net, "wan", Packets.udp(SERVER, 54, "203.0.113.1", port));
    assertArrayEquals(Packets.oneHopOn(Packets.udp(SERVER, 54, CLIENT, 5)), reply);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 5, 16})
  void shouldGiveAProtocolWithoutPortsToOneSenderPerReceiver(int workers) {
    Network net = new Network(yaml("ip-sum", "record", pool("")), workers, 2);
    int served = 0;
    List<String> clients = new ArrayList<>();
    for (int i = 1; i < 20; i++) {
      String client = "10.0.7." + i;
      Network.Out out = net.in("lan", Packets.packet(client, SERVER, 47, new byte[8]));
      if (out.why() == DropReason.NONE) {
        served++;
        clients.add(client);
        assertArrayEquals(
            Packets.oneHopOn(Packets.packet(POOL, SERVER, 47, new byte[8])), net.left());
      } else {
        assertEquals(DropReason.NAT_EXHAUSTED, out.why());
      }
    }
    assertEquals(1, served);
    byte[] reply = forwarded(net, "wan", Packets.packet(SERVER, POOL, 47, new byte[9]));
    assertArrayEquals(
        Packets.oneHopOn(Packets.packet(SERVER, clients.getFirst(), 47, new byte[9])), reply);
    forwarded(net, "lan", Packets.packet("10.0.7.50", "198.51.100.8", 47, new byte[8]));
    // its lane notices the end of the flow, and the address rests
    net.timeNs += 700_000_000_000L;
    forwarded(net, "lan", udp(clients.getFirst(), 5));
    net.timeNs += 31_000_000_000L;
    served = 0;
    for (int i = 2; i < 20; i++) {
      Network.Out out = net.in("lan", Packets.packet("10.0.7." + i, SERVER, 47, new byte[8]));
      served += out.why() == DropReason.NONE ? 1 : 0;
    }
    assertEquals(1, served);
  }
}
