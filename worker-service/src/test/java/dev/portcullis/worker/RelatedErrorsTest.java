package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.PacketHeader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** ICMP errors about packets of flows: found, translated, taken to who sent the packet. */
class RelatedErrorsTest {

  private static final String SERVER = "198.51.100.7";
  private static final String ROUTER = "192.0.2.33";
  private static final String INSIDE = "10.9.9.9";
  private static final String POOL = "203.0.113.10";
  private static final int SYN = PacketHeader.SYN;
  private static final int ACK = PacketHeader.ACK;

  private final PacketHeader header = new PacketHeader();

  static Stream<Arguments> ways() {
    List<Arguments> ways = new ArrayList<>();
    for (String algorithm :
        List.of(
            "ip-sum",
            "flow-hash",
            "ip-source",
            "ip-destination",
            "consistent",
            "ip-sum-weighted, weights: [3, 5]")) {
      for (String mode : List.of("record", "recompute")) {
        for (int workers : new int[] {1, 3, 5, 16}) {
          for (int shards : new int[] {1, 4}) {
            ways.add(Arguments.of(algorithm, mode, workers, shards));
          }
        }
      }
    }
    return ways.stream();
  }

  private int port(byte[] packet) {
    header.parse(packet, 0, packet.length);
    return header.sourcePort;
  }

  private static byte[] first(byte[] packet, int length) {
    return Arrays.copyOf(packet, Math.min(length, packet.length));
  }

  /** What comes out for an error: as if the router had spoken to the one who sent. */
  private static void check(
      Network net, String in, byte[] error, String out, byte[] expected, String note) {
    Network.Out outcome = net.in(in, error);
    assertEquals(DropReason.NONE, outcome.why(), note + " " + outcome.trace());
    assertTrue(outcome.trace().contains("related"), outcome.trace());
    assertArrayEquals(Packets.oneHopOn(expected), net.left(), note + " " + outcome.trace());
    assertEquals(net.tag(out), net.packetsOut().getFirst().tag());
  }

  @ParameterizedTest
  @MethodSource("ways")
  void shouldTakeErrorsToTheSenderOfWhatTheyQuote(
      String algorithm, String mode, int workers, int shards) {
    Network net = new Network(Network.branch(algorithm, mode), workers, shards);
    for (int i = 1; i <= 12; i++) {
      String client = "10.0.1." + i;
      errorsAboutRequests(net, client, 40_000 + i);
      errorsAboutReplies(net, client, 50_000 + i);
      errorsAboutEchoes(net, client, i);
      errorsAboutPublishedServices(net, "192.0.2." + i);
    }
    assertEquals(0, net.unaccounted());
  }

  /** A router on the way out says that TTL ran out; the quote is 8 bytes long, or all of it. */
  private void errorsAboutRequests(Network net, String client, int from) {
    byte[] sent = Packets.tcp(client, from, SERVER, 443, SYN);
    net.in("lan", sent.clone());
    byte[] left = net.left();
    byte[] quoted = Packets.oneHopOn(sent);
    for (int length : new int[] {28, 40, 100}) {
      check(
          net,
          "wan",
          Packets.error(ROUTER, POOL, 11, 0, 0, first(left, length)),
          "lan",
          Packets.error(ROUTER, client, 11, 0, 0, first(quoted, length)),
          "quote of " + length);
    }
    byte[] udp = Packets.udp(client, from, SERVER, 53);
    net.in("lan", udp.clone());
    check(
        net,
        "wan",
        Packets.error(SERVER, POOL, 3, 3, 0, net.left()),
        "lan",
        Packets.error(SERVER, client, 3, 3, 0, Packets.oneHopOn(udp)),
        "port unreachable");
  }

  /** A router inside says that it cannot deliver a reply: nobody outside learns its address. */
  private void errorsAboutReplies(Network net, String client, int from) {
    net.in("lan", Packets.udp(client, from, SERVER, 53));
    byte[] reply = Packets.udp(SERVER, 53, POOL, port(net.left()));
    net.in("wan", reply.clone());
    check(
        net,
        "lan",
        Packets.error(INSIDE, SERVER, 3, 1, 0, net.left()),
        "wan",
        Packets.error(POOL, SERVER, 3, 1, 0, Packets.oneHopOn(reply)),
        "from inside");
  }

  private void errorsAboutEchoes(Network net, String client, int id) {
    byte[] echo = Packets.echo(client, SERVER, false, id);
    net.in("lan", echo.clone());
    check(
        net,
        "wan",
        Packets.error(ROUTER, POOL, 11, 0, 0, first(net.left(), 28)),
        "lan",
        Packets.error(ROUTER, client, 11, 0, 0, first(Packets.oneHopOn(echo), 28)),
        "echo");
  }

  /** DNAT: errors from inside about requests, from outside about replies. */
  private static void errorsAboutPublishedServices(Network net, String outside) {
    byte[] request = Packets.tcp(outside, 1234, POOL, 80, SYN);
    net.in("wan", request.clone());
    check(
        net,
        "lan",
        Packets.error(INSIDE, outside, 3, 1, 0, net.left()),
        "wan",
        Packets.error(POOL, outside, 3, 1, 0, Packets.oneHopOn(request)),
        "host unreachable behind DNAT");
    byte[] reply = Packets.tcp("10.0.0.5", 8080, outside, 1234, SYN | ACK);
    net.in("lan", reply.clone());
    check(
        net,
        "wan",
        Packets.error(ROUTER, POOL, 11, 0, 0, net.left()),
        "lan",
        Packets.error(ROUTER, "10.0.0.5", 11, 0, 0, Packets.oneHopOn(reply)),
        "about a reply of the published server");
  }

  @Test
  void shouldKeepExtensionsBehindTheQuote() {
    Network net = new Network(Network.branch("flow-hash", "record"), 5, 4);
    byte[] sent = Packets.udp("10.0.1.1", 7, SERVER, 33434);
    net.in("lan", sent.clone());
    byte[] extension = {0x20, 0, 0x12, 0x34, 0, 8, 1, 1, 0x18, (byte) 0x9c, 1, 1};
    int words = 128 / 4;
    byte[] in = Arrays.copyOf(Arrays.copyOf(net.left(), 128), 140);
    System.arraycopy(extension, 0, in, 128, extension.length);
    byte[] out = Arrays.copyOf(Arrays.copyOf(Packets.oneHopOn(sent), 128), 140);
    System.arraycopy(extension, 0, out, 128, extension.length);
    check(
        net,
        "wan",
        Packets.error(ROUTER, POOL, 11, 0, words << 16, in),
        "lan",
        Packets.error(ROUTER, "10.0.1.1", 11, 0, words << 16, out),
        "MPLS labels");
  }

  @Test
  void shouldNeitherPutOffTheTimeoutNorMoveTheState() {
    Network net = new Network(Network.branch("ip-sum", "record"), 3, 2);
    net.in("lan", Packets.udp("10.0.1.1", 7, SERVER, 53));
    byte[] left = net.left();
    byte[] error = Packets.error(ROUTER, POOL, 11, 0, 0, left);
    net.timeNs += 20_000_000_000L;
    assertEquals(DropReason.NONE, net.in("wan", error.clone()).why());
    net.timeNs += 11_000_000_000L;
    assertEquals(DropReason.ICMP_UNRELATED, net.in("wan", error.clone()).why());
  }

  @Test
  void shouldDropErrorsAboutNothingThatIsKnown() {
    Network net = new Network(Network.branch("flow-hash", "record"), 5, 1);
    byte[] known = Packets.udp("10.0.1.1", 7, SERVER, 53);
    net.in("lan", known.clone());
    byte[] left = net.left();
    List<byte[]> errors =
        List.of(
            Packets.error(ROUTER, POOL, 11, 0, 0, Packets.udp(POOL, 1, SERVER, 53)),
            Packets.error(ROUTER, "203.0.113.11", 11, 0, 0, left),
            Packets.error(ROUTER, POOL, 5, 1, 0x0a000001, left),
            Packets.error(ROUTER, POOL, 11, 0, 0, first(left, 19)),
            Packets.error(ROUTER, POOL, 11, 0, 0, first(left, 23)),
            Packets.error(ROUTER, POOL, 11, 0, 0, new byte[0]),
            Packets.error(
                ROUTER, POOL, 11, 0, 0, Packets.error(POOL, SERVER, 3, 1, 0, new byte[28])));
    for (byte[] error : errors) {
      assertEquals(DropReason.ICMP_UNRELATED, net.in("wan", error).why());
    }
    assertEquals(0, net.unaccounted());
    assertEquals(0, net.originated(), "an error is never answered");
  }

  @Test
  void shouldTreatErrorsAboutNothingKnownByTheRulesWhereTheyPass() {
    String yaml =
        Network.branch("flow-hash", "record")
            .replace("policy: p\n", "exceptions: {icmpUnrelated: pass}\n  policy: p\n")
            .replace(
                "rules:\n",
                "rules:\n    - {name: errors, from: [wan], services: [{icmp: [11]}], action: accept}\n");
    for (int workers : new int[] {1, 5}) {
      Network net = new Network(yaml, workers, 4);
      for (int i = 1; i < 20; i++) {
        byte[] quoted = Packets.udp("10.0.0.7", i, SERVER, 53);
        byte[] error = Packets.error(ROUTER, "10.0.0.7", 11, 0, 0, quoted);
        Network.Out outcome = net.in("wan", error.clone());
        assertEquals(DropReason.NONE, outcome.why(), outcome.trace());
        assertTrue(outcome.trace().contains("acl:errors"), outcome.trace());
        assertArrayEquals(Packets.oneHopOn(error), net.left());
        byte[] other = Packets.error(ROUTER, "10.0.0.8", 3, 0, 0, new byte[28]);
        assertEquals(DropReason.ACL_DEFAULT, net.in("wan", other).why());
      }
      assertEquals(0, net.unaccounted());
    }
  }

  @Test
  void shouldGiveTheSameForOneAndFourShardsAndSurviveAnyQuote() {
    for (String mode : List.of("record", "recompute")) {
      for (String algorithm : List.of("ip-sum", "flow-hash", "ip-source")) {
        long seed = System.nanoTime();
        List<List<String>> results = new ArrayList<>();
        for (int shards : new int[] {1, 4}) {
          results.add(play(new Random(seed), new Network(branch(algorithm, mode), 3, shards)));
        }
        assertEquals(results.get(0), results.get(1), algorithm + " " + mode + " seed " + seed);
      }
    }
  }

  private static String branch(String algorithm, String mode) {
    return Network.branch(algorithm, mode)
        .replace("policy: p\n", "limits: {icmpErrorsPerSecond: 20}\n  policy: p\n");
  }

  private static List<String> play(Random random, Network net) {
    List<String> result = new ArrayList<>();
    List<byte[]> seen = new ArrayList<>();
    for (int i = 0; i < 1500; i++) {
      net.timeNs += random.nextLong(500_000_000L);
      byte[] packet;
      String port = random.nextInt(3) > 0 ? "lan" : "wan";
      if (seen.isEmpty() || random.nextBoolean()) {
        String client = "10.0.0." + (1 + random.nextInt(9));
        packet =
            random.nextBoolean()
                ? Packets.udp(client, 1 + random.nextInt(9), SERVER, random.nextInt(9))
                : Packets.tcp(client, 1 + random.nextInt(9), SERVER, 20 + random.nextInt(5), 2);
        packet[8] = (byte) (1 + random.nextInt(3));
        Packets.withChecksums(packet);
      } else {
        byte[] quote = seen.get(random.nextInt(seen.size())).clone();
        if (random.nextInt(4) == 0) {
          quote[random.nextInt(quote.length)] = (byte) random.nextInt(256);
        }
        quote = Arrays.copyOf(quote, random.nextInt(quote.length + 9));
        String to =
            quote.length < 20
                ? POOL
                : (quote[12] & 255)
                    + "."
                    + (quote[13] & 255)
                    + "."
                    + (quote[14] & 255)
                    + "."
                    + (quote[15] & 255);
        packet = Packets.error(ROUTER, to, 3 + random.nextInt(10), 0, random.nextInt(), quote);
        port = random.nextInt(4) > 0 ? "wan" : "lan";
      }
      Network.Out outcome = net.in(port, packet);
      result.add(outcome.why() + " " + outcome.trace());
      for (Network.Out it : net.packetsOut()) {
        result.add(it.tag() + java.util.HexFormat.of().formatHex(it.data()));
        seen.add(it.data());
      }
    }
    result.add("suppressed " + net.suppressed() + " made " + net.originated());
    assertEquals(0, net.unaccounted());
    return result;
  }

  @Test
  void shouldTranslateNothingAndLeaveByThePartnerInAnInlinePair() {
    for (int workers : new int[] {1, 3, 5}) {
      Network net =
          new Network(
              Network.TRANSPARENT
                  .replace("icmpUnrelated: pass", "icmpUnrelated: drop")
                  .replace("ip-source", "flow-hash"),
              workers,
              2);
      for (int i = 1; i < 20; i++) {
        byte[] sent = Packets.udp("2001:db8::" + i, 7, "2001:db8:1::2", 53);
        net.in("lan", sent.clone());
        byte[] error = Packets.error("2001:db8:2::9", "2001:db8::" + i, 2, 0, 1280, sent);
        assertEquals(DropReason.NONE, net.in("wan", error.clone()).why());
        assertArrayEquals(error, net.left());
        assertEquals(net.tag("lan"), net.packetsOut().getFirst().tag());
      }
    }
  }
}
