package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.pipeline.Shard;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Algorithms whose flows take second hops: every reply must find its way back. */
class LeastLoadedTest {

  private static final String CLIENT = "10.0.0.9";
  private static final String SERVER = "198.51.100.7";

  private static String branch(String algorithm) {
    return Network.branch(algorithm, "record");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "least-loaded; 1; 1",
        "least-loaded; 1; 4",
        "least-loaded; 3; 1",
        "least-loaded; 3; 4",
        "least-loaded; 5; 1",
        "least-loaded; 5; 4",
        "expression, value: 3 * src + dst + mix(sport) % 99; 1; 4",
        "expression, value: 3 * src + dst + mix(sport) % 99; 3; 1",
        "expression, value: 3 * src + dst + mix(sport) % 99; 5; 4",
        "expression, value: 'sport % 2 == 0 ? src / 0 : dport'; 5; 4"
      })
  void shouldBringEveryReplyBack(String algorithm, int workers, int shards) {
    Network network = new Network(branch(algorithm), workers, shards);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 60; i++) {
      String client = "10.0." + random.nextInt(3) + "." + (1 + random.nextInt(9));
      String server = "198.51.100." + (1 + random.nextInt(5));
      int port = 2000 + i;
      for (int round = 0; round < 2; round++) {
        assertEquals(
            DropReason.NONE, network.in("lan", Packets.udp(client, port, server, 53)).why());
        PacketHeader h = new PacketHeader();
        byte[] left = network.left();
        h.parse(left, 0, left.length);
        byte[] reply = Packets.udp(server, 53, "203.0.113.10", h.sourcePort);
        assertEquals(DropReason.NONE, network.in("wan", reply).why(), "seed " + seed);
        assertArrayEquals(
            Packets.oneHopOn(Packets.udp(server, 53, client, port)),
            network.left(),
            "seed " + seed);
      }
    }
    assertEquals(0, network.unaccounted());
  }

  private static List<Integer> chosen(int workers, int shards) {
    Network network = new Network(branch("least-loaded"), workers, shards);
    List<Integer> chosen = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      String trace = network.in("lan", Packets.udp(CLIENT, 5000 + i, SERVER, 53)).trace();
      Matcher matcher = Pattern.compile("w(\\d+) [^;]*acl:").matcher(trace);
      assertTrue(matcher.find(), trace);
      chosen.add(Integer.parseInt(matcher.group(1)));
    }
    return chosen;
  }

  @Test
  void shouldShareTheFlowsOfOnePairOutEvenlyAndAlikeForEveryNumberOfShards() {
    List<Integer> one = chosen(5, 1);
    assertEquals(one, chosen(5, 4));
    int[] flows = new int[5];
    one.forEach(it -> flows[it]++);
    assertArrayEquals(new int[] {12, 12, 12, 12, 12}, flows);
  }

  @Test
  void shouldKeepEveryFlowWhereItBegan() {
    Network network = new Network(branch("least-loaded"), 5, 2);
    for (int i = 0; i < 20; i++) {
      byte[] packet = Packets.udp(CLIENT, 5000 + i, SERVER, 53);
      network.in("lan", packet.clone());
      byte[] first = network.left();
      network.in("lan", packet.clone());
      assertArrayEquals(first, network.left());
    }
    long flows = 0;
    for (Worker worker : network.workers) {
      for (Shard it : worker.shards()) {
        flows += it.pipeline().flows().size();
      }
    }
    assertEquals(20, flows);
  }

  @Test
  void shouldLeaveFlowsWithTheOwnerWhereThereIsNoRoomForPins() {
    String inline =
        Network.TRANSPARENT
            .replace("ip-source", "least-loaded")
            .replace("  policy:", "  limits: {paths: 64}\n  policy:");
    Network network = new Network(inline, 5, 1);
    for (int i = 0; i < 20; i++) {
      byte[] packet = Packets.udp(CLIENT, 1000 + i, SERVER, 53);
      assertEquals(DropReason.NONE, network.in("lan", packet).why());
    }
    long most = 0;
    for (Worker worker : network.workers) {
      most = Math.max(most, worker.shards().getFirst().pipeline().flows().size());
    }
    assertTrue(most >= 18, "the owner has " + most + " flows");
    assertEquals(0, network.unaccounted());
  }

  @Test
  void shouldForgetAPinWithItsFlow() {
    Network network = new Network(branch("least-loaded"), 5, 1);
    for (int i = 0; i < 300; i++) {
      network.in("lan", Packets.udp(CLIENT, 1000 + i, SERVER, 53));
      network.timeNs += 1_000_000_000L;
    }
    long records = 0;
    for (Worker worker : network.workers) {
      records += worker.shards().getFirst().pipeline().paths().size();
    }
    // 300 records of replies live for two hours, pins for 30 seconds after one datagram
    assertTrue(records < 300 + 60, records + " records");
  }
}
