package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DefragmentTest {

  private static final String CLIENT = "10.0.0.99";
  private static final String SERVER = "198.51.100.7";
  private static final String POOL = "203.0.113.10";
  private static final long END_OF_TIME = Long.MAX_VALUE / 2;

  static final String ROUTED =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: routed}
      spec:
        workers: {replicas: 16}
        distribution: {algorithm: flow-hash}
        io:
          - {name: io-a, ports: [{name: lan, zone: lan, driver: pcap}]}
          - {name: io-b, ports: [{name: wan, zone: wan, driver: pcap}]}
        routes:
          - {to: 0.0.0.0/0, port: wan}
          - {to: 10.0.0.0/8, port: lan}
          - {to: "::/0", port: wan}
          - {to: "2001:db8:a::/48", port: lan}
        exceptions: {EXCEPTIONS}
        limits: {LIMITS}
        policy: p
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec:
        defaultAction: accept
        rules: [{name: no-nine, services: [{udp: [9]}], action: drop}]
      """;

  private static Network routed(String exceptions, String limits, int workers, int shards) {
    return new Network(
        ROUTED.replace("EXCEPTIONS", exceptions).replace("LIMITS", limits), workers, shards);
  }

  private static Network inline(String algorithm, String exceptions, int workers, int shards) {
    return new Network(
        Network.TRANSPARENT
            .replace("ip-source", algorithm)
            .replaceFirst("exceptions: \\{.*}", "exceptions: {" + exceptions + "}")
            .replace(
                "spec: {defaultAction: accept}",
                "spec: {defaultAction: accept, rules: [{name: no-nine, services: [{udp: [9]}], action: drop}]}"),
        workers,
        shards);
  }

  /** What left, in order of pieces. */
  private static List<byte[]> pieces(Network net) {
    return net.packetsOut().stream().map(Network.Out::data).toList();
  }

  private static int port(byte[] packet, int at) {
    return PacketHeader.u16(packet, Fragments.headerLength(packet) + at);
  }

  /** Every outcome of a frame that waited was announced by another one. */
  private static void assertAnnounced(Network net, String note) {
    int announced = 0;
    int came = 0;
    for (Network.Out it : net.out) {
      if (it.outcome()) {
        announced += it.frameLength();
        came += !it.held() && (it.flags() & PacketFlags.WAS_HELD) != 0 ? 1 : 0;
      }
    }
    assertEquals(announced, came, note);
    assertEquals(0, net.unaccounted(), note);
  }

  @ParameterizedTest
  @CsvSource({
    "ip-sum,record,1,1", "ip-sum,record,3,4", "ip-sum,record,5,2", "ip-sum,record,16,1",
    "flow-hash,record,1,1", "flow-hash,record,3,2", "flow-hash,record,5,4", "flow-hash,record,16,1",
    "ip-source,record,3,2", "flow-hash,recompute,3,4", "ip-sum,recompute,5,1"
  })
  void shouldTranslateWhatCameInFragmentsAsAWholeAndItsRepliesToo(
      String algorithm, String mode, int workers, int shards) {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Network net = new Network(Network.branch(algorithm, mode), workers, shards);
    for (int i = 0; i < 40; i++) {
      String note = "seed " + seed + ", flow " + i;
      String client = "10.0.1." + (i + 1);
      byte[] request = Fragments.udp(client, 4000 + i, SERVER, 53, 1600 + 40 * i, random);
      List<byte[]> in = new ArrayList<>(Fragments.random(request, 500 + i, random));
      Collections.shuffle(in, random);
      List<Network.Out> outcomes = net.in("lan", in);
      assertAnnounced(net, note);
      byte[] left = Fragments.whole(pieces(net));
      int translated = port(left, 0);
      byte[] expected = request.clone();
      System.arraycopy(HexFormat.of().parseHex("cb00710a"), 0, expected, 12, 4);
      Fragments.put(expected, 20, translated);
      expected[8]--;
      assertArrayEquals(Fragments.withId(expected, 500 + i, false), left, note);
      check(outcomes, in.size(), pieces(net).size(), note);

      byte[] reply = Fragments.udp(SERVER, 53, POOL, translated, 1700 + 30 * i, random);
      in = Fragments.of(reply, 900 + i, 592);
      check(net.in("wan", in), in.size(), 3, note);
      assertAnnounced(net, note);
      assertEquals(net.tag("lan"), net.packetsOut().getFirst().tag(), note);
      left = Fragments.whole(pieces(net));
      assertEquals(4000 + i, port(left, 2), note);
      assertArrayEquals(Packets.withChecksums(left.clone()), left, note);
      assertArrayEquals(
          Arrays.copyOfRange(reply, 28, reply.length),
          Arrays.copyOfRange(left, 28, left.length),
          note);
    }
    assertEquals(0, net.held());
  }

  /** All fragments but the last are held and then joined; the last one goes on for all. */
  private static void check(List<Network.Out> outcomes, int frames, int pieces, String note) {
    assertEquals(
        frames - 1, outcomes.stream().filter(it -> it.held() && !it.joined()).count(), note);
    List<Network.Out> joined = outcomes.stream().filter(Network.Out::joined).toList();
    assertEquals(frames - 1, joined.size(), note);
    List<Network.Out> last = outcomes.stream().filter(it -> !it.held() && !it.joined()).toList();
    assertEquals(1, last.size(), note);
    assertEquals(DropReason.NONE, last.getFirst().why(), note);
    assertTrue(last.getFirst().trace().contains("fragment"), last.getFirst().trace());
    for (Network.Out it : joined) {
      assertEquals(last.getFirst().number(), PacketHeader.u64(it.data(), 0), note);
      assertTrue(it.trace().endsWith(":fragment"), it.trace());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "ip-sum,1,1",
    "ip-sum,5,4",
    "flow-hash,1,1",
    "flow-hash,3,1",
    "flow-hash,3,4",
    "flow-hash,16,2",
    "ip-source,3,2",
    "ip-source,5,1",
    "ip-destination,3,4",
    "flow-hash,1,4"
  })
  void shouldLetFragmentsOutOfAnInlinePairAsTheyCameOnceTheWholeWasAccepted(
      String algorithm, int workers, int shards) {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Network net = inline(algorithm, "malformed: drop", workers, shards);
    for (int i = 0; i < 60; i++) {
      String note = "seed " + seed + ", flow " + i;
      boolean v4 = random.nextBoolean();
      String from = v4 ? "10.0.1." + (i + 1) : "2001:db8::" + (i + 1);
      String to = v4 ? SERVER : "2001:db8::fffe";
      boolean refused = random.nextInt(4) == 0;
      byte[] packet =
          Fragments.udp(from, 4000 + i, to, refused ? 9 : 53, 100 + random.nextInt(4000), random);
      List<byte[]> in = new ArrayList<>(Fragments.random(packet, i, random));
      in.replaceAll(it -> random.nextBoolean() ? it : Arrays.copyOf(it, it.length + 3));
      Collections.shuffle(in, random);
      if (in.size() > 1) {
        in.add(random.nextInt(in.size()), in.get(random.nextInt(in.size() - 1)));
      }
      List<Network.Out> outcomes = net.in("lan", in);
      assertAnnounced(net, note);
      List<Network.Out> last = outcomes.stream().filter(it -> !it.held()).toList();
      assertEquals(in.size(), last.size(), note);
      for (Network.Out it : last) {
        assertEquals(refused ? DropReason.ACL : DropReason.NONE, it.why(), note);
        assertTrue(it.trace().contains("fragment,acl:"), it.trace());
      }
      List<Network.Out> left = net.packetsOut();
      assertEquals(refused ? 0 : in.size(), left.size(), note);
      for (int k = 0; k < left.size(); k++) {
        assertArrayEquals(in.get(k), left.get(k).data(), note);
        assertEquals(last.getFirst().number() + k, left.get(k).number(), note);
        assertEquals(14, left.get(k).l2Length());
        assertEquals(net.tag("wan"), left.get(k).tag());
      }
      if (!refused) {
        byte[] answer = Fragments.udp(to, 53, from, 4000 + i, 700, random);
        outcomes = net.in("wan", Fragments.of(answer, i, 400));
        Network.Out reply = outcomes.getLast();
        assertEquals(DropReason.NONE, reply.why(), note);
        assertTrue(reply.trace().contains("stateful:established"), reply.trace());
        assertEquals(2, net.packetsOut().size());
      }
    }
    assertEquals(0, net.held());
  }

  /** An error in fragments finds the flow that it quotes, wherever that is. */
  @ParameterizedTest
  @CsvSource({"ip-sum,1,1", "ip-source,3,2", "flow-hash,3,1", "flow-hash,5,4", "flow-hash,16,2"})
  void shouldRelateAnIcmpErrorInFragmentsToItsFlow(String algorithm, int workers, int shards) {
    Network pair = inline(algorithm, "icmpUnrelated: drop", workers, shards);
    Network routed =
        new Network(
            ROUTED
                .replace("flow-hash", algorithm)
                .replace("EXCEPTIONS", "icmpUnrelated: drop")
                .replace("LIMITS", ""),
            workers,
            shards);
    for (int i = 1; i < 20; i++) {
      String client = "10.0.0." + i;
      byte[] packet = Fragments.udp(client, 4000 + i, SERVER, 53, 600, new Random(i));
      byte[] error = Packets.error("192.0.2.1", client, 3, 4, 500, packet);
      for (Network net : List.of(pair, routed)) {
        List<byte[]> in = Fragments.of(error, i, 400);
        net.in("lan", packet.clone());
        List<Network.Out> outcomes = net.in("wan", in);
        assertTrue(outcomes.stream().allMatch(it -> it.why() == DropReason.NONE));
        assertAnnounced(net, algorithm);
        if (net == pair) {
          assertEquals(in.size(), net.packetsOut().size());
          for (int k = 0; k < in.size(); k++) {
            assertArrayEquals(in.get(k), pieces(net).get(k));
          }
        } else {
          assertArrayEquals(
              Packets.oneHopOn(Fragments.withId(error, i, false)), Fragments.whole(pieces(net)));
        }
      }
    }
    assertEquals(0, pair.held() + routed.held());
  }

  /** One frame more than is kept, and a span of the pipeline is full. */
  @Test
  void shouldLetAsManyFragmentsGoAsItKeepsAndOneMore() {
    Network net = inline("ip-sum", "fragmentLimit: pass", 1, 1);
    byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, 8 * 200, new Random(1));
    List<byte[]> in = Fragments.of(packet, 3, 8);
    net.in("lan", in);
    assertAnnounced(net, "");
    List<byte[]> out = pieces(net);
    assertEquals(in.size(), out.size());
    for (int i = 0; i < in.size(); i++) {
      assertArrayEquals(in.get(i), out.get(i), "fragment " + i);
    }
    assertEquals(0, net.held());
  }

  /** The frames as they came would show what was translated. */
  @ParameterizedTest
  @CsvSource({"ip-sum,1,1", "ip-source,3,2", "flow-hash,3,4"})
  void shouldLetATranslatedDatagramOutOfAnInlinePairInFragmentsOfItsOwn(
      String algorithm, int workers, int shards) {
    Network net =
        new Network(
            Network.TRANSPARENT
                .replace("ip-source", algorithm)
                .replace(
                    "spec: {defaultAction: accept}",
                    "spec: {defaultAction: accept, nat: {source: [{name: out, from: lan, to: wan, translateTo: {addresses: [203.0.113.10], ports: 1024-65535}}]}}"),
            workers,
            shards);
    byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, 2000, new Random(1));
    check(net.in("lan", Fragments.of(packet, 3, 800)), 3, 3, "");
    assertAnnounced(net, "");
    byte[] left = Fragments.whole(pieces(net));
    assertArrayEquals(Packets.withChecksums(left.clone()), left);
    assertEquals("cb00710a", HexFormat.of().formatHex(left, 12, 16));
    assertEquals(64, left[8]);
    net.packetsOut().forEach(it -> assertEquals(14, it.l2Length()));
    assertEquals(0, net.held());
  }

  @ParameterizedTest
  @ValueSource(strings = {"ip-source", "flow-hash"})
  void shouldLetEverythingOutOfATransparentPairByteForByte(String algorithm) {
    long seed = System.nanoTime();
    for (int[] size : new int[][] {{1, 1}, {3, 1}, {3, 4}, {5, 2}}) {
      Random random = new Random(seed);
      Network net =
          new Network(Network.TRANSPARENT.replace("ip-source", algorithm), size[0], size[1]);
      List<byte[]> in = new ArrayList<>();
      List<byte[]> out = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        net.timeNs += random.nextLong(3_000_000_000L);
        List<byte[]> some = randomTraffic(random);
        in.addAll(some);
        net.in(random.nextBoolean() ? "lan" : "wan", some);
        assertAnnounced(net, "seed " + seed);
        net.packetsOut().forEach(it -> put(out, (int) it.number() - 1, it.data(), seed));
      }
      net.tick(END_OF_TIME);
      net.packetsOut().forEach(it -> put(out, (int) it.number() - 1, it.data(), seed));
      assertEquals(0, net.held(), "seed " + seed);
      for (int i = 0; i < in.size(); i++) {
        assertArrayEquals(in.get(i), out.get(i), "seed " + seed + ", packet " + i);
      }
    }
  }

  /** Headers with random bytes in the fields that fragments are put together by. */
  @ParameterizedTest
  @ValueSource(strings = {"pass", "drop"})
  void shouldFailOnNoFragmentAndLoseNone(String action) {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    String exceptions =
        "fragmentLimit: A, fragmentTimeout: A, fragmentOverlap: A, malformed: A, badChecksum: pass"
            .replace("A", action);
    for (Network net :
        List.of(
            routed(exceptions, "fragments: 32, fragmentBytes: 64Ki", 3, 2),
            inline("flow-hash", exceptions, 3, 2))) {
      for (int i = 0; i < 1500; i++) {
        net.timeNs += random.nextLong(6_000_000_000L);
        List<byte[]> in = new ArrayList<>();
        for (byte[] packet : randomTraffic(random)) {
          in.add(random.nextInt(3) == 0 ? packet : scrambled(packet, random));
        }
        net.in("lan", in);
        net.out.forEach(it -> assertTrue(it.why() != DropReason.STAGE_FAILED, "seed " + seed));
        assertAnnounced(net, "seed " + seed + ", round " + i);
      }
      net.tick(END_OF_TIME);
      net.out.forEach(it -> assertTrue(it.why() != DropReason.STAGE_FAILED, "seed " + seed));
      assertEquals(0, net.held(), "seed " + seed);
      assertEquals(0, net.unaccounted(), "seed " + seed);
    }
  }

  private static byte[] scrambled(byte[] packet, Random random) {
    byte[] out = packet.clone();
    boolean v4 = out[0] >>> 4 == 4;
    int[] fields = v4 ? new int[] {0, 2, 3, 6, 7, 9} : new int[] {5, 6, 40, 41, 42, 43};
    for (int n = random.nextInt(3); n >= 0; n--) {
      int at = fields[random.nextInt(fields.length)];
      if (at < out.length) {
        out[at] = (byte) (at == 0 ? 0x45 + random.nextInt(4) : random.nextInt(256));
      }
    }
    if (random.nextInt(4) == 0) {
      out = Arrays.copyOf(out, 1 + random.nextInt(out.length));
    }
    return out;
  }

  private static void put(List<byte[]> list, int at, byte[] value, long seed) {
    while (list.size() <= at) {
      list.add(new byte[0]);
    }
    assertEquals(0, list.get(at).length, "seed " + seed + ": packet " + at + " left twice");
    list.set(at, value);
  }

  /** Whole packets and fragments of few flows; some missing, double, overlapping or damaged. */
  private static List<byte[]> randomTraffic(Random random) {
    boolean v4 = random.nextInt(4) > 0;
    String from = (v4 ? "10.0.0." : "2001:db8:a::") + (1 + random.nextInt(5));
    String to = v4 ? SERVER : "2001:db8:b::1";
    byte[] packet =
        Fragments.udp(from, 1 + random.nextInt(3), to, 2, 20 + random.nextInt(2000), random);
    List<byte[]> list = new ArrayList<>();
    if (random.nextInt(3) == 0) {
      list.add(packet);
      return list;
    }
    int id = random.nextInt(4);
    list.addAll(Fragments.random(packet, id, random));
    if (random.nextBoolean()) {
      Collections.shuffle(list, random);
    }
    if (random.nextInt(3) == 0) {
      list.remove(random.nextInt(list.size()));
    }
    if (random.nextInt(4) == 0) {
      List<byte[]> others = Fragments.random(packet, id, random);
      list.add(random.nextInt(list.size() + 1), others.get(random.nextInt(others.size())));
    }
    if (random.nextInt(6) == 0 && !list.isEmpty()) {
      byte[] damaged = list.get(random.nextInt(list.size()));
      damaged[random.nextInt(Math.min(60, damaged.length))] ^= (byte) (1 << random.nextInt(8));
    }
    return list;
  }

  @ParameterizedTest
  @CsvSource({"drop,4Ki", "pass,4Ki", "drop,32", "pass,32"})
  void shouldDecideTheSameForAnyNumberOfShards(String action, String limit) {
    long seed = System.nanoTime();
    String exceptions =
        "fragmentLimit: A, fragmentTimeout: A, fragmentOverlap: A, malformed: A, badChecksum: A"
            .replace("A", action);
    List<List<String>> results = new ArrayList<>();
    for (int shards : new int[] {1, 2, 4}) {
      for (boolean isRouted : new boolean[] {true, false}) {
        Random random = new Random(seed);
        Network net =
            isRouted
                ? routed(exceptions, "fragments: " + limit + ", fragmentBytes: 64Ki", 3, shards)
                : inline("flow-hash", exceptions, 3, shards);
        List<String> result = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
          net.timeNs += random.nextLong(9_000_000_000L);
          for (byte[] packet : randomTraffic(random)) {
            net.in("lan", List.of(packet));
            assertAnnounced(net, "seed " + seed);
            net.out.stream().map(DefragmentTest::text).sorted().forEach(result::add);
          }
        }
        net.tick(END_OF_TIME);
        net.out.stream().map(DefragmentTest::text).sorted().forEach(result::add);
        assertEquals(0, net.held(), "seed " + seed);
        assertEquals(0, net.unaccounted(), "seed " + seed);
        results.add(result);
      }
    }
    for (int i = 2; i < results.size(); i++) {
      List<String> expected = results.get(i % 2);
      for (int line = 0; line < expected.size(); line++) {
        assertEquals(expected.get(line), results.get(i).get(line), "seed " + seed + " of " + i);
      }
    }
  }

  private static String text(Network.Out it) {
    return String.format("%08d %08d ", it.number(), it.pieces())
        + (it.held() ? "held" : it.outcome() ? it.why() + " " + it.trace() : "")
        + (it.outcome() ? "" : HexFormat.of().formatHex(it.data()));
  }

  @Test
  void shouldTreatABatchAsItsPacketsOneByOne() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Network one = new Network(Network.branch("ip-sum", "record"), 2, 1);
    Network all = new Network(Network.branch("ip-sum", "record"), 2, 1);
    for (int round = 0; round < 100; round++) {
      one.timeNs = all.timeNs += random.nextLong(9_000_000_000L);
      List<byte[]> packets = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        packets.addAll(randomTraffic(random));
      }
      List<String> expected = new ArrayList<>();
      for (byte[] packet : packets) {
        one.in("lan", List.of(packet.clone()));
        one.out.stream().map(DefragmentTest::text).forEach(expected::add);
      }
      all.in("lan", packets);
      List<String> actual = new ArrayList<>(all.out.stream().map(DefragmentTest::text).toList());
      Collections.sort(expected);
      Collections.sort(actual);
      assertEquals(expected, actual, "seed " + seed);
    }
  }

  @Test
  void shouldDropFragmentsWhoseRestDoesNotCome() {
    Network net = routed("", "", 3, 2);
    byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, 2000, new Random(1));
    List<byte[]> in = Fragments.of(packet, 3, 800);
    net.in("lan", in.subList(0, 2));
    assertEquals(2, net.held());
    net.timeNs += 30_000_000_000L;
    net.tick(net.timeNs);
    assertEquals(2, net.held());
    net.timeNs += 1;
    net.tick(net.timeNs);
    assertEquals(0, net.held());
    assertEquals(2, net.out.size());
    net.out.forEach(it -> assertEquals(DropReason.FRAGMENT_TIMEOUT, it.why()));
    assertTrue(net.in("lan", in.get(2)).held(), "the last one comes too late");
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldLetFragmentsGoWhenALaterOneOfTheirLaneShowsThatTheyWaitedTooLong() {
    for (String action : List.of("drop", "pass")) {
      Network net = routed("fragmentTimeout: " + action, "", 1, 1);
      Random random = new Random(1);
      byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, 2000, random);
      net.in("lan", Fragments.of(packet, 3, 800).subList(0, 2));
      net.timeNs += 31_000_000_000L;
      List<Network.Out> outcomes = net.in("lan", Fragments.of(packet, 4, 800).subList(0, 1));
      assertEquals(3, outcomes.size());
      assertEquals(1, net.held());
      DropReason why = action.equals("drop") ? DropReason.FRAGMENT_TIMEOUT : DropReason.NONE;
      assertEquals(why, outcomes.get(0).why());
      assertEquals(why, outcomes.get(1).why());
      assertTrue(outcomes.get(2).held());
      assertEquals(2, outcomes.get(2).frameLength());
      assertEquals(action.equals("drop") ? 0 : 2, net.packetsOut().size());
      assertEquals(0, net.unaccounted());
    }
  }

  @Test
  void shouldDropAllFragmentsOfADatagramThatOverlapAlsoLaterOnes() {
    for (String v : List.of("4", "6")) {
      Network net = routed("", "", 3, 2);
      byte[] packet =
          v.equals("4")
              ? Fragments.udp(CLIENT, 5, SERVER, 53, 2000, new Random(1))
              : Fragments.udp("2001:db8:a::1", 5, "2001:db8:b::1", 53, 2000, new Random(1));
      net.in("lan", Fragments.one(packet, 3, 0, 800, true));
      List<Network.Out> outcomes =
          net.in("lan", List.of(Fragments.one(packet, 3, 792, 1600, true)));
      assertEquals(2, outcomes.size());
      outcomes.forEach(it -> assertEquals(DropReason.FRAGMENT_OVERLAP, it.why()));
      Network.Out later = net.in("lan", Fragments.one(packet, 3, 800, 2008, false));
      assertEquals(DropReason.FRAGMENT_OVERLAP, later.why());
      assertEquals(0, net.held());
      net.timeNs += 31_000_000_000L;
      assertTrue(net.in("lan", Fragments.one(packet, 3, 0, 800, true)).held(), "a new datagram");
    }
  }

  @Test
  void shouldTakeAnotherEndOfTheDatagramForAnOverlap() {
    Network net = routed("", "", 1, 1);
    byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, 2000, new Random(1));
    net.in("lan", Fragments.one(packet, 3, 1600, 2000, false));
    List<Network.Out> all = net.in("lan", List.of(Fragments.one(packet, 3, 2000, 2008, false)));
    all.forEach(it -> assertEquals(DropReason.FRAGMENT_OVERLAP, it.why()));
    net.in("lan", Fragments.one(packet, 4, 0, 800, true));
    net.in("lan", Fragments.one(packet, 4, 1600, 2008, true));
    all = net.in("lan", List.of(Fragments.one(packet, 4, 800, 1600, false)));
    all.forEach(it -> assertEquals(DropReason.FRAGMENT_OVERLAP, it.why()));
    assertEquals(3, all.size());
  }

  @Test
  void shouldIgnoreExactDuplicates() {
    Network net = routed("", "", 3, 2);
    byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, 2000, new Random(1));
    List<byte[]> in = new ArrayList<>(Fragments.of(packet, 77, 800));
    in.add(1, in.get(0));
    net.in("lan", in);
    assertArrayEquals(Packets.oneHopOn(packet), Fragments.whole(pieces(net)));
    assertEquals(0, net.held());
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldDropMalformedFragmentsByThemselves() {
    Network net = routed("", "", 1, 1);
    byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, 2000, new Random(1));
    byte[] notAMultiple = Fragments.one(packet, 1, 0, 801, true);
    byte[] empty = Fragments.one(packet, 2, 800, 800, true);
    byte[] emptyLast = Fragments.one(packet, 3, 800, 800, false);
    byte[] pingOfDeath = Fragments.one(packet, 4, 0, 808, false);
    Fragments.put(pingOfDeath, 6, 65_000 >>> 3);
    byte[] tiny = Packets.tcp(CLIENT, 1, SERVER, 80, PacketHeader.SYN);
    byte[] tinyFirst = Fragments.one(tiny, 5, 0, 16, true);
    byte[] v6 = Fragments.udp("2001:db8:a::1", 5, "2001:db8:b::1", 53, 2000, new Random(1));
    byte[] notAMultipleOfIpv6 = Fragments.one(v6, 6, 0, 801, true);
    byte[] withoutUpperHeader = Fragments.one(v6, 7, 0, 8, true);
    withoutUpperHeader[40] = 60; // destination options of 8 bytes and nothing behind
    withoutUpperHeader[48] = 6;
    withoutUpperHeader[49] = 0;
    for (byte[] it :
        List.of(
            notAMultiple,
            empty,
            emptyLast,
            withHeaderChecksum(pingOfDeath),
            tinyFirst,
            notAMultipleOfIpv6,
            withoutUpperHeader)) {
      assertEquals(DropReason.MALFORMED, net.in("lan", it).why(), HexFormat.of().formatHex(it));
    }
    assertEquals(0, net.held());
  }

  private static byte[] withHeaderChecksum(byte[] packet) {
    Fragments.put(packet, 10, 0);
    Fragments.put(packet, 10, ~Checksum.sum(packet, 0, 20, 0));
    return packet;
  }

  /** RFC 3128: the second fragment would overwrite the flags of the first. */
  @Test
  void shouldNotLetASecondFragmentChangeTheTransportHeader() {
    Network net = routed("", "", 1, 1);
    byte[] packet = Packets.tcp(CLIENT, 1, SERVER, 80, PacketHeader.SYN);
    net.in("lan", Fragments.one(packet, 1, 0, 24, true));
    Network.Out second = net.in("lan", List.of(Fragments.one(packet, 1, 8, 24, false))).getLast();
    assertEquals(DropReason.FRAGMENT_OVERLAP, second.why());
  }

  @Test
  void shouldVerifyTheChecksumOfTheWhole() {
    for (String from : List.of(CLIENT, "2001:db8:a::1")) {
      Network net = routed("", "", 3, 1);
      String to = from.equals(CLIENT) ? SERVER : "2001:db8:b::1";
      byte[] packet = Fragments.udp(from, 5, to, 53, 2000, new Random(1));
      packet[packet.length - 1] ^= 1;
      List<Network.Out> outcomes = net.in("lan", Fragments.of(packet, 1, 800));
      assertEquals(DropReason.BAD_CHECKSUM, outcomes.getLast().why());
      assertEquals(0, net.unaccounted());
    }
  }

  /** RFC 6946: an atomic fragment meets no others. */
  @Test
  void shouldTreatAnAtomicFragmentAsAWholePacket() {
    Network net = routed("", "", 3, 1);
    byte[] packet = Fragments.udp("2001:db8:a::1", 5, "2001:db8:b::1", 53, 200, new Random(1));
    net.in("lan", Fragments.one(packet, 9, 0, 104, true));
    byte[] atomic = Fragments.one(packet, 9, 0, 208, false);
    Network.Out outcome = net.in("lan", atomic);
    assertEquals(DropReason.NONE, outcome.why());
    assertTrue(outcome.trace().contains("stateful:new"));
    atomic[7]--;
    assertArrayEquals(atomic, net.left());
    assertEquals(1, net.held());
  }

  @Test
  void shouldLeaveIpv6InFragmentsNoLargerThanTheyCame() {
    Network net = routed("", "", 3, 2);
    byte[] packet = Fragments.udp("2001:db8:a::1", 5, "2001:db8:b::1", 53, 4000, new Random(1));
    List<byte[]> in = Fragments.of(packet, 9, 1280);
    net.in("lan", in.reversed());
    List<byte[]> out = pieces(net);
    assertEquals(in.size(), out.size());
    for (int i = 0; i < out.size(); i++) {
      byte[] expected = in.get(i).clone();
      expected[7]--;
      assertArrayEquals(expected, out.get(i));
      assertEquals(i, net.packetsOut().get(i).pieces());
    }
    byte[] small = Fragments.udp("2001:db8:a::1", 5, "2001:db8:b::1", 53, 400, new Random(1));
    net.in("lan", Fragments.of(small, 10, 80));
    small[7]--;
    assertArrayEquals(small, net.left(), "what fits the least MTU of IPv6 leaves whole");
  }

  @Test
  void shouldDropWhatThereIsNoRoomFor() {
    Network net = routed("", "fragments: 16", 1, 1);
    byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, 2000, new Random(1));
    assertTrue(net.in("lan", Fragments.one(packet, 1, 0, 800, true)).held());
    Network.Out second = net.in("lan", Fragments.one(packet, 2, 0, 800, true));
    assertEquals(DropReason.FRAGMENT_LIMIT, second.why());
    Network pass = routed("fragmentLimit: pass", "fragments: 16", 1, 1);
    pass.in("lan", Fragments.one(packet, 1, 0, 800, true));
    assertEquals(DropReason.NONE, pass.in("lan", Fragments.one(packet, 2, 0, 800, true)).why());
    assertEquals(1, pass.packetsOut().size());
  }

  @ParameterizedTest
  @CsvSource({"1,1", "3,4"})
  void shouldSurviveRandomBytes(int workers, int shards) {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (Network net :
        List.of(
            routed("malformed: pass, badChecksum: pass, martian: pass", "", workers, shards),
            inline("flow-hash", "malformed: pass, badChecksum: pass", workers, shards))) {
      for (int i = 0; i < 6_000; i++) {
        byte[] packet = new byte[1 + random.nextInt(120)];
        random.nextBytes(packet);
        boolean v4 = random.nextBoolean();
        packet[0] = (byte) (v4 ? 0x45 + random.nextInt(2) : 0x60);
        if (packet.length > 60) {
          if (v4) {
            Fragments.put(packet, 2, packet.length);
            packet[6] &= 0x21;
            Fragments.put(packet, 4, random.nextInt(3));
            Arrays.fill(packet, 12, 20, (byte) (1 + random.nextInt(2)));
          } else {
            Fragments.put(packet, 4, packet.length - 40);
            packet[6] = (byte) (random.nextInt(3) == 0 ? 60 : 44);
            packet[40] = (byte) (random.nextBoolean() ? 17 : 44);
            packet[42] = 0;
            Arrays.fill(packet, 8, 40, (byte) 0x20);
            Arrays.fill(packet, 44, 48, (byte) random.nextInt(2));
          }
        }
        net.timeNs += random.nextLong(1_000_000_000L);
        List<Network.Out> outcomes = net.in("lan", List.of(packet));
        for (Network.Out it : outcomes) {
          assertTrue(it.why() != DropReason.STAGE_FAILED, "seed " + seed);
        }
        assertAnnounced(net, "seed " + seed);
      }
      net.tick(END_OF_TIME);
      assertEquals(0, net.held(), "seed " + seed);
      assertEquals(0, net.unaccounted(), "seed " + seed);
    }
  }
}
