package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.policy.RuleCounts;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PolicyChangeTest {

  private static final String SERVER = "198.51.100.7";
  private static final String POOL = "203.0.113.10";
  private static final String ALLOW_OUT =
      "{name: allow-out, from: [lan], to: [wan], source: [office], action: accept}";
  private static final String ALLOW_WWW =
      "{name: allow-www, from: [wan], to: [lan], destination: [10.0.0.5/32], services: [{tcp: [8080]}], action: accept}";
  private static final byte[] REQUEST = Packets.udp("10.0.0.9", 5000, SERVER, 53);

  private static String gateway(String onPolicyChange) {
    return Network.branch("ip-sum", "record")
        .replace("  policy: p", "  onPolicyChange: " + onPolicyChange + "\n  policy: p");
  }

  /** Opens a flow and returns the translated port that its replies go to. */
  private static int open(Network network) {
    assertEquals(DropReason.NONE, network.in("lan", REQUEST.clone()).why());
    PacketHeader h = new PacketHeader();
    byte[] left = network.left();
    h.parse(left, 0, left.length);
    return h.sourcePort;
  }

  private static byte[] reply(int port) {
    return Packets.udp(SERVER, 53, POOL, port);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 5})
  void shouldDropALiveFlowThatTheNewPolicyDoesNotAcceptUnderRematch(int workers) {
    Network network = new Network(gateway("rematch"), workers, 2);
    open(network);
    network.policy(gateway("rematch").replace(ALLOW_OUT, ALLOW_OUT.replace("accept", "drop")));
    assertEquals(DropReason.POLICY_CHANGED, network.in("lan", REQUEST.clone()).why());
    assertEquals(DropReason.ACL, network.in("lan", REQUEST.clone()).why());
    assertEquals(0, network.unaccounted());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 5})
  void shouldAskTheRulesWithTheFlowsOwnDirectionWhenAReplyIsTheFirstPacketAfterAChange(
      int workers) {
    Network network = new Network(gateway("rematch"), workers, 2);
    int port = open(network);
    network.policy(gateway("rematch").replace("allow-out", "let-out"));
    assertEquals(DropReason.NONE, network.in("wan", reply(port)).why());
    assertEquals(DropReason.NONE, network.in("lan", REQUEST.clone()).why());
    assertTrue(network.in("lan", REQUEST.clone()).trace().contains("acl:let-out"));
    network.policy(gateway("rematch").replace(ALLOW_OUT, ALLOW_OUT.replace("accept", "reject")));
    assertEquals(DropReason.POLICY_CHANGED, network.in("wan", reply(port)).why());
    assertEquals(0, network.unaccounted());
  }

  @Test
  void shouldKeepTheTranslationOfALiveFlowWhosePoolIsGoneUnderKeep() {
    Network network = new Network(gateway("keep"), 3, 2);
    int port = open(network);
    byte[] before = network.left();
    network.policy(gateway("keep").replace("[203.0.113.10]", "[203.0.113.77]"));
    assertEquals(DropReason.NONE, network.in("lan", REQUEST.clone()).why());
    assertArrayEquals(before, network.left());
    assertEquals(DropReason.NONE, network.in("wan", reply(port)).why());
    assertEquals(
        DropReason.NONE, network.in("lan", Packets.udp("10.0.0.9", 5001, SERVER, 53)).why());
    PacketHeader h = new PacketHeader();
    h.parse(network.left(), 0, network.left().length);
    assertEquals("203.0.113.77", new IpAddress(4, 0, h.sourceLow).toString());
  }

  @Test
  void shouldGiveNoFlowThePortOfALiveOneWhenAPoolComesBack() {
    Network network = new Network(gateway("keep"), 1, 1);
    int port = open(network);
    network.policy(gateway("keep").replace("[203.0.113.10]", "[203.0.113.77]"));
    network.policy(gateway("keep"));
    for (int i = 0; i < 200; i++) {
      network.in("lan", Packets.udp("10.0.0.8", 6000 + i, SERVER, 53));
      PacketHeader h = new PacketHeader();
      h.parse(network.left(), 0, network.left().length);
      assertTrue(h.sourcePort != port, "port " + port + " was given out twice");
    }
  }

  @Test
  void shouldKeepLiveFlowsAndRefuseNewOnesUnderKeep() {
    Network network = new Network(gateway("keep"), 3, 2);
    int port = open(network);
    network.policy(gateway("keep").replace(ALLOW_OUT, ALLOW_OUT.replace("accept", "drop")));
    assertEquals(DropReason.NONE, network.in("lan", REQUEST.clone()).why());
    assertEquals(DropReason.NONE, network.in("wan", reply(port)).why());
    assertEquals(
        DropReason.ACL, network.in("lan", Packets.udp("10.0.0.9", 5001, SERVER, 53)).why());
  }

  @Test
  void shouldFindTheRuleOfAKeptFlowByItsName() {
    Network network = new Network(gateway("keep"), 3, 2);
    open(network);
    network.policy(gateway("keep").replace("no-telnet", "no-plain"));
    network.policy(
        gateway("keep")
            .replace(
                "{name: no-telnet",
                "{name: first, action: drop, services: [{tcp: [7]}]}\n    - {name: no-telnet"));
    assertTrue(network.in("lan", REQUEST.clone()).trace().contains("acl:allow-out"));
    network.policy(gateway("keep").replace("allow-out", "let-out"));
    assertTrue(network.in("lan", REQUEST.clone()).trace().contains("acl:gone"));
  }

  @Test
  void shouldGoOnCountingARuleUnderItsNameAcrossAChange() {
    Network network = new Network(gateway("rematch"), 3, 2);
    int port = open(network);
    network.in("wan", reply(port));
    network.policy(
        gateway("rematch")
            .replace(
                "{name: no-telnet",
                "{name: first, action: drop, services: [{tcp: [7]}]}\n    - {name: no-telnet"));
    network.in("lan", REQUEST.clone());
    network.in("lan", Packets.tcp("10.0.0.9", 9, SERVER, 7, PacketHeader.SYN));
    network.in("wan", Packets.tcp(SERVER, 9, "10.0.0.77", 7777, PacketHeader.SYN));
    assertEquals(1, network.counted("allow-out", RuleCounts.FLOWS));
    assertEquals(3, network.counted("allow-out", RuleCounts.PACKETS));
    assertEquals(3L * REQUEST.length, network.counted("allow-out", RuleCounts.BYTES));
    assertEquals(1, network.counted("first", RuleCounts.FLOWS));
    assertEquals(1, network.counted("default", RuleCounts.PACKETS));
  }

  @Test
  void shouldTellTypesOfIcmpWhenItAsksAgain() {
    String ping = ALLOW_OUT.replace("action", "services: [{icmp: [8]}], action");
    Network network = new Network(gateway("rematch").replace(ALLOW_OUT, ping), 1, 1);
    byte[] echo = Packets.echo("10.0.0.9", SERVER, false, 3);
    assertEquals(DropReason.NONE, network.in("lan", echo.clone()).why());
    network.policy(gateway("rematch").replace(ALLOW_OUT, ping).replace("no-telnet", "no-other"));
    assertEquals(DropReason.NONE, network.in("lan", echo.clone()).why());
    network.policy(gateway("rematch").replace(ALLOW_OUT, ping.replace("[8]", "[13]")));
    assertEquals(DropReason.POLICY_CHANGED, network.in("lan", echo.clone()).why());
  }

  private static String scheduled(String onPolicyChange, String schedule) {
    return gateway(onPolicyChange)
        .replace(ALLOW_OUT, ALLOW_OUT.replace("action", "schedule: hours, action"))
        .replace("  rules:", "  schedules: [{name: hours, " + schedule + "}]\n  rules:");
  }

  private static final String WORK =
      "days: [mon, tue, wed, thu, fri], from: '08:00', to: '18:00', timezone: Europe/Berlin";

  @ParameterizedTest
  @CsvSource({
    // Berlin is at UTC+1 until 2026-03-29, 01:00 UTC, then at UTC+2
    "2026-03-27T06:59:59Z, false",
    "2026-03-27T07:00:00Z, true",
    "2026-03-27T16:59:59Z, true",
    "2026-03-27T17:00:00Z, false",
    "2026-03-28T10:00:00Z, false",
    "2026-03-30T06:00:00Z, true",
    "2026-03-30T16:00:00Z, false"
  })
  void shouldAcceptNewFlowsInTheHoursOfASchedule(String time, boolean accepted) {
    assertAccepted(WORK, time, accepted);
  }

  @ParameterizedTest
  @CsvSource({
    "2026-03-27T21:59:59Z, false",
    "2026-03-27T22:00:00Z, true",
    "2026-03-28T05:59:59Z, true",
    "2026-03-28T06:00:00Z, false",
    "2026-03-28T22:00:00Z, false",
    "2026-04-03T23:00:00Z, true",
    "2026-04-10T23:00:00Z, false"
  })
  void shouldLetATimeOverMidnightBelongToTheDayThatItBeginsOn(String time, boolean accepted) {
    assertAccepted(
        "days: [fri], from: '22:00', to: '06:00', startDate: 2026-03-01, endDate: 2026-04-03",
        time,
        accepted);
  }

  private static void assertAccepted(String schedule, String time, boolean accepted) {
    Network network = new Network(scheduled("rematch", schedule), 1, 1);
    at(network, time);
    assertEquals(
        accepted ? DropReason.NONE : DropReason.ACL_DEFAULT,
        network.in("lan", REQUEST.clone()).why());
  }

  private static void at(Network network, String time) {
    network.timeNs = Instant.parse(time).getEpochSecond() * 1_000_000_000L;
  }

  @ParameterizedTest
  @CsvSource({"rematch, POLICY_CHANGED", "keep, NONE"})
  void shouldTreatLiveFlowsAsAtAPolicyChangeWhenAScheduleTurns(
      String onPolicyChange, DropReason after) {
    Network network = new Network(scheduled(onPolicyChange, WORK), 3, 2);
    at(network, "2026-03-27T16:59:50Z");
    int port = open(network);
    at(network, "2026-03-27T16:59:59Z");
    assertEquals(DropReason.NONE, network.in("wan", reply(port)).why());
    at(network, "2026-03-27T17:00:00Z");
    assertEquals(after, network.in("wan", reply(port)).why());
    assertEquals(0, network.unaccounted());
  }
}
