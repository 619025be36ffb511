package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.process.FlowFilter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Live flows that an operator ends. */
class ClearedFlowsTest {

  private static final String SERVER = "198.51.100.7";

  private final Network net =
      Network.logging(NatTest.yaml("ip-sum", "record", NatTest.pool(", ports: 2048-3071")), 1, 2);

  private long clear(Map<String, String> query) throws Exception {
    return net.clear(FlowFilter.of(query));
  }

  private DropReason send(String client, int port) {
    return net.in("lan", Packets.udp(client, port, SERVER, 53)).why();
  }

  @Test
  void shouldEndTheFlowsThatTheFilterNamesAndCountThem() throws Exception {
    send("10.0.0.1", 5000);
    send("10.0.0.1", 5001);
    send("10.0.0.2", 5000);
    assertEquals(2, clear(Map.of("source", "10.0.0.1")));
    assertEquals(0, clear(Map.of("worker", "1")));
    assertEquals(1, clear(Map.of("limit", "1")));
    assertEquals(0, clear(Map.of()));
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldGiveTheirTranslatedPortsToNewFlows() throws Exception {
    int flows = 0;
    while (send("10.0.0.1", 5000 + flows) == DropReason.NONE) {
      flows++;
    }
    assertTrue(flows > 0);
    assertEquals(DropReason.NAT_EXHAUSTED, send("10.0.0.1", 9000));
    assertEquals(flows, clear(Map.of("proto", "udp")));
    net.timeNs += 2_000_000_000L;
    for (int i = 0; i < flows / 2; i++) {
      assertEquals(DropReason.NONE, send("10.0.0.1", 9000 + i));
    }
  }

  @Test
  void shouldTellOfEachWithItsReason() throws Exception {
    send("10.0.0.1", 5000);
    clear(Map.of());
    List<String> flows = net.events.stream().filter(it -> it.contains("\"flow\":{")).toList();
    assertEquals(1, flows.size());
    assertTrue(flows.getFirst().contains("\"reason\":\"forced\""), flows.getFirst());
    assertTrue(flows.getFirst().contains("\"end\":\"cleared\""), flows.getFirst());
  }
}
