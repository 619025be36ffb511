package dev.portcullis.io.neighbour;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.Prefix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

class NeighboursTest {

  private static final long OWN = 0x0200_0000_0001L;
  private static final long OTHER = 0x0200_0000_00aaL;
  private static final long SECOND = 1_000_000_000L;
  private static final long START = Long.MAX_VALUE - 2 * SECOND; // the clock may turn over

  private final List<byte[]> said = new ArrayList<>();
  private final List<String> events = new ArrayList<>();
  private final Neighbours neighbours = with(64);

  private Neighbours with(int capacity) {
    return new Neighbours(
        OWN,
        List.of(prefix("10.0.0.1/24"), prefix("192.0.2.1/24"), prefix("fd00::1/64")),
        capacity,
        new Neighbours.Wire() {
          @Override
          public void say(byte[] frame, int length) {
            said.add(Arrays.copyOf(frame, length));
          }

          @Override
          public void resolved(int neighbour) {
            events.add("resolved " + neighbour);
          }

          @Override
          public void unreachable(int neighbour) {
            events.add("unreachable " + neighbour);
          }
        });
  }

  private static Prefix prefix(String text) {
    return Objects.requireNonNull(Prefix.parse(text));
  }

  private static Prefix host(String text) {
    return new Prefix(ip(text), ip(text).bits());
  }

  private static IpAddress ip(String text) {
    return Objects.requireNonNull(IpAddress.parse(text));
  }

  private int of(String address, long nowNs) {
    IpAddress it = ip(address);
    return neighbours.of(it.version(), it.high(), it.low(), nowNs);
  }

  private void hear(byte[] frame, long nowNs) {
    byte[] buffer = new byte[frame.length + 20];
    System.arraycopy(frame, 0, buffer, 9, frame.length);
    neighbours.heard(buffer, 9, frame.length, nowNs);
  }

  /** What another station says. */
  private static byte[] arp(int operation, long from, String sender, String target) {
    NeighbourMessages messages = new NeighbourMessages(from);
    int length = messages.arp(operation, NeighbourMessages.BROADCAST, ip(sender), 0, ip(target));
    return Arrays.copyOf(messages.frame, length);
  }

  private static String hex(byte[] frame) {
    return HexFormat.of().formatHex(frame);
  }

  @Test
  void shouldAskForANextHopFromTheAddressInItsNetwork() {
    int n = of("192.0.2.7", START);
    assertEquals(Neighbours.UNKNOWN, neighbours.mac(n, START));
    assertEquals(
        "ffffffffffff020000000001"
            + "0806"
            + "0001080006040001"
            + "020000000001c0000201"
            + "000000000000c0000207",
        hex(said.getFirst()));
    hear(arp(NeighbourMessages.REPLY, OTHER, "192.0.2.7", "192.0.2.1"), START + 5);
    assertEquals(OTHER, neighbours.mac(n, START + 6));
    assertEquals(List.of("resolved " + n), events);
    assertEquals(n, of("192.0.2.7", START + 7));
    assertEquals(1, said.size());
  }

  @Test
  void shouldGiveUpAfterThreeQuestionsASecondApart() {
    int n = of("10.0.0.9", START);
    for (int tenths = 1; tenths <= 29; tenths++) {
      neighbours.tick(START + tenths * SECOND / 10);
    }
    assertEquals(3, said.size());
    assertTrue(neighbours.isAsking());
    assertEquals(List.of(), events);
    int before = neighbours.generation();
    neighbours.tick(START + 3 * SECOND);
    assertEquals(List.of("unreachable " + n), events);
    assertNotEquals(before, neighbours.generation());
    assertEquals(false, neighbours.isAsking());
  }

  @Test
  void shouldAskAStationAgainThatNothingHasConfirmedAndUseItMeanwhile() {
    int n = of("10.0.0.9", START);
    hear(arp(NeighbourMessages.REPLY, OTHER, "10.0.0.9", "10.0.0.1"), START);
    said.clear();
    long later = START + Neighbours.REACHABLE_NS + 1;
    assertEquals(OTHER, neighbours.mac(n, later));
    assertEquals("0200000000aa", hex(said.getFirst()).substring(0, 12));
    neighbours.tick(later + SECOND);
    assertEquals(OTHER, neighbours.mac(n, later + SECOND));
    hear(arp(NeighbourMessages.REPLY, OTHER, "10.0.0.9", "10.0.0.1"), later + 2 * SECOND);
    neighbours.tick(later + 10 * SECOND);
    assertEquals(2, said.size());
    assertEquals(OTHER, neighbours.mac(n, later + 10 * SECOND));
  }

  @Test
  void shouldForgetAStationThatAnswersNoMore() {
    int n = of("10.0.0.9", START);
    hear(arp(NeighbourMessages.REPLY, OTHER, "10.0.0.9", "10.0.0.1"), START);
    long later = START + Neighbours.REACHABLE_NS + 1;
    neighbours.mac(n, later);
    for (int second = 1; second <= 3; second++) {
      neighbours.tick(later + second * SECOND);
    }
    assertEquals(Neighbours.UNKNOWN, neighbours.mac(of("10.0.0.9", later), later));
  }

  @Test
  void shouldAnswerForItsOwnAddressesAndForThoseThatOnlyTranslationKnows() {
    neighbours.answerFor(List.of(host("10.0.0.1"), host("203.0.113.10")));
    said.clear();
    hear(arp(NeighbourMessages.REQUEST, OTHER, "10.0.0.5", "203.0.113.10"), START);
    assertEquals(
        "0200000000aa020000000001"
            + "0806"
            + "0001080006040002"
            + "020000000001cb00710a"
            + "0200000000aa0a000005",
        hex(said.getFirst()));
    said.clear();
    hear(arp(NeighbourMessages.REQUEST, OTHER, "10.0.0.5", "203.0.113.11"), START);
    assertEquals(0, said.size());
  }

  @Test
  void shouldTellTheLinkForWhomItAnswersOnceEach() {
    neighbours.answerFor(List.of(host("10.0.0.1"), host("fd00::1")));
    assertEquals(2, said.size());
    neighbours.answerFor(List.of(host("10.0.0.1"), host("fd00::1"), host("10.0.0.2")));
    assertEquals(3, said.size());
    assertEquals("0a000002", hex(said.get(2)).substring(56, 64));
  }

  @Test
  void shouldKnowWhoAskedForIt() {
    neighbours.answerFor(List.of(host("10.0.0.1")));
    hear(arp(NeighbourMessages.REQUEST, OTHER, "10.0.0.5", "10.0.0.1"), START);
    assertEquals(OTHER, neighbours.mac(of("10.0.0.5", START), START));
    hear(arp(NeighbourMessages.REQUEST, OTHER, "10.0.0.6", "10.0.0.7"), START);
    assertEquals(Neighbours.UNKNOWN, neighbours.mac(of("10.0.0.6", START), START));
  }

  @Test
  void shouldSolicitAndAnswerSolicitationsOverIpv6() {
    int n = of("fd00::9", START);
    Neighbours other =
        new Neighbours(
            OTHER,
            List.of(prefix("fd00::9/64")),
            16,
            new Neighbours.Wire() {
              @Override
              public void say(byte[] frame, int length) {
                hear(Arrays.copyOf(frame, length), START);
              }

              @Override
              public void resolved(int neighbour) {}

              @Override
              public void unreachable(int neighbour) {}
            });
    other.answerFor(List.of(host("fd00::9")));
    byte[] question = said.getFirst();
    assertEquals("3333ff000009", hex(question).substring(0, 12));
    said.clear();
    events.clear();
    // an unsolicited advertisement was heard already: forget it by asking anew
    other.heard(question, 0, question.length, START);
    assertEquals(OTHER, neighbours.mac(n, START));
    neighbours.answerFor(List.of(host("fd00::1")));
    said.clear();
    NeighbourMessages messages = new NeighbourMessages(OTHER);
    int length = messages.solicitation(null, ip("fd00::9"), ip("fd00::1"));
    hear(Arrays.copyOf(messages.frame, length), START);
    byte[] answer = said.getFirst();
    assertEquals("0200000000aa", hex(answer).substring(0, 12));
    assertEquals(136, answer[54] & 0xff);
    assertEquals(0xe0, answer[58] & 0xff);
    PacketHeader header = new PacketHeader();
    assertEquals(PacketHeader.OK, header.parse(answer, 14, answer.length - 14));
  }

  @Test
  void shouldDefendItsAddressAgainstAStationThatWantsIt() {
    neighbours.answerFor(List.of(host("fd00::1")));
    said.clear();
    NeighbourMessages messages = new NeighbourMessages(OTHER);
    int length = messages.solicitation(null, ip("::"), ip("fd00::1"));
    hear(Arrays.copyOf(messages.frame, length), START);
    assertEquals("333300000001", hex(said.getFirst()).substring(0, 12));
    assertEquals(0xa0, said.getFirst()[58] & 0xff);
  }

  @Test
  void shouldNotBelieveAMessageWithAWrongChecksumOrFromARouterAway() {
    int n = of("fd00::9", START);
    NeighbourMessages messages = new NeighbourMessages(OTHER);
    int length =
        messages.advertisement(OWN, ip("fd00::1"), ip("fd00::9"), NeighbourMessages.OVERRIDE);
    byte[] wrong = Arrays.copyOf(messages.frame, length);
    wrong[60] ^= 1;
    hear(wrong, START);
    byte[] far = Arrays.copyOf(messages.frame, length);
    far[21] = (byte) 254;
    hear(far, START);
    assertEquals(Neighbours.UNKNOWN, neighbours.mac(n, START));
    hear(Arrays.copyOf(messages.frame, length), START);
    assertEquals(OTHER, neighbours.mac(n, START));
  }

  @Test
  void shouldRefuseOneMoreWhenAllAreInUseAndMakeRoomOfThoseThatAreNot() {
    Neighbours few = with(4);
    for (int i = 0; i < 4; i++) {
      assertTrue(few.of(4, 0, 0x0a000010 + i, START) >= 0);
    }
    assertEquals(Neighbours.FULL, few.of(4, 0, 0x0a000020, START));
    for (int i = 0; i < 4; i++) {
      byte[] reply = arp(NeighbourMessages.REPLY, OTHER + i, "10.0.0." + (16 + i), "10.0.0.1");
      few.heard(reply, 0, reply.length, START);
      few.mac(few.of(4, 0, 0x0a000010 + i, START), START + i);
    }
    assertEquals(Neighbours.FULL, few.of(4, 0, 0x0a000020, START + 59 * SECOND));
    assertTrue(few.of(4, 0, 0x0a000020, START + 60 * SECOND) >= 0);
    assertEquals(Neighbours.FULL, few.of(4, 0, 0x0a000021, START + 60 * SECOND));
  }

  @Test
  void shouldNeverThrowOnAnyFrame() {
    neighbours.answerFor(List.of(host("10.0.0.1"), host("fd00::1")));
    long seed = System.nanoTime();
    Random random = new Random(seed);
    byte[][] seeds = {
      arp(NeighbourMessages.REQUEST, OTHER, "10.0.0.5", "10.0.0.1"), said.get(1).clone()
    };
    for (int round = 0; round < 50_000; round++) {
      byte[] frame = seeds[round & 1].clone();
      for (int changes = random.nextInt(4); changes >= 0; changes--) {
        frame[random.nextInt(frame.length)] = (byte) random.nextInt();
      }
      neighbours.heard(frame, 0, random.nextInt(frame.length + 1), START + round);
    }
  }

  @Test
  void shouldMakeTheLinkLocalAddressOfRfc4291() {
    assertEquals("fe80::ff:fe00:1", Neighbours.linkLocal(OWN).toString());
    assertEquals("fe80::1234:56ff:fe78:9abc", Neighbours.linkLocal(0x1034_5678_9abcL).toString());
  }
}
