package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.event.Anomaly;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code eve.json} of a replay says, read by a JSON parser and compared with the paths. */
class EventsTest {

  private static final Path BRANCH = Playground.ROOT.resolve("examples/branch.yaml");
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  private List<JsonNode> play(int shards, Captures captures) throws Exception {
    Path capture = captures.write(folder.resolve("in.pcap"));
    try (Playground gateway = new Playground(BRANCH, 3, shards)) {
      gateway.play(folder.resolve("out"), capture);
    }
    return lines("eve.json");
  }

  private List<JsonNode> lines(String file) throws Exception {
    List<JsonNode> nodes = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("out").resolve(file))) {
      nodes.add(JSON.readTree(line));
    }
    return nodes;
  }

  private static List<JsonNode> ofType(List<JsonNode> events, String type) {
    return events.stream().filter(it -> it.get("event_type").asText().equals(type)).toList();
  }

  @Test
  void shouldWriteAFlowEventWithTheCountsOfBothDirections() throws Exception {
    List<JsonNode> events =
        play(1, new Captures().tcpConversation("10.1.2.3", 40_000, "198.51.100.7", 443));
    assertEquals(2, events.size(), events.toString());
    JsonNode event = events.get(0);
    assertEquals("flow", event.get("event_type").asText());
    assertEquals("lan", event.get("in_iface").asText());
    assertEquals("10.1.2.3", event.get("src_ip").asText());
    assertEquals(40_000, event.get("src_port").asInt());
    assertEquals("198.51.100.7", event.get("dest_ip").asText());
    assertEquals(443, event.get("dest_port").asInt());
    assertEquals("TCP", event.get("proto").asText());
    JsonNode flow = event.get("flow");
    assertEquals(6, flow.get("pkts_toserver").asInt() + flow.get("pkts_toclient").asInt());
    assertTrue(flow.get("pkts_toclient").asInt() > 0);
    assertEquals(
        40L * 6, flow.get("bytes_toserver").asLong() + flow.get("bytes_toclient").asLong());
    assertEquals("closed", flow.get("state").asText());
    assertEquals("timeout", flow.get("reason").asText());
    assertFalse(flow.get("alerted").asBoolean());
    JsonNode tcp = event.get("tcp");
    assertEquals("13", tcp.get("tcp_flags").asText());
    assertTrue(tcp.get("syn").asBoolean() && tcp.get("fin").asBoolean());
    JsonNode metadata = event.get("metadata");
    assertEquals("allow-web", metadata.get("rule").asText());
    assertEquals("lan", metadata.get("from").asText());
    assertEquals("wan", metadata.get("to").asText());
    assertEquals(1, metadata.get("epoch").asInt());
    assertEquals("203.0.113.10", metadata.get("nat").get("src_ip").asText());
    assertEquals("stats", events.get(1).get("event_type").asText());
    assertEquals(6, events.get(1).get("stats").get("decoder").get("pkts").asInt());
    assertEquals(6, events.get(1).get("stats").get("ips").get("accepted").asInt());
  }

  @Test
  void shouldWriteADropEventForEveryDroppedFrameOfEveryCapture() throws Exception {
    Path[] captures = Playground.captures().toArray(Path[]::new);
    try (Playground gateway = new Playground(BRANCH, 3, 2)) {
      gateway.play(folder.resolve("out"), captures);
    }
    Map<Long, String> dropped = new HashMap<>();
    Set<Long> fragments = new HashSet<>();
    for (JsonNode path : lines("paths.jsonl")) {
      if (!path.get("reason").isNull()) {
        dropped.put(path.get("n").asLong(), path.get("reason").asText());
      }
      if (path.toString().contains("fragment")) {
        fragments.add(path.get("n").asLong());
      }
    }
    List<JsonNode> events = lines("eve.json");
    Map<Long, String> told = new HashMap<>();
    Set<Long> anomalies = new HashSet<>();
    long last = 0;
    for (JsonNode event : events) {
      assertTrue(
          event
              .get("timestamp")
              .asText()
              .matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}\\+0000"));
      if (event.get("event_type").asText().equals("drop")) {
        long n = event.get("pcap_cnt").asLong();
        if (!fragments.contains(n)) {
          assertTrue(n > last, "drop events are in the order of frames, but for those that waited");
          last = n;
        }
        told.put(n, event.get("drop").get("reason").asText());
      } else if (event.get("event_type").asText().equals("anomaly")) {
        anomalies.add(event.get("pcap_cnt").asLong());
        assertTrue(event.get("anomaly").get("type").asText().matches("decode|stream"));
      }
    }
    assertEquals(dropped, told);
    assertTrue(dropped.keySet().containsAll(anomalies));
    for (Map.Entry<Long, String> it : dropped.entrySet()) {
      DropReason reason =
          Arrays.stream(DropReason.values())
              .filter(r -> r.label().equals(it.getValue()))
              .findFirst()
              .orElseThrow();
      assertEquals(Anomaly.is(reason), anomalies.contains(it.getKey()), it.toString());
    }
  }

  @Test
  void shouldNameTheSameFlowInTheEventsOfBothDirectionsOfATranslatedFlow() throws Exception {
    Captures captures =
        new Captures()
            .tcpConversation("10.1.2.3", 40_000, "198.51.100.7", 443)
            .tcp("198.51.100.7", 443, "10.1.2.3", 40_000, Captures.ACK, 1 << 30, 1002);
    List<JsonNode> events = play(4, captures);
    JsonNode flow = ofType(events, "flow").getFirst();
    JsonNode drop = ofType(events, "drop").getFirst();
    assertEquals("out-of-window", drop.get("drop").get("reason").asText());
    assertEquals("wan", drop.get("in_iface").asText());
    assertEquals("203.0.113.10", drop.get("dest_ip").asText());
    assertEquals(flow.get("flow_id").asLong(), drop.get("flow_id").asLong());
    assertEquals(
        "stream", ofType(events, "anomaly").getFirst().get("anomaly").get("type").asText());
  }

  @Test
  void shouldCountInFlowsWhatThePathsForwarded() throws Exception {
    Path[] captures = Playground.captures().stream().limit(60).toArray(Path[]::new);
    try (Playground gateway = new Playground(BRANCH, 3, 1)) {
      gateway.play(folder.resolve("out"), captures);
    }
    long forwarded =
        lines("paths.jsonl").stream()
            .filter(it -> it.get("verdict").asText().equals("forward"))
            .count();
    List<JsonNode> events = lines("eve.json");
    long inFlows = 0;
    for (JsonNode it : ofType(events, "flow")) {
      inFlows += it.get("flow").get("pkts_toserver").asLong();
      inFlows += it.get("flow").get("pkts_toclient").asLong();
    }
    assertNotEquals(0, forwarded);
    assertTrue(inFlows >= forwarded, inFlows + " packets in flows, " + forwarded + " forwarded");
    JsonNode stats = events.getLast().get("stats");
    assertEquals(forwarded, stats.get("ips").get("accepted").asLong());
  }
}
