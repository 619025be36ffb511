package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.PacketHeader;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the gateway says itself: to whom, from which address, byte for byte. */
class AnswersTest {

  private static final String CLIENT = "10.0.1.5";
  private static final String SERVER = "198.51.100.7";
  private static final String LAN = "10.0.0.1";
  private static final String WAN = "203.0.113.1";
  private static final String POOL = "203.0.113.10";
  private static final String LAN6 = "2001:db8:1::1";
  private static final String CLIENT6 = "2001:db8:1::5";
  private static final String SERVER6 = "2001:db8:2::7";
  private static final int SYN = PacketHeader.SYN;
  private static final int ACK = PacketHeader.ACK;
  private static final int FIN = PacketHeader.FIN;

  private static final String DUAL =
      Network.branch("flow-hash", "record")
          .replace("[10.0.0.1/8]", "[10.0.0.1/8, \"2001:db8:1::1/64\"]")
          .replace("routes:", "routes:\n    - {to: \"2001:db8:2::/64\", port: wan}")
          .replace(
              "rules:\n",
              "rules:\n    - {name: v6, from: [lan], source: [\"2001:db8:1::/64\"], services: [{udp: [53]}, {icmpv6: [128]}], action: accept}\n"
                  + "    - {name: no-v6, from: [lan], source: [\"2001:db8:1::/64\"], action: reject}\n"
                  + "    - {name: no-ntp, from: [lan], services: [{udp: [123]}, {protocols: [47]}, {icmp: [13]}], action: reject}\n");

  private final Network net = new Network(DUAL, 3, 2);

  private static byte[] withTtl(byte[] packet, int ttl) {
    packet[packet[0] >>> 4 == 4 ? 8 : 7] = (byte) ttl;
    return Packets.withChecksums(packet);
  }

  /** As the gateway sends it: precedence 6, don't fragment, no identification. */
  private static byte[] error(String from, String to, int type, int code, int rest, byte[] quote) {
    byte[] packet = Packets.error(from, to, type, code, rest, quote);
    if (packet[0] >>> 4 == 4) {
      packet[1] = (byte) 0xc0;
    }
    return plain(packet);
  }

  private static byte[] plain(byte[] packet) {
    if (packet[0] >>> 4 == 4) {
      packet[4] = 0;
      packet[5] = 0;
      packet[6] = 0x40;
    }
    return Packets.withChecksums(packet);
  }

  private static byte[] segment(
      String from, int fromPort, String to, int toPort, long seq, long ack, int flags) {
    ByteBuffer b = ByteBuffer.allocate(20);
    b.putShort((short) fromPort).putShort((short) toPort).putInt((int) seq).putInt((int) ack);
    b.put((byte) 0x50).put((byte) flags);
    return Packets.packet(from, to, PacketHeader.TCP, b.array());
  }

  private void expect(String port, byte[] in, DropReason why, byte[] answer) {
    Network.Out outcome = net.in(port, in.clone());
    assertEquals(why, outcome.why(), outcome.trace());
    assertArrayEquals(answer, net.left(), outcome.trace());
    assertEquals(net.tag(port), net.packetsOut().getFirst().tag());
    assertEquals(outcome.number(), net.packetsOut().getFirst().number());
    assertEquals(0, net.packetsOut().getFirst().linkType());
    assertTrue(outcome.trace().endsWith("answer"), outcome.trace());
    assertEquals(0, net.unaccounted());
  }

  private void expectSilence(String port, byte[] in, DropReason why) {
    Network.Out outcome = net.in(port, in.clone());
    assertEquals(why, outcome.why(), outcome.trace());
    assertEquals(List.of(), net.packetsOut(), outcome.trace());
  }

  @Test
  void shouldSayThatTtlIsUsedUpFromItsAddressOfThePort() {
    byte[] first = withTtl(Packets.udp(CLIENT, 7, SERVER, 53), 1);
    expect("lan", first, DropReason.TTL_EXPIRED, error(LAN, CLIENT, 11, 0, 0, first));
    byte[] v6 = withTtl(Packets.udp(CLIENT6, 7, SERVER6, 53), 1);
    expect("lan", v6, DropReason.TTL_EXPIRED, error(LAN6, CLIENT6, 3, 0, 0, v6));
    byte[] echo = withTtl(Packets.echo(CLIENT6, SERVER6, false, 9), 0);
    expect("lan", echo, DropReason.TTL_EXPIRED, error(LAN6, CLIENT6, 3, 0, 0, echo));
    assertEquals(3, net.originated());
  }

  @Test
  void shouldQuotePacketsOfTranslatedFlowsAsTheyCameIn() {
    byte[] request = Packets.tcp("192.0.2.9", 1234, POOL, 80, SYN);
    byte[] last = withTtl(request.clone(), 1);
    expect("wan", last, DropReason.TTL_EXPIRED, error(WAN, "192.0.2.9", 11, 0, 0, last));
    net.in("wan", request.clone());
    expect("wan", last, DropReason.TTL_EXPIRED, error(WAN, "192.0.2.9", 11, 0, 0, last));
    byte[] reply = withTtl(Packets.tcp("10.0.0.5", 8080, "192.0.2.9", 1234, SYN | ACK), 1);
    expect("lan", reply, DropReason.TTL_EXPIRED, error(LAN, "10.0.0.5", 11, 0, 0, reply));

    net.in("lan", Packets.udp(CLIENT, 7, SERVER, 53));
    PacketHeader h = new PacketHeader();
    h.parse(net.left(), 0, net.left().length);
    byte[] answer = withTtl(Packets.udp(SERVER, 53, POOL, h.sourcePort), 1);
    expect("wan", answer, DropReason.TTL_EXPIRED, error(WAN, SERVER, 11, 0, 0, answer));
  }

  @Test
  void shouldQuoteAsMuchAsFits() {
    byte[] v4 = withTtl(Packets.packet(CLIENT, SERVER, 99, new byte[1400]), 1);
    expect("lan", v4, DropReason.TTL_EXPIRED, error(LAN, CLIENT, 11, 0, 0, Arrays.copyOf(v4, 548)));
    assertEquals(576, net.left().length);
    byte[] payload = new byte[1400];
    System.arraycopy(new byte[] {0, 7, 0, 53, 1400 >>> 8, (byte) 1400, 0, 0}, 0, payload, 0, 8);
    byte[] v6 = withTtl(Packets.packet(CLIENT6, SERVER6, PacketHeader.UDP, payload), 1);
    expect(
        "lan", v6, DropReason.TTL_EXPIRED, error(LAN6, CLIENT6, 3, 0, 0, Arrays.copyOf(v6, 1232)));
    assertEquals(1280, net.left().length);
  }

  @Test
  void shouldSayThatThereIsNoRoute() {
    byte[] v6 = Packets.udp(CLIENT6, 7, "2001:db8:3::1", 53);
    expect("lan", v6, DropReason.NO_ROUTE, error(LAN6, CLIENT6, 1, 0, 0, v6));
  }

  @Test
  void shouldResetRejectedConnectionsAsRfc9293Wants() {
    expect(
        "lan",
        segment(CLIENT, 40, SERVER, 23, 0xffff_ffffL, 0, SYN),
        DropReason.REJECTED,
        plain(segment(SERVER, 23, CLIENT, 40, 0, 0, PacketHeader.RST | ACK)));
    expect(
        "lan",
        segment(CLIENT, 40, SERVER, 23, 7, 99, ACK | FIN),
        DropReason.REJECTED,
        plain(segment(SERVER, 23, CLIENT, 40, 99, 0, PacketHeader.RST)));
    // four bytes of data and a FIN, without ACK
    expect(
        "lan",
        Packets.tcp(CLIENT, 40, SERVER, 23, FIN),
        DropReason.REJECTED,
        plain(segment(SERVER, 23, CLIENT, 40, 0, 6, PacketHeader.RST | ACK)));
    expectSilence(
        "lan", segment(CLIENT, 40, SERVER, 23, 7, 0, PacketHeader.RST), DropReason.REJECTED);
    expect(
        "lan",
        segment(CLIENT6, 40, SERVER6, 80, 10, 0, SYN),
        DropReason.REJECTED,
        plain(segment(SERVER6, 80, CLIENT6, 40, 0, 11, PacketHeader.RST | ACK)));
  }

  @Test
  void shouldSayThatOtherRejectedPacketsAreProhibited() {
    byte[] udp = Packets.udp(CLIENT, 7, SERVER, 123);
    expect("lan", udp, DropReason.REJECTED, error(LAN, CLIENT, 3, 13, 0, udp));
    byte[] gre = Packets.packet(CLIENT, SERVER, 47, new byte[8]);
    expect("lan", gre, DropReason.REJECTED, error(LAN, CLIENT, 3, 13, 0, gre));
    byte[] timestamp = Packets.packet(CLIENT, SERVER, 1, new byte[] {13, 0, 0, 0, 0, 1, 0, 1});
    expect("lan", timestamp, DropReason.REJECTED, error(LAN, CLIENT, 3, 13, 0, timestamp));
    byte[] v6 = Packets.udp(CLIENT6, 7, SERVER6, 123);
    expect("lan", v6, DropReason.REJECTED, error(LAN6, CLIENT6, 1, 1, 0, v6));
  }

  @Test
  void shouldNotAnswerWhatNoHostSentOrEverybodyGot() {
    for (String sender : List.of("10.255.255.255", "203.0.113.255")) {
      expectSilence("lan", Packets.udp(sender, 7, SERVER, 123), DropReason.REJECTED);
    }
    for (String receiver : List.of("224.0.1.1", "239.1.2.3")) {
      expectSilence("lan", Packets.udp(CLIENT, 7, receiver, 123), DropReason.NO_ROUTE);
    }
    for (String receiver :
        List.of("255.255.255.255", "10.255.255.255", "203.0.113.255", "224.0.0.5")) {
      expectSilence("lan", Packets.udp(CLIENT, 7, receiver, 123), DropReason.TO_GATEWAY);
    }
    expectSilence("lan", Packets.udp(CLIENT6, 7, "ff05::1", 123), DropReason.NO_ROUTE);
    expectSilence("lan", Packets.udp(CLIENT6, 7, "ff02::1", 123), DropReason.TO_GATEWAY);
    assertEquals(0, net.originated());
  }

  private static Network withOnePort(String limits) {
    return new Network(
        NatTest.yaml("ip-sum", "record", NatTest.pool(", ports: 40000"))
            .replace("replicas: 16", "replicas: 1")
            .replace("  policy: p", "  limits: {" + limits + "}\n  policy: p"),
        1,
        2);
  }

  @Test
  void shouldTellTheSenderThatNoTranslatedPortIsFree() {
    Network one = withOnePort("natExhausted: icmp-error");
    byte[][] packets = {
      Packets.udp(CLIENT, 5001, SERVER, 53),
      segment(CLIENT, 5002, SERVER, 53, 1, 0, SYN),
      Packets.echo(CLIENT, SERVER, false, 77)
    };
    one.in("lan", Packets.udp(CLIENT, 5000, SERVER, 53));
    one.in("lan", segment(CLIENT, 5000, SERVER, 53, 1, 0, SYN));
    one.in("lan", Packets.echo(CLIENT, SERVER, false, 76));
    for (byte[] packet : packets) {
      assertEquals(DropReason.NAT_EXHAUSTED, one.in("lan", packet.clone()).why());
      assertArrayEquals(error("10.255.0.1", CLIENT, 3, 13, 0, packet), one.left());
    }
    assertEquals(0, one.unaccounted());
  }

  @Test
  void shouldSayNothingOfItWhereSilenceIsAskedFor() {
    Network one = withOnePort("natExhausted: silent");
    one.in("lan", Packets.udp(CLIENT, 5000, SERVER, 53));
    assertEquals(
        DropReason.NAT_EXHAUSTED, one.in("lan", Packets.udp(CLIENT, 5001, SERVER, 53)).why());
    assertEquals(0, one.originated());
  }

  @Test
  void shouldSayItNoMoreOftenThanOtherErrors() {
    Network one = withOnePort("icmpErrorsPerSecond: 16");
    one.in("lan", Packets.udp(CLIENT, 5000, SERVER, 53));
    for (int i = 0; i < 100; i++) {
      one.in("lan", Packets.udp(CLIENT, 5001, SERVER, 53));
    }
    assertTrue(one.originated() > 0 && one.originated() <= 16, one.originated() + " errors");
    assertEquals(0, one.unaccounted());
  }

  @Test
  void shouldNotAnswerErrorsAndUnknownMessages() {
    byte[] unknown = Packets.packet(CLIENT, SERVER, 1, new byte[] {77, 0, 0, 0, 0, 0, 0, 0});
    expectSilence("lan", withTtl(unknown, 1), DropReason.TTL_EXPIRED);
    net.in("lan", Packets.udp(CLIENT, 7, SERVER, 53));
    byte[] error = withTtl(Packets.error("192.0.2.1", POOL, 11, 0, 0, net.left()), 1);
    expectSilence("wan", error, DropReason.TTL_EXPIRED);
  }

  @Test
  void shouldSayThatADatagramDidNotBecomeWholeInTimeWhereItsFirstFragmentIsThere() {
    List<byte[]> v4 =
        Fragments.of(Fragments.udp(CLIENT, 7, SERVER, 53, 800, new Random(1)), 3, 400);
    List<byte[]> v6 =
        Fragments.of(Fragments.udp(CLIENT6, 7, SERVER6, 53, 800, new Random(1)), 4, 400);
    List<byte[]> headless =
        Fragments.of(Fragments.udp(CLIENT, 7, SERVER, 53, 800, new Random(1)), 5, 400)
            .subList(1, 3);
    net.in("lan", v4.subList(0, 2));
    net.in("lan", v6.subList(0, 2));
    net.in("lan", headless);
    net.tick(net.timeNs + 31_000_000_000L);
    List<Network.Out> made = net.packetsOut();
    assertEquals(2, made.size());
    made.forEach(it -> assertEquals(net.tag("lan"), it.tag()));
    assertArrayEquals(error(LAN, CLIENT, 11, 1, 0, v4.getFirst()), of(made, 4));
    assertArrayEquals(error(LAN6, CLIENT6, 3, 1, 0, v6.getFirst()), of(made, 6));
    assertEquals(2, net.originated());
    assertEquals(0, net.held());
    assertEquals(0, net.unaccounted());
  }

  private static byte[] of(List<Network.Out> packets, int version) {
    return packets.stream()
        .map(Network.Out::data)
        .filter(it -> it[0] >>> 4 == version)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void shouldSayNothingByAPortWithoutAnAddressOfTheFamily() {
    expectSilence("wan", withTtl(Packets.udp(SERVER6, 7, CLIENT6, 53), 1), DropReason.NO_ROUTE);
  }

  @ParameterizedTest
  @CsvSource({"1,1", "3,1", "5,4", "16,2"})
  void shouldAnswerPingToAnyOfItsAddresses(int workers, int shards) {
    for (String algorithm : List.of("ip-sum", "flow-hash", "ip-source")) {
      for (String mode : List.of("record", "recompute")) {
        Network it =
            new Network(
                DUAL.replace("flow-hash", algorithm).replace("record", mode), workers, shards);
        for (int i = 1; i < 9; i++) {
          ping(it, "lan", "10.0.1." + i, LAN, i);
          ping(it, "lan", "10.0.1." + i, WAN, i);
          ping(it, "wan", "192.0.2." + i, WAN, i);
          ping(it, "lan", "2001:db8:1::a" + i, LAN6, i);
        }
        assertEquals(0, it.unaccounted());
        assertEquals(32, it.originated());
      }
    }
  }

  private static void ping(Network net, String port, String from, String to, int id) {
    byte[] request = withTtl(Packets.echo(from, to, false, id), 1);
    Network.Out outcome = net.in(port, request);
    assertEquals(DropReason.TO_GATEWAY, outcome.why(), outcome.trace());
    assertArrayEquals(plain(Packets.echo(to, from, true, id)), net.left());
    assertEquals(net.tag(port), net.packetsOut().getFirst().tag());
  }

  @Test
  void shouldTakeRepliesToItsOwnTranslatedAddressFirst() {
    Network it = new Network(Network.branch("flow-hash", "record").replace(POOL, WAN), 5, 2);
    for (int i = 1; i < 9; i++) {
      String client = "10.0.1." + i;
      it.in("lan", Packets.echo(client, SERVER, false, 7));
      PacketHeader h = new PacketHeader();
      h.parse(it.left(), 0, it.left().length);
      assertEquals(
          DropReason.NONE, it.in("wan", Packets.echo(SERVER, WAN, true, h.sourcePort)).why());
      assertArrayEquals(Packets.oneHopOn(Packets.echo(SERVER, client, true, 7)), it.left());
      assertEquals(
          DropReason.NONE, it.in("wan", Packets.tcp("192.0.2." + i, 9, WAN, 80, SYN)).why());
      ping(it, "wan", "192.0.2." + i, WAN, i);
    }
  }

  @Test
  void shouldKeepSilentAboutWhatItHasNoUseForUnlessTheDefaultIsNotToDrop() {
    List<byte[]> strays =
        List.of(
            Packets.tcp("192.0.2.1", 5, WAN, 22, SYN),
            Packets.udp("192.0.2.1", 5, WAN, 161),
            Packets.echo("192.0.2.1", WAN, true, 5),
            Packets.packet("192.0.2.1", WAN, 50, new byte[12]));
    for (byte[] stray : strays) {
      expectSilence("wan", stray, DropReason.TO_GATEWAY);
    }
    Network open = new Network(DUAL.replace("defaultAction: drop", "defaultAction: reject"), 3, 1);
    assertEquals(DropReason.TO_GATEWAY, open.in("wan", strays.get(0).clone()).why());
    assertArrayEquals(
        plain(segment(WAN, 22, "192.0.2.1", 5, 0, 6, PacketHeader.RST | ACK)), open.left());
    open.in("wan", strays.get(1).clone());
    assertArrayEquals(error(WAN, "192.0.2.1", 3, 3, 0, strays.get(1)), open.left());
    open.in("wan", strays.get(2).clone());
    assertEquals(List.of(), open.packetsOut());
  }

  @Test
  void shouldStopAtTheBudgetAndCountWhatWasNotSaid() {
    Network it =
        new Network(
            DUAL.replace("policy: p\n", "limits: {icmpErrorsPerSecond: 320}\n  policy: p\n"), 1, 1);
    byte[] packet = withTtl(Packets.udp(CLIENT, 7, SERVER, 53), 1);
    for (int i = 0; i < 100; i++) {
      it.in("lan", packet.clone());
    }
    assertEquals(16, it.originated());
    assertEquals(84, it.suppressed());
    it.timeNs += 1_000_000_000L;
    for (int i = 0; i < 100; i++) {
      it.in("lan", packet.clone());
    }
    assertEquals(26, it.originated(), "320 a second over 16 lanes and 2 ports are 10");
    it.timeNs -= 900_000_000_000L;
    it.in("lan", packet.clone());
    assertEquals(27, it.originated(), "time went back: no bucket stays shut");
    assertEquals(0, it.unaccounted());
  }

  @Test
  void shouldMakeNoErrorWhereNoneIsAllowedButAnswerPing() {
    Network it =
        new Network(
            DUAL.replace("policy: p\n", "limits: {icmpErrorsPerSecond: 0}\n  policy: p\n"), 1, 1);
    it.in("lan", withTtl(Packets.udp(CLIENT, 7, SERVER, 53), 1));
    assertEquals(List.of(), it.packetsOut());
    assertEquals(1, it.suppressed());
    ping(it, "lan", CLIENT, LAN, 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {LAN, LAN6})
  void shouldAnswerALongPingInFragments(String own) {
    boolean v4 = own.equals(LAN);
    byte[] payload = new byte[3008];
    new Random(1).nextBytes(payload);
    payload[0] = (byte) (v4 ? 8 : 128);
    payload[1] = 0;
    int protocol = v4 ? 1 : 58;
    byte[] request = Packets.packet(v4 ? CLIENT : CLIENT6, own, protocol, payload.clone());
    for (int size : new int[] {1400, 1448, 2000}) {
      Network.Out last = net.in("lan", Fragments.of(request, 77, size)).getLast();
      assertEquals(DropReason.TO_GATEWAY, last.why());
      List<byte[]> out = net.packetsOut().stream().map(Network.Out::data).toList();
      assertEquals(3, out.size());
      assertEquals(3, last.pieces());
      for (byte[] it : out) {
        assertTrue(it.length <= 1500, it.length + " bytes");
        assertEquals(77, PacketHeader.u16(it, v4 ? 4 : 46), "identification of the request");
      }
      payload[0] = (byte) (v4 ? 0 : 129);
      byte[] reply = Packets.packet(own, v4 ? CLIENT : CLIENT6, protocol, payload.clone());
      assertArrayEquals(v4 ? Fragments.withId(reply, 77, false) : reply, Fragments.whole(out));
    }
    assertEquals(9, net.originated());
    assertEquals(0, net.held());
    assertEquals(0, net.unaccounted());
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,1,1", "flow-hash,5,2"})
  void shouldRejectADatagramInFragmentsOnAnInlinePairOnce(
      String algorithm, int workers, int shards) {
    Network pair =
        new Network(
            Network.TRANSPARENT
                .replace("ip-source", algorithm)
                .replace("{defaultAction: accept}", "{defaultAction: reject}"),
            workers,
            shards);
    pair.l2 = new byte[] {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    byte[] packet = Fragments.udp(CLIENT, 7, SERVER, 123, 900, new Random(1));
    for (Network.Out it : pair.in("lan", Fragments.of(packet, 7, 400))) {
      assertTrue(it.held() || it.why() == DropReason.REJECTED, it.trace());
    }
    assertArrayEquals(
        error(SERVER, CLIENT, 3, 13, 0, Arrays.copyOf(Fragments.withId(packet, 7, false), 548)),
        pair.left());
    assertEquals(0, pair.held());
    assertEquals(0, pair.unaccounted());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void shouldRejectInANameOfTheReceiverOnAnInlinePair(boolean tcp) {
    Network pair =
        new Network(
            Network.TRANSPARENT.replace("{defaultAction: accept}", "{defaultAction: reject}"),
            3,
            2);
    byte[] in =
        tcp ? segment(CLIENT, 40, SERVER, 23, 7, 0, SYN) : Packets.udp(CLIENT, 7, SERVER, 123);
    byte[] answer =
        tcp
            ? plain(segment(SERVER, 23, CLIENT, 40, 0, 8, PacketHeader.RST | ACK))
            : error(SERVER, CLIENT, 3, 13, 0, in);
    // a frame of zeros has no Ethernet type that could be answered
    assertEquals(DropReason.REJECTED, pair.in("lan", in.clone()).why());
    assertEquals(List.of(), pair.packetsOut());
    pair.l2 = new byte[] {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, (byte) 0x81, 0, 0, 5, 8, 0};
    assertEquals(DropReason.REJECTED, pair.in("lan", in.clone()).why());
    assertArrayEquals(answer, pair.left());
    Network.Out left = pair.packetsOut().getFirst();
    assertEquals(pair.tag("lan"), left.tag());
    assertArrayEquals(
        new byte[] {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, (byte) 0x81, 0, 0, 5, 8, 0}, left.l2());
    pair.l2[0] = -1;
    pair.in("lan", in.clone());
    assertEquals(List.of(), pair.packetsOut(), "a frame to everybody is not answered");
    assertEquals(0, pair.unaccounted());
  }
}
