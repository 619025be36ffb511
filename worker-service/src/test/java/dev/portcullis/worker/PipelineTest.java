package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.pipeline.Shard;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PipelineTest {

  private static final String CLIENT = "10.0.0.99";
  private static final String SERVER = "198.51.100.7";
  private static final String POOL = "203.0.113.10";
  private static final int SYN = PacketHeader.SYN;
  private static final int ACK = PacketHeader.ACK;

  private final PacketHeader header = new PacketHeader();

  private PacketHeader parsed(byte[] packet) {
    assertEquals(PacketHeader.OK, header.parse(packet, 0, packet.length));
    return header;
  }

  @Test
  void shouldTranslateTheSenderAndOneHopOfTtl() {
    Network net = new Network(Network.branch("ip-sum", "record"), 1, 1);
    Network.Out outcome = net.in("lan", Packets.tcp(CLIENT, 40000, SERVER, 443, SYN));
    assertEquals(DropReason.NONE, outcome.why());
    assertEquals("w0 lg-lan:acl:allow-out,stateful:new,snat", outcome.trace());
    int port = parsed(net.left()).sourcePort;
    assertArrayEquals(Packets.oneHopOn(Packets.tcp(POOL, port, SERVER, 443, SYN)), net.left());
    assertEquals(net.tag("wan"), net.packetsOut().getFirst().tag());
  }

  @ParameterizedTest
  @CsvSource({
    "ip-sum,record,1,1",
    "ip-sum,record,3,1",
    "ip-sum,record,3,4",
    "ip-sum,record,5,16",
    "ip-source,record,3,2",
    "ip-destination,record,5,1",
    "flow-hash,record,5,3",
    "ip-sum,recompute,3,4",
    "flow-hash,recompute,5,2",
    "ip-source,recompute,3,3",
    "consistent,record,3,2"
  })
  void shouldBringRepliesBackToTheirSender(String algorithm, String mode, int workers, int shards) {
    Network net = new Network(Network.branch(algorithm, mode), workers, shards);
    for (int i = 0; i < 50; i++) {
      String client = "10.0.1." + (i + 1);
      assertEquals(
          DropReason.NONE, net.in("lan", Packets.tcp(client, 40000 + i, SERVER, 443, SYN)).why());
      int port = parsed(net.left()).sourcePort;
      Network.Out reply = net.in("wan", Packets.tcp(SERVER, 443, POOL, port, SYN | ACK));
      assertEquals(DropReason.NONE, reply.why(), reply.trace());
      assertArrayEquals(
          Packets.oneHopOn(Packets.tcp(SERVER, 443, client, 40000 + i, SYN | ACK)), net.left());
      assertEquals(net.tag("lan"), net.packetsOut().getFirst().tag());
      Network.Out third = net.in("lan", Packets.tcp(client, 40000 + i, SERVER, 443, ACK));
      assertTrue(third.trace().contains("acl:allow-out,stateful:established,snat"), third.trace());
      assertArrayEquals(Packets.oneHopOn(Packets.tcp(POOL, port, SERVER, 443, ACK)), net.left());

      assertEquals(DropReason.NONE, net.in("lan", Packets.udp(client, 50000, SERVER, 53)).why());
      port = parsed(net.left()).sourcePort;
      assertEquals(DropReason.NONE, net.in("wan", Packets.udp(SERVER, 53, POOL, port)).why());
      assertArrayEquals(Packets.oneHopOn(Packets.udp(SERVER, 53, client, 50000)), net.left());

      assertEquals(DropReason.NONE, net.in("lan", Packets.echo(client, SERVER, false, 9)).why());
      port = parsed(net.left()).sourcePort;
      assertArrayEquals(Packets.oneHopOn(Packets.echo(POOL, SERVER, false, port)), net.left());
      assertEquals(DropReason.NONE, net.in("wan", Packets.echo(SERVER, POOL, true, port)).why());
      assertArrayEquals(Packets.oneHopOn(Packets.echo(SERVER, client, true, 9)), net.left());

      String outside = "192.0.2." + (i + 1);
      assertEquals(DropReason.NONE, net.in("wan", Packets.tcp(outside, 1234, POOL, 80, SYN)).why());
      assertArrayEquals(
          Packets.oneHopOn(Packets.tcp(outside, 1234, "10.0.0.5", 8080, SYN)), net.left());
      Network.Out answer = net.in("lan", Packets.tcp("10.0.0.5", 8080, outside, 1234, SYN | ACK));
      assertEquals(DropReason.NONE, answer.why(), answer.trace());
      assertArrayEquals(
          Packets.oneHopOn(Packets.tcp(POOL, 80, outside, 1234, SYN | ACK)), net.left());
    }
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldSendWhatItHasGatheredBeforeItWorksByANewTable() {
    Network net = new Network(Network.branch("flow-hash", "record"), 1, 4);
    for (int i = 0; i < 20; i++) {
      net.in("lan", Packets.udp("10.0.1." + (i + 1), 40000 + i, SERVER, 53));
      int port = parsed(net.left()).sourcePort;
      net.tableComes();
      net.in("wan", Packets.udp(SERVER, 53, POOL, port));
      assertEquals(1, net.packetsOut().size());
    }
    assertTrue(net.workers.getFirst().shards().stream().mapToLong(Shard::passedIn).sum() > 0);
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldNameBothWorkersWhenSnatMovesTheReply() {
    Network net = new Network(Network.branch("ip-sum", "record"), 3, 2);
    Set<String> ways = new HashSet<>();
    for (int i = 1; i <= 30; i++) {
      String client = "10.0.2." + i;
      Network.Out request = net.in("lan", Packets.udp(client, 5000, SERVER, 53));
      byte[] sent = net.left();
      Network.Out reply = net.in("wan", Packets.udp(SERVER, 53, POOL, parsed(sent).sourcePort));
      ways.add(request.trace() + " | " + reply.trace());
    }
    assertTrue(
        ways.stream()
            .anyMatch(
                it ->
                    it.matches(
                        "w0 lg-lan:acl:allow-out,stateful:new,snat;w[12] :record \\| w[12] lg-wan:path;w0 :dnat,stateful:established")),
        ways.toString());
    assertTrue(
        ways.stream()
            .anyMatch(
                it ->
                    it.matches(
                        "w([0-2]) lg-lan:acl:allow-out,stateful:new,snat \\| w\\1 lg-wan:dnat,stateful:established")),
        ways.toString());
  }

  @Test
  void shouldDropWithTheReasonOfEachStage() {
    Network net = new Network(Network.branch("ip-sum", "record"), 3, 1);
    assertEquals(DropReason.REJECTED, net.in("lan", Packets.tcp(CLIENT, 1, SERVER, 23, SYN)).why());
    assertEquals(
        DropReason.ACL_DEFAULT, net.in("wan", Packets.udp(SERVER, 1, "10.0.0.7", 9)).why());
    assertEquals(
        DropReason.MIDSTREAM, net.in("lan", Packets.tcp(CLIENT, 1, SERVER, 80, ACK)).why());
    assertEquals(
        DropReason.OUT_OF_STATE, net.in("lan", Packets.tcp(CLIENT, 1, SERVER, 80, 0)).why());
    assertEquals(
        DropReason.OUT_OF_STATE, net.in("lan", Packets.echo(CLIENT, SERVER, true, 1)).why());
    assertEquals(DropReason.MARTIAN, net.in("lan", Packets.udp("127.0.0.1", 1, SERVER, 80)).why());
    assertEquals(
        DropReason.NO_ROUTE, net.in("lan", Packets.udp("2001:db8::1", 1, "2001:db8::2", 80)).why());
    assertEquals(
        DropReason.NAT_EXHAUSTED,
        net.in(
                "lan",
                Packets.packet(
                    CLIENT, SERVER, PacketHeader.ICMP, new byte[] {13, 0, 0, 0, 0, 0, 0, 0}))
            .why());
    byte[] damaged = Packets.udp(CLIENT, 1, SERVER, 80);
    damaged[damaged.length - 1] ^= 1;
    assertEquals(DropReason.BAD_CHECKSUM, net.in("lan", damaged).why());
    assertEquals(DropReason.MALFORMED, net.in("lan", new byte[] {0x45, 0, 0}).why());
    byte[] last = Packets.udp(CLIENT, 1, SERVER, 80);
    last[8] = 1;
    assertEquals(DropReason.TTL_EXPIRED, net.in("lan", Packets.withChecksums(last)).why());
    assertEquals(0, net.unaccounted());
    assertEquals(2, net.originated(), "a reset and an ICMP error");
  }

  @Test
  void shouldCutPaddingAndLinkHeaderOfRoutedPackets() {
    Network net = new Network(Network.branch("ip-sum", "record"), 1, 1);
    byte[] padded = java.util.Arrays.copyOf(Packets.udp(CLIENT, 7, SERVER, 53), 46);
    net.in("lan", padded);
    assertEquals(33, net.left().length);
    assertEquals(0, net.packetsOut().getFirst().linkType());
  }

  @ParameterizedTest
  @CsvSource({"1,1", "2,1", "3,4", "5,2"})
  void shouldTouchNothingInAnInlinePair(int workers, int shards) {
    Network net = new Network(Network.TRANSPARENT, workers, shards);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<byte[]> in = new ArrayList<>();
    int left = 0;
    for (int i = 0; i < 2000; i++) {
      net.timeNs += random.nextLong(5_000_000_000L);
      in.add(random(random));
      net.in(random.nextBoolean() ? "lan" : "wan", in.get(i));
      left += sameLeft(net, in, "seed " + seed);
    }
    net.tick(Long.MAX_VALUE / 2);
    left += sameLeft(net, in, "seed " + seed);
    assertEquals(in.size(), left, "seed " + seed);
    assertEquals(0, net.held(), "seed " + seed);
    assertEquals(0, net.unaccounted(), "seed " + seed);
  }

  private static int sameLeft(Network net, List<byte[]> in, String seed) {
    for (Network.Out it : net.out) {
      assertEquals(DropReason.NONE, it.why(), seed);
      if (!it.outcome()) {
        assertArrayEquals(in.get((int) it.number() - 1), it.data(), seed);
        assertEquals(14, it.l2Length());
      }
    }
    return net.packetsOut().size();
  }

  private static byte[] random(Random random) {
    String a = "10.0.0." + (1 + random.nextInt(4));
    String b = SERVER.replace("7", "" + (1 + random.nextInt(3)));
    if (random.nextBoolean()) {
      String swap = a;
      a = b;
      b = swap;
    }
    byte[] packet =
        switch (random.nextInt(4)) {
          case 0 ->
              Packets.tcp(a, 1 + random.nextInt(3), b, 1 + random.nextInt(3), random.nextInt(64));
          case 1 -> Packets.udp(a, 1 + random.nextInt(3), b, 1 + random.nextInt(3));
          case 2 -> Packets.echo(a, b, random.nextBoolean(), random.nextInt(3));
          // each sender has a protocol of its own, so that they do not contend for the address
          default ->
              Packets.packet(
                  a, b, 47 + a.charAt(a.length() - 1) - '0', new byte[random.nextInt(9)]);
        };
    if (random.nextInt(10) == 0) {
      packet[random.nextInt(packet.length)] ^= (byte) (1 << random.nextInt(8));
    }
    if (random.nextInt(10) == 0) {
      packet = java.util.Arrays.copyOf(packet, 1 + random.nextInt(packet.length + 9));
    }
    return packet;
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,record", "ip-source,record", "flow-hash,record", "ip-sum,recompute"})
  void shouldGiveTheSameForOneAndFourShards(String algorithm, String mode) {
    long seed = System.nanoTime();
    List<List<String>> results = new ArrayList<>();
    for (int shards : new int[] {1, 4}) {
      Random random = new Random(seed);
      Network net = new Network(Network.branch(algorithm, mode), 3, shards);
      List<String> result = new ArrayList<>();
      for (int i = 0; i < 1500; i++) {
        net.timeNs += random.nextLong(2_000_000_000L);
        Network.Out outcome = net.in(random.nextInt(3) > 0 ? "lan" : "wan", random(random));
        result.add(outcome.why() + " " + outcome.trace());
        net.packetsOut()
            .forEach(it -> result.add(it.tag() + java.util.HexFormat.of().formatHex(it.data())));
      }
      results.add(result);
    }
    assertEquals(results.get(0), results.get(1), "seed " + seed);
  }

  @Test
  void shouldTreatABatchAsItsPacketsOneByOne() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Network one = new Network(Network.branch("ip-sum", "record"), 2, 1);
    Network all = new Network(Network.branch("ip-sum", "record"), 2, 1);
    for (int round = 0; round < 100; round++) {
      one.timeNs = all.timeNs += random.nextLong(4_000_000_000L);
      List<byte[]> packets = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        packets.add(random(random));
      }
      List<String> expected = new ArrayList<>();
      for (byte[] packet : packets) {
        Network.Out it = one.in("lan", packet.clone());
        expected.add(it.number() + " " + it.why() + " " + it.trace());
      }
      List<String> actual =
          all.in("lan", packets).stream()
              .map(it -> it.number() + " " + it.why() + " " + it.trace())
              .toList();
      assertEquals(expected, actual, "seed " + seed);
    }
  }

  @Test
  void shouldNeverGiveOneTranslatedTupleToTwoFlows() {
    Network net = new Network(Network.branch("ip-sum", "record"), 3, 2);
    Set<String> tuples = new HashSet<>();
    int exhausted = 0;
    for (int i = 0; i < 60_000; i++) {
      Network.Out outcome =
          net.in("lan", Packets.udp("10." + i % 240 + ".3.4", 1000 + i / 240, SERVER, 53));
      if (outcome.why() == DropReason.NAT_EXHAUSTED) {
        exhausted++;
      } else {
        assertTrue(tuples.add(String.valueOf(parsed(net.left()).sourcePort)), "flow " + i);
      }
    }
    assertEquals(60_000, tuples.size() + exhausted);
    assertEquals(0, exhausted);
  }

  @Test
  void shouldOpenAClosedConnectionAnew() {
    Network net = new Network(Network.branch("ip-sum", "record"), 3, 2);
    net.in("lan", Packets.tcp(CLIENT, 5, SERVER, 80, SYN));
    net.in("lan", Packets.tcp(CLIENT, 5, SERVER, 80, PacketHeader.RST));
    Network.Out again = net.in("lan", Packets.tcp(CLIENT, 5, SERVER, 80, SYN));
    assertTrue(again.trace().contains("stateful:new"), again.trace());
  }

  @Test
  void shouldForgetAFlowAfterItsTimeout() {
    Network net = new Network(Network.branch("ip-sum", "record"), 3, 2);
    net.in("lan", Packets.udp(CLIENT, 5, SERVER, 53));
    int port = parsed(net.left()).sourcePort;
    net.timeNs += 31_000_000_000L;
    Network.Out late = net.in("wan", Packets.udp(SERVER, 53, POOL, port));
    assertNotEquals(DropReason.NONE, late.why());
    assertEquals(DropReason.ACL_DEFAULT, late.why(), late.trace());
  }
}
