package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NatPolicyChangeTest {

  private static final String CLIENT = "10.0.0.99";
  private static final String SERVER = "198.51.100.7";
  private static final String STRANGER = "192.0.2.1";
  private static final String POOL = "203.0.113.10";
  private static final String OTHER_POOL = "203.0.113.77";
  private static final byte[] REQUEST = Packets.udp(CLIENT, 5000, SERVER, 53);

  private static String gateway(String algorithm, String onPolicyChange, String nat) {
    return NatTest.yaml(algorithm, "record", nat)
        .replace("  policy: p", "  onPolicyChange: " + onPolicyChange + "\n  policy: p");
  }

  private static PacketHeader left(Network net) {
    PacketHeader h = new PacketHeader();
    byte[] left = net.left();
    assertEquals(PacketHeader.OK, h.parse(left, 0, left.length));
    return h;
  }

  private static String sender(Network net) {
    return new IpAddress(4, 0, left(net).sourceLow).toString();
  }

  /** Opens a flow and returns the translated port that its replies go to. */
  private static int open(Network net) {
    assertEquals(DropReason.NONE, net.in("lan", REQUEST.clone()).why());
    return left(net).sourcePort;
  }

  @ParameterizedTest
  @CsvSource({"1,1", "3,2", "5,4"})
  void shouldEndALiveFlowWhosePoolIsGoneUnderRematchAndTranslateAnew(int workers, int shards) {
    String before = gateway("ip-sum", "rematch", NatTest.pool(""));
    Network net = new Network(before, workers, shards);
    open(net);
    net.policy(before.replace(POOL, OTHER_POOL));
    assertEquals(DropReason.POLICY_CHANGED, net.in("lan", REQUEST.clone()).why());
    assertEquals(DropReason.NONE, net.in("lan", REQUEST.clone()).why());
    assertEquals(OTHER_POOL, sender(net));
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldEndItWhenAReplyIsTheFirstPacketAfterTheChange() {
    String before = gateway("ip-sum", "rematch", NatTest.pool(""));
    Network net = new Network(before, 3, 2);
    int port = open(net);
    net.policy(before.replace(POOL, OTHER_POOL));
    assertEquals(
        DropReason.POLICY_CHANGED, net.in("wan", Packets.udp(SERVER, 53, POOL, port)).why());
    assertNotEquals(DropReason.NONE, net.in("wan", Packets.udp(SERVER, 53, POOL, port)).why());
  }

  @Test
  void shouldKeepAFlowWithAPortThatIsNotTranslatedWhateverPortsTheRulesHave() {
    byte[] sctp = Packets.udp(CLIENT, 700, SERVER, 36412);
    sctp[9] = (byte) PacketHeader.SCTP;
    Packets.withChecksums(sctp);
    String before = gateway("ip-sum", "rematch", NatTest.pool(", ports: 2048-10239"));
    Network net = new Network(before, 3, 2);
    assertEquals(DropReason.NONE, net.in("lan", sctp.clone()).why());
    assertEquals(POOL, sender(net));
    net.policy(before.replace("2048-10239", "20480-30719"));
    assertEquals(DropReason.NONE, net.in("lan", sctp.clone()).why());
    assertEquals(POOL, sender(net));
  }

  @ParameterizedTest
  @CsvSource({"rematch,POLICY_CHANGED", "keep,NONE"})
  void shouldEndALiveFlowWhosePortTheRulesNoLongerHaveUnderRematch(String change, DropReason why) {
    String before = gateway("ip-sum", change, NatTest.pool(", ports: 2048-10239"));
    Network net = new Network(before, 3, 2);
    open(net);
    net.policy(before.replace("2048-10239", "20480-30719"));
    assertEquals(why, net.in("lan", REQUEST.clone()).why());
    assertEquals(DropReason.NONE, net.in("lan", Packets.udp(CLIENT, 5001, SERVER, 53)).why());
    int port = left(net).sourcePort;
    assertTrue(port >= 20480 && port <= 30719, "port " + port);
  }

  @ParameterizedTest
  @CsvSource({"rematch,1,1", "rematch,3,4", "keep,3,4"})
  void shouldKeepFlowsAndTheirTuplesWhereThePoolStays(String change, int workers, int shards) {
    String before = gateway("ip-sum", change, NatTest.pool(""));
    Network net = new Network(before, workers, shards);
    int port = open(net);
    byte[] sent = net.left();
    net.policy(before.replace("[" + POOL + "]", "[" + OTHER_POOL + ", " + POOL + "]"));
    net.policy(before.replace("name: out, from: lan", "name: other, from: lan"));
    for (int i = 0; i < 400; i++) {
      // from many hosts, so from all lanes, each with the wish for the port of the live flow
      assertEquals(
          DropReason.NONE,
          net.in("lan", Packets.udp("10.1.0." + i % 200, port + i / 200, SERVER, 53)).why());
      assertNotEquals(port, left(net).sourcePort, "the port of a live flow");
    }
    assertEquals(DropReason.NONE, net.in("lan", REQUEST.clone()).why());
    assertArrayEquals(sent, net.left());
    assertEquals(DropReason.NONE, net.in("wan", Packets.udp(SERVER, 53, POOL, port)).why());
    assertEquals(0, net.unaccounted());
  }

  private static final String PUBLISHED =
      "destination: [{name: www, from: wan, destination: 203.0.113.20, service: {udp: 53}, translateTo: {address: 10.0.0.5, port: 5353}}]";
  private static final byte[] TO_PUBLISHED = Packets.udp(STRANGER, 7000, "203.0.113.20", 53);
  private static final byte[] FROM_PUBLISHED = Packets.udp("10.0.0.5", 5353, STRANGER, 7000);

  @ParameterizedTest
  @CsvSource({
    "rematch,10.0.0.5,10.0.9.7,POLICY_CHANGED",
    "rematch,port: 5353,port: 5354,POLICY_CHANGED",
    "rematch,203.0.113.20,203.0.113.21,POLICY_CHANGED",
    "rematch,name: www,name: web,NONE",
    "keep,10.0.0.5,10.0.9.7,NONE",
    "keep,203.0.113.20,203.0.113.21,NONE",
  })
  void shouldEndALiveFlowWhosePublishedServerIsAnotherOneUnderRematch(
      String change, String was, String is, DropReason why) {
    for (int workers : new int[] {1, 3}) {
      Network net = new Network(gateway("ip-sum", change, PUBLISHED), workers, 2);
      assertEquals(DropReason.NONE, net.in("wan", TO_PUBLISHED.clone()).why());
      net.policy(gateway("ip-sum", change, PUBLISHED.replace(was, is)));
      assertEquals(why, net.in("wan", TO_PUBLISHED.clone()).why());
      assertEquals(0, net.unaccounted());
    }
  }

  @Test
  void shouldTakeTheNextPacketToTheNewServer() {
    Network net = new Network(gateway("ip-sum", "rematch", PUBLISHED), 3, 2);
    net.in("wan", TO_PUBLISHED.clone());
    net.policy(gateway("ip-sum", "rematch", PUBLISHED.replace("10.0.0.5", "10.0.9.7")));
    assertEquals(DropReason.POLICY_CHANGED, net.in("wan", TO_PUBLISHED.clone()).why());
    assertEquals(DropReason.NONE, net.in("wan", TO_PUBLISHED.clone()).why());
    assertEquals("10.0.9.7", new IpAddress(4, 0, left(net).destinationLow).toString());
  }

  @Test
  void shouldEndItWhenTheOldServerAnswersFirst() {
    Network net = new Network(gateway("ip-sum", "rematch", PUBLISHED), 3, 2);
    net.in("wan", TO_PUBLISHED.clone());
    assertEquals(DropReason.NONE, net.in("lan", FROM_PUBLISHED.clone()).why());
    net.policy(gateway("ip-sum", "rematch", PUBLISHED.replace("10.0.0.5", "10.0.9.7")));
    assertEquals(DropReason.POLICY_CHANGED, net.in("lan", FROM_PUBLISHED.clone()).why());
  }

  @ParameterizedTest
  @CsvSource({"rematch,POLICY_CHANGED", "keep,NONE"})
  void shouldEndALiveFlowToAHostThatIsNoLongerMappedOneToOneUnderRematch(
      String change, DropReason why) {
    String one = "static: [{name: one, zones: [wan], external: 203.0.113.20, internal: 10.0.0.5}]";
    Network net = new Network(gateway("ip-sum", change, one), 3, 2);
    assertEquals(DropReason.NONE, net.in("wan", TO_PUBLISHED.clone()).why());
    net.policy(gateway("ip-sum", change, one.replace("10.0.0.5", "10.0.9.7")));
    assertEquals(why, net.in("wan", TO_PUBLISHED.clone()).why());
  }

  @Test
  void shouldTranslateNewFlowsByTheNewRules() {
    String before = gateway("flow-hash", "rematch", "");
    Network net = new Network(before, 3, 2);
    open(net);
    assertEquals(CLIENT, sender(net));
    net.policy(gateway("flow-hash", "rematch", NatTest.pool("")));
    // a flow that lives keeps its sender, as it always had it
    assertEquals(DropReason.NONE, net.in("lan", REQUEST.clone()).why());
    assertEquals(CLIENT, sender(net));
    assertEquals(DropReason.NONE, net.in("lan", Packets.udp(CLIENT, 5001, SERVER, 53)).why());
    assertEquals(POOL, sender(net));
  }

  @ParameterizedTest
  @CsvSource({"rematch,POLICY_CHANGED", "keep,NONE"})
  void shouldEndALiveFlowWhoseStaticAddressIsGoneUnderRematch(String change, DropReason why) {
    String nat =
        "static: [{name: s, zones: [wan], external: 203.0.113.25, internal: " + CLIENT + "}]";
    Network net = new Network(gateway("ip-sum", change, nat), 3, 2);
    open(net);
    assertEquals("203.0.113.25", sender(net));
    net.policy(gateway("ip-sum", change, nat.replace("203.0.113.25", "203.0.113.26")));
    assertEquals(why, net.in("lan", REQUEST.clone()).why());
    assertEquals(DropReason.NONE, net.in("lan", Packets.udp(CLIENT, 5001, SERVER, 53)).why());
    assertEquals("203.0.113.26", sender(net));
  }

  private static String mapped(String change, String filtering) {
    return gateway("ip-source", change, NatTest.independent(filtering));
  }

  private static byte[] fromStranger(int from, int port) {
    return Packets.udp(STRANGER, from, POOL, port);
  }

  @ParameterizedTest
  @ValueSource(strings = {"rematch", "keep"})
  void shouldKeepAMappingAndWhatItLetInAcrossAChange(String change) {
    String before = mapped(change, "endpoint-independent");
    Network net = new Network(before, 3, 2);
    int port = open(net);
    assertEquals(DropReason.NONE, net.in("wan", fromStranger(1, port)).why());
    net.policy(before.replace("name: no-telnet", "name: no-plain"));
    assertEquals(DropReason.NONE, net.in("wan", fromStranger(1, port)).why());
    assertEquals(DropReason.NONE, net.in("wan", fromStranger(2, port)).why());
    assertEquals(
        DropReason.NONE, net.in("lan", Packets.udp(CLIENT, 5000, "198.51.100.8", 9)).why());
    assertEquals(port, left(net).sourcePort);
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldFilterAsThePresentPolicySays() {
    Network net = new Network(mapped("keep", "endpoint-independent"), 3, 2);
    int port = open(net);
    assertEquals(DropReason.NONE, net.in("wan", fromStranger(1, port)).why());
    net.policy(mapped("keep", "address-and-port-dependent"));
    assertEquals(DropReason.NAT_FILTERED, net.in("wan", fromStranger(2, port)).why());
    assertEquals(DropReason.NONE, net.in("wan", fromStranger(1, port)).why());
  }

  @Test
  void shouldLetNobodyInByAMappingOfAPoolThatIsGone() {
    String before = mapped("keep", "endpoint-independent");
    Network net = new Network(before, 3, 2);
    int port = open(net);
    net.policy(before.replace(POOL, OTHER_POOL));
    assertNotEquals(DropReason.NONE, net.in("wan", fromStranger(1, port)).why());
    // the flow that has it keeps it, new ones get another
    assertEquals(DropReason.NONE, net.in("lan", REQUEST.clone()).why());
    assertEquals(POOL, sender(net));
    assertEquals(
        DropReason.NONE, net.in("lan", Packets.udp(CLIENT, 5000, "198.51.100.8", 9)).why());
    assertEquals(OTHER_POOL, sender(net));
  }

  @Test
  void shouldEndWhatAMappingLetInWhenItsPoolIsGoneUnderRematch() {
    String before = mapped("rematch", "endpoint-independent");
    Network net = new Network(before, 3, 2);
    int port = open(net);
    assertEquals(DropReason.NONE, net.in("wan", fromStranger(1, port)).why());
    net.policy(before.replace(POOL, OTHER_POOL));
    assertEquals(
        DropReason.POLICY_CHANGED, net.in("lan", Packets.udp(CLIENT, 5000, STRANGER, 1)).why());
    assertEquals(DropReason.POLICY_CHANGED, net.in("lan", REQUEST.clone()).why());
  }

  @Test
  void shouldNeverGiveAMappingTheTupleOfAFlowFromBeforeTheChange() {
    String before = gateway("ip-source", "keep", NatTest.pool(""));
    Network net = new Network(before, 1, 4);
    Set<Integer> taken = new HashSet<>();
    for (int i = 0; i < 2000; i++) {
      net.in("lan", Packets.udp("10.2." + i / 200 + "." + i % 200, 1024 + i * 7, SERVER, 53));
      taken.add(left(net).sourcePort);
    }
    assertEquals(2000, taken.size());
    net.policy(mapped("keep", "endpoint-independent"));
    for (int i = 0; i < 2000; i++) {
      Network.Out out =
          net.in("lan", Packets.udp("10.3." + i / 200 + "." + i % 200, 1024 + i * 7, SERVER, 53));
      if (out.why() == DropReason.NONE) {
        assertTrue(taken.add(left(net).sourcePort), "two flows on one tuple");
      } else {
        assertEquals(DropReason.NAT_EXHAUSTED, out.why());
      }
    }
  }
}
