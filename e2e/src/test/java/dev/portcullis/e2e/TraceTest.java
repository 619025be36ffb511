package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command {@code trace}: the way of a packet for people and for programs. */
class TraceTest {

  private static final String BRANCH = Playground.ROOT.resolve("examples/branch.yaml").toString();

  @TempDir Path folder;

  private Said trace(Captures captures, String... more) throws Exception {
    Path capture = captures.write(folder.resolve("in.pcap"));
    String[] all = new String[5 + more.length];
    List<String> first = List.of("trace", "-f", BRANCH, "--capture", capture.toString());
    System.arraycopy(first.toArray(String[]::new), 0, all, 0, 5);
    System.arraycopy(more, 0, all, 5, more.length);
    return Said.by(all);
  }

  private static Captures conversation() {
    return new Captures().tcpConversation("10.1.2.3", 40_000, "198.51.100.7", 443);
  }

  @Test
  void shouldTellTheWayOfARequestStageByStage() throws Exception {
    Said said = trace(conversation(), "--packet", "1");
    assertEquals(0, said.exitCode(), said.toString());
    for (String line :
        List.of(
            "packet 1: TCP 10.1.2.3:40000 > 198.51.100.7:443, 40 bytes, flags SYN, flow ",
            "came in    port lan of io-a, logical interface lg-lan (tag 0), zone lan",
            "assigned   class default, V = 0xd034660a, N = 3, R = V mod N = ",
            ", from lg-lan",
            "acl        rule allow-web: lan > wan, from office, web, accept",
            "stateful   state none → new",
            "snat       sender 10.1.2.3:40000 → 203.0.113.10:",
            "verdict    forward by port wan as TCP 203.0.113.10:")) {
      assertTrue(said.out().contains(line), line + " is not in\n" + said.out());
    }
  }

  @Test
  void shouldTellTheStateBeforeAReply() throws Exception {
    Said said = trace(conversation(), "--packet", "2");
    assertTrue(said.out().contains("state new → "), said.toString());
    assertTrue(said.out().contains("dnat       receiver 203.0.113.10:"), said.toString());
    assertTrue(said.out().contains(" → 10.1.2.3:40000"), said.toString());
  }

  @Test
  void shouldSayWhyAPacketWasDropped() throws Exception {
    Captures captures = new Captures().tcp("192.0.2.1", 5, "10.0.0.9", 23, Captures.SYN);
    Said said = trace(captures, "--packet", "1");
    assertTrue(said.out().contains("acl        rule default: drop"), said.toString());
    assertTrue(
        said.out().contains("verdict    drop, acl-default: No rule of the policy matches"),
        said.toString());
  }

  @Test
  void shouldTellOfAllPacketsOfAFlowInBothDirections() throws Exception {
    Captures captures = conversation().tcpConversation("10.1.2.4", 7, "198.51.100.7", 443);
    Said said = trace(captures, "--flow", "10.1.2.3:40000 > 198.51.100.7:443", "--json");
    assertEquals(0, said.exitCode(), said.toString());
    List<String> lines = said.out().lines().toList();
    assertEquals(6, lines.size(), said.toString());
    for (String line : lines) {
      JsonNode packet = new ObjectMapper().readTree(line);
      assertEquals("forward", packet.get("verdict").asText());
      assertTrue(packet.get("n").asInt() <= 6);
      assertEquals(packet.get("n_slots").asInt(), 3);
      assertTrue(packet.get("hops").size() >= 1);
    }
  }

  @Test
  void shouldTellOfAReplyToATranslatedFlowThatGetsNoFurther() throws Exception {
    Captures captures =
        conversation().tcp("198.51.100.7", 443, "10.1.2.3", 40_000, Captures.ACK, 1 << 30, 1002);
    Said said = trace(captures, "--flow", "10.1.2.3:40000 > 198.51.100.7:443");
    assertEquals(7, said.out().lines().filter(it -> it.startsWith("packet ")).count());
    assertTrue(said.out().contains("packet 7: TCP 198.51.100.7:443 > 203.0.113.10:"), said.out());
    assertTrue(said.out().contains("stateful   state time-wait, which stays"), said.out());
    assertTrue(said.out().contains("verdict    drop, out-of-window: "), said.out());
  }

  @Test
  void shouldTellWhatTheGatewayAnswers() throws Exception {
    Captures captures =
        new Captures().tcp("10.1.2.3", 5, "198.51.100.7", 443, Captures.SYN).withTtl(1);
    Said said = trace(captures, "--packet", "1");
    assertTrue(
        said.out().contains("the gateway answers with ICMP 10.0.0.1 > 10.1.2.3, type 11 code 0"),
        said.toString());
    assertTrue(said.out().contains("verdict    drop, ttl-expired: "), said.toString());
  }

  @Test
  void shouldTellThatAnErrorOfARouterGoesWithTheFlowThatItQuotes() throws Exception {
    Captures captures = conversation().error("192.0.2.9", 11, 0, 0);
    Said said = trace(captures, "--packet", "7");
    assertTrue(
        said.out().contains("related    an ICMP error about a packet of a flow"), said.out());
    assertTrue(said.out().contains("verdict    forward by port lan"), said.toString());
  }

  @Test
  void shouldSayThatAPacketIsNotThere() throws Exception {
    Said said = trace(conversation(), "--packet", "7");
    assertEquals(1, said.exitCode(), said.toString());
    assertEquals("there is no packet 7: the captures have 6\n", said.err());
  }

  @Test
  void shouldSayThatAReplyDidNotEnter() throws Exception {
    Captures captures =
        new Captures()
            .tcp("10.1.2.3", 5, "198.51.100.7", 23, Captures.SYN)
            .tcp("198.51.100.7", 23, "10.1.2.3", 5, Captures.SYN | Captures.ACK);
    Said said = trace(captures, "--packet", "2");
    assertEquals(0, said.exitCode(), said.toString());
    assertTrue(said.out().startsWith("packet 2 did not enter"), said.toString());
  }

  @Test
  void shouldRefuseAFlowThatIsNone() throws Exception {
    Said said = trace(conversation(), "--flow", "from here to there");
    assertEquals(2, said.exitCode(), said.toString());
    assertTrue(said.err().contains("allowed are two ends such as"), said.toString());
  }
}
