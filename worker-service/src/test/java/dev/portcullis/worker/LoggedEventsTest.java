package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.PacketHeader;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What workers of a live gateway tell of flows and drops. */
class LoggedEventsTest {

  private static final String SERVER = "198.51.100.7";
  private static final byte[] REQUEST = Packets.udp("10.0.0.9", 5000, SERVER, 53);
  private static final byte[] TELNET = Packets.tcp("10.0.0.9", 5000, SERVER, 23, PacketHeader.SYN);
  private static final long SECOND = 1_000_000_000L;

  private static String gateway(String more) {
    return Network.branch("ip-sum", "record").replace("  policy: p", more + "\n  policy: p");
  }

  private static void has(List<String> events, String... parts) {
    assertEquals(1, events.size(), events::toString);
    for (String part : parts) {
      assertTrue(events.getFirst().contains(part), () -> part + " is not in " + events);
    }
  }

  private static void waitUntilFlowsEnd(Network network) {
    network.timeNs += 3600 * SECOND;
    network.tick();
  }

  @Test
  void shouldNameTheRuleThatAFlowWasLastMatchedWith() {
    String yaml = gateway("  onPolicyChange: rematch");
    Network network = Network.logging(yaml, 3, 2);
    network.in("lan", REQUEST.clone());
    network.policy(yaml.replace("allow-out", "let-out"));
    network.in("lan", REQUEST.clone());
    waitUntilFlowsEnd(network);
    has(
        network.told("flow"),
        "\"rule\":\"let-out\"",
        "\"pkts_toserver\":2",
        "\"reason\":\"timeout\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"rematch", "keep"})
  void shouldNameTheRuleThatAcceptedAFlowWhichNoPacketCameForSinceTheChange(String onChange) {
    String yaml = gateway("  onPolicyChange: " + onChange);
    Network network = Network.logging(yaml, 3, 2);
    network.in("lan", REQUEST.clone());
    network.policy(
        yaml.replace(
            "{name: no-telnet",
            "{name: first, action: drop, services: [{tcp: [7]}]}\n    - {name: no-telnet"));
    waitUntilFlowsEnd(network);
    has(network.told("flow"), "\"rule\":\"allow-out\"");
  }

  @Test
  void shouldSayThatTheRuleOfAFlowIsGone() {
    String yaml = gateway("  onPolicyChange: keep");
    Network network = Network.logging(yaml, 1, 1);
    network.in("lan", REQUEST.clone());
    network.policy(yaml.replace("allow-out", "let-out"));
    waitUntilFlowsEnd(network);
    has(network.told("flow"), "\"rule\":\"gone\"");
  }

  @Test
  void shouldTellThatANewPolicyEndedAFlow() {
    String yaml = gateway("  log: {drops: all}\n  onPolicyChange: rematch");
    Network network = Network.logging(yaml, 3, 2);
    network.in("lan", REQUEST.clone());
    network.policy(
        yaml.replace("source: [office], action: accept", "source: [office], action: drop"));
    assertEquals(DropReason.POLICY_CHANGED, network.in("lan", REQUEST.clone()).why());
    has(
        network.told("flow"),
        "\"reason\":\"forced\"",
        "\"end\":\"policy\"",
        "\"rule\":\"allow-out\"");
    has(network.told("drop"), "\"reason\":\"policy-changed\"", "\"stage\":\"acl\"");
  }

  @Test
  void shouldTellOfDropsByRulesThatLogAsThePolicyOfNowHasThem() {
    String yaml = gateway("");
    Network network = Network.logging(yaml, 1, 1);
    network.in("lan", TELNET.clone());
    network.in("wan", Packets.udp(SERVER, 9, "203.0.113.10", 9));
    assertEquals(List.of(), network.told("drop"));
    network.policy(
        yaml.replace("action: reject}", "action: reject, log: true}")
            .replace("defaultAction: drop", "defaultAction: drop\n  defaultLog: true"));
    network.in("lan", TELNET.clone());
    has(network.told("drop"), "\"reason\":\"rejected\"", "\"rule\":\"no-telnet\"", "\"syn\":true");
    network.in("wan", Packets.udp(SERVER, 9, "203.0.113.10", 9));
    has(network.told("drop"), "\"reason\":\"acl-default\"", "\"rule\":\"default\"");
    network.policy(yaml);
    network.in("lan", TELNET.clone());
    assertEquals(List.of(), network.told("drop"));
  }

  @Test
  void shouldTellOfNoMoreDropsPerSecondThanConfigured() {
    Network network = Network.logging(gateway("  log: {drops: all, perSecond: 3}"), 1, 1);
    for (int i = 0; i < 10; i++) {
      network.in("lan", TELNET.clone());
    }
    assertEquals(3, network.told("drop").size());
    assertEquals(7, network.eventsSuppressed());
    network.timeNs += SECOND;
    network.in("lan", TELNET.clone());
    assertEquals(1, network.told("drop").size());
  }

  @Test
  void shouldCountEventsOfPortsWhoseClocksDifferTogether() {
    Network network = Network.logging(gateway("  log: {drops: all, perSecond: 3}"), 1, 1);
    network.timeNs = 100 * SECOND;
    for (int i = 0; i < 10; i++) {
      network.timeNs += i % 2 == 0 ? 2 * SECOND : -2 * SECOND;
      network.in("lan", TELNET.clone());
    }
    assertEquals(3, network.told("drop").size());
    network.timeNs -= 3600 * SECOND - 1_000_000_000L * SECOND;
    network.in("lan", TELNET.clone());
    network.timeNs -= 3600 * SECOND;
    network.in("lan", TELNET.clone());
    assertEquals(2, network.told("drop").size());
  }

  @Test
  void shouldSayWhenAFlowWasOverAndNotWhenATickFoundIt() {
    Network network = Network.logging(gateway("  timeouts: {udpNew: 30s}"), 1, 1);
    network.timeNs = 1_600_000_000L * SECOND;
    network.in("lan", REQUEST.clone());
    waitUntilFlowsEnd(network);
    has(
        network.told("flow"),
        "\"timestamp\":\"2020-09-13T12:27:10.000000+0000\"",
        "\"end\":\"2020-09-13T12:26:40.000000+0000\"");
  }

  @Test
  void shouldWriteOnlyTheTypesThatAreWanted() {
    Network network = Network.logging(gateway("  log: {drops: all, events: [flow]}"), 1, 1);
    network.in("lan", TELNET.clone());
    network.in("lan", REQUEST.clone());
    waitUntilFlowsEnd(network);
    assertEquals(1, network.told("flow").size());
    assertEquals(List.of(), network.events);
  }

  @Test
  void shouldTellOnceOfAConnectionThatSpeaksAndWasLostWithAnEarlierLife() {
    Network network = Network.logging(gateway(""), 1, 1);
    Worker worker = network.workers.getFirst();
    byte[] segment = Packets.tcp("10.0.0.9", 5000, SERVER, 443, PacketHeader.ACK);
    byte[] last = Packets.tcp("10.0.0.9", 5001, SERVER, 443, PacketHeader.ACK | PacketHeader.FIN);
    network.in("lan", segment.clone());
    assertEquals(0, broken(worker), "nothing was lost");
    network.told("anomaly");
    worker.flowsWereLost();
    network.in("lan", last.clone());
    network.in("lan", segment.clone());
    network.in("lan", segment.clone());
    assertEquals(1, broken(worker));
    List<String> told = network.told("anomaly");
    has(
        told.stream().filter(it -> it.contains("portcullis.flow_broken")).toList(),
        "\"src_ip\":\"10.0.0.9\",\"src_port\":5000,\"dest_ip\":\""
            + SERVER
            + "\",\"dest_port\":443");
    network.timeNs += 6 * 24 * 3600 * SECOND;
    network.in("lan", Packets.tcp("10.0.0.9", 5002, SERVER, 443, PacketHeader.ACK));
    assertEquals(1, broken(worker), "who was silent for so long would have been forgotten");
  }

  private static long broken(Worker worker) {
    return worker.shards().getFirst().pipeline().flowsBroken();
  }

  @Test
  void shouldTellTheFlowOfAnErrorThatGoesNoFurther() {
    Network network = Network.logging(gateway("  log: {drops: all}"), 1, 1);
    network.in("lan", REQUEST.clone());
    byte[] error = Packets.error("192.0.2.7", "203.0.113.10", 3, 3, 0, network.left());
    error[8] = 1;
    Packets.withChecksums(error);
    assertEquals(DropReason.TTL_EXPIRED, network.in("wan", error).why());
    String drop = network.told("drop").getFirst();
    waitUntilFlowsEnd(network);
    String flow = network.told("flow").getFirst();
    assertEquals(flowId(flow), flowId(drop), drop);
  }

  private static String flowId(String event) {
    int at = event.indexOf("\"flow_id\":");
    return event.substring(at, event.indexOf(',', at));
  }
}
