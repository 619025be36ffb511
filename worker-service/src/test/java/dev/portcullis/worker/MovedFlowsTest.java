package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.pipeline.Shard;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Flows whose class a look at their first bytes tells, and that move to its pool. */
class MovedFlowsTest {

  private static final int SYN = PacketHeader.SYN, ACK = PacketHeader.ACK;
  private static final int RST = PacketHeader.RST, FIN = PacketHeader.FIN;
  private static final String SERVER = Connection.SERVER;
  private static final String GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

  /** A gateway whose workers from {@code base} on are those for what looks like the web. */
  private static String web(String algorithm, int base, String more) {
    return Network.branch(algorithm, "record")
        .replace(
            "distribution: {algorithm: " + algorithm + "}",
            "pools: [{name: web, base: "
                + base
                + ", replicas: 16"
                + more
                + "}]\n  distribution: {algorithm: "
                + algorithm
                + ", classes: [{name: web, detect: http, pool: web}, {name: secure, detect: tls, pool: web}]}");
  }

  /** The same gateway, which does not look. */
  private static String blind(String yaml) {
    return yaml.replace("detect: http, ", "tcp: [1], ").replace("detect: tls, ", "tcp: [2], ");
  }

  private static long sum(Network network, ToLongFunction<Shard> of) {
    return network.workers.stream().flatMap(it -> it.shards().stream()).mapToLong(of).sum();
  }

  private static long flows(Network network) {
    return sum(network, it -> it.pipeline().flows().size());
  }

  private static long shadows(Network network) {
    return sum(network, it -> it.pipeline().flows().shadows());
  }

  @Test
  void shouldMoveAConnectionThatLooksLikeHttpToItsPoolWhateverItsPort() {
    Network network = new Network(web("ip-sum", 3, ""), 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open();
    assertTrue(it.worker() < 3, it.trace());
    it.request(ACK, GET).passes();
    assertTrue(it.trace().contains(":look:web;"), it.trace());
    int home = it.worker();
    assertTrue(home >= 3, it.trace());
    for (int i = 0; i < 3; i++) {
      it.reply(ACK, "HTTP/1.1 200 OK\r\n\r\n").passes();
      assertEquals(home, it.worker(), it.trace());
      assertTrue(it.trace().contains(":class:web;"), it.trace());
      it.request(ACK, GET).passes();
      assertEquals(home, it.worker(), it.trace());
    }
    assertEquals(1, flows(network));
    assertEquals(1, shadows(network));
    assertEquals(0, network.unaccounted());
  }

  @Test
  void shouldLeaveAConnectionThatLooksLikeNothingWhereItBegan() {
    Network network = new Network(web("ip-sum", 3, ""), 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open();
    int home = it.worker();
    it.request(ACK, "GETTING").passes().reply(ACK, "hello").passes().request(ACK, GET).passes();
    assertEquals(home, it.worker());
    assertEquals(0, shadows(network));
  }

  @ParameterizedTest
  @CsvSource({
    "ip-sum,1,1", "ip-sum,3,2", "ip-sum,5,4", "ip-sum,16,1",
    "flow-hash,1,4", "flow-hash,3,1", "flow-hash,5,2", "flow-hash,16,4",
    "least-loaded,3,2", "ip-source,3,1"
  })
  void shouldGiveTheSameBytesAndVerdictsAsAGatewayThatDoesNotLook(
      String algorithm, int workers, int shards) {
    String yaml = web(algorithm, workers, "");
    Network looks = new Network(yaml, workers + 2, shards);
    Network blind = new Network(blind(yaml), workers + 2, shards);
    for (int i = 0; i < 20; i++) {
      String client = "10.1." + i % 3 + "." + (1 + i);
      List<Connection> both =
          List.of(
              new Connection(looks, client, 4000 + i, 8081),
              new Connection(blind, client, 4000 + i, 8081));
      for (Connection it : both) {
        it.open()
            .request(ACK, GET)
            .passes()
            .reply(ACK, "HTTP/1.1 200 OK\r\n\r\nhello")
            .passes()
            .request(ACK, GET)
            .passes();
        if (it.port % 2 == 0) {
          it.reply(ACK | FIN, "").passes().request(ACK | FIN, "").passes().reply(ACK, "").passes();
        } else {
          it.request(RST, "").passes().request(ACK, "late");
        }
      }
      Connection one = both.getFirst();
      Connection two = both.getLast();
      assertEquals(two.last, one.last);
      assertEquals(two.left.size(), one.left.size());
      for (int k = 0; k < one.left.size(); k++) {
        assertArrayEquals(two.left.get(k), one.left.get(k));
      }
    }
    assertEquals(20, shadows(looks));
    assertEquals(flows(blind), flows(looks));
    assertEquals(0, looks.unaccounted());
    looks.timeNs = Long.MAX_VALUE / 2;
    looks.tick();
    assertEquals(0, flows(looks));
    assertEquals(0, shadows(looks));
    assertEquals(20, sum(looks, it -> it.pipeline().flows().created()));
    assertEquals(0, sum(looks, it -> it.pipeline().flows().translated()));
  }

  @Test
  void shouldFindASignatureThatComesByteByByteOutOfOrderAndTwice() {
    Network network = new Network(web("flow-hash", 3, ""), 5, 2);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open();
    it.request(ACK, "G").passes();
    long second = it.clientNext;
    it.clientNext++;
    it.request(ACK, "T /").passes();
    assertFalse(it.trace().contains("look"), it.trace());
    it.clientNext = second - 1;
    it.request(ACK, "GE").passes();
    assertFalse(it.trace().contains("look"), it.trace());
    it.request(ACK, "T / HTTP/1.1").passes();
    assertTrue(it.trace().contains("look:web"), it.trace());
    it.reply(ACK, "HTTP/1.1 400").passes();
    assertTrue(it.worker() >= 3);
  }

  @Test
  void shouldForgetBothWhenANewConnectionTakesThePlaceOfAMovedOne() {
    Network network = new Network(web("ip-sum", 3, ""), 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open().request(ACK, GET);
    it.request(RST, "").passes();
    it.clientNext = 900_000;
    it.open().passes();
    assertTrue(it.worker() < 3, it.trace());
    it.request(ACK, GET).passes();
    assertTrue(it.trace().contains("look:web"), it.trace());
    it.reply(ACK, "HTTP/1.1 200").passes();
    assertEquals(1, flows(network));
    assertEquals(1, shadows(network));
  }

  @Test
  void shouldNotUseTheTranslatedTupleOfAMovedFlowAgainWhileItLives() {
    String yaml =
        web("ip-sum", 1, "")
            .replace("replicas: 16", "replicas: 1")
            .replace("ports: 1024-65535", "ports: 1920-2047");
    Network network = new Network(yaml, 2, 1);
    List<Integer> ports = new ArrayList<>();
    for (int i = 0; i < 80; i++) {
      Connection it = new Connection(network, "10.1.2.3", 4000 + i, 8081).request(SYN, "");
      if (it.last == DropReason.NONE) {
        ports.add(it.publicPort);
        it.reply(SYN | ACK, "").request(ACK, "").request(ACK, GET).passes();
      }
    }
    // the owner has one block of 64 ports
    assertTrue(ports.size() >= 40 && ports.size() <= 64, ports.size() + " ports");
    assertEquals(ports.size(), shadows(network));
    assertEquals(ports.size(), ports.stream().distinct().count());
    network.timeNs += 3L * 3_600_000_000_000L;
    Connection it = new Connection(network, "10.1.2.3", 5000, 8081).open().passes();
    assertTrue(ports.contains(it.publicPort));
  }

  @Test
  void shouldTakeTheFlowBackWhereItsPoolHasLostIt() {
    Network network = new Network(web("ip-sum", 3, ""), 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open().request(ACK, GET);
    int home = it.worker();
    network.restart(home);
    it.request(ACK, GET).passes();
    assertTrue(it.worker() < 3, it.trace());
    it.reply(ACK, "HTTP/1.1 200").passes();
    assertTrue(it.worker() < 3, it.trace());
    assertEquals(1, flows(network));
    assertEquals(0, shadows(network));
    assertEquals(1, sum(network, each -> each.pipeline().flowsReturned()));
  }

  @Test
  void shouldTakeTheFlowBackWhenATableHasItsPoolNoMore() {
    Network network = new Network(web("ip-sum", 3, ""), 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open().request(ACK, GET);
    assertTrue(it.worker() >= 3, it.trace());
    network.shrink(3);
    it.request(ACK, GET).passes();
    assertTrue(it.worker() < 3, it.trace());
    it.reply(ACK, "HTTP/1.1 200").passes();
    assertTrue(it.worker() < 3, it.trace());
    assertEquals(0, shadows(network));
  }

  @Test
  void shouldTakeTheFlowBackWhereItsPoolHasNoRoom() {
    String yaml =
        web("ip-sum", 1, "")
            .replace("detect: http,", "detect: http, tcp: [80],")
            .replace("  policy:", "  limits: {flows: 1024}\n  policy:");
    Network network = new Network(yaml, 2, 1);
    for (int i = 0; i < 64; i++) {
      Connection it = new Connection(network, "10.1.2.3", 2000 + i, 80).open().passes();
      assertEquals(1, it.worker(), it.trace());
    }
    for (int i = 0; i < 40; i++) {
      Connection it = new Connection(network, "10.1.2.3", 4000 + i, 8081).open();
      it.request(ACK, GET).passes().reply(ACK, "HTTP/1.1 200").passes().request(ACK, GET).passes();
      assertEquals(0, it.worker(), it.trace());
    }
    assertEquals(40, sum(network, each -> each.pipeline().flowsRefused()));
    assertEquals(0, network.unaccounted());
  }

  @Test
  void shouldBringAnErrorAboutAMovedFlowToItsSender() {
    for (int workers : new int[] {1, 3, 5}) {
      Network network = new Network(web("flow-hash", workers, ""), workers + 2, 2);
      Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open().request(ACK, GET);
      byte[] sent = it.left.getLast();
      byte[] error = Packets.error("192.0.2.9", "203.0.113.10", 3, 4, 1000, sent);
      assertEquals(DropReason.NONE, network.in("wan", error).why());
      PacketHeader h = new PacketHeader();
      byte[] out = network.left();
      h.parse(out, 0, out.length);
      assertEquals(0x0a010203, (int) h.destinationLow);
      assertTrue(network.out.stream().anyMatch(o -> o.trace().contains("class:web")));
    }
  }

  @Test
  void shouldEndAMovedFlowThatANewPolicyDoesNotAccept() {
    String yaml = web("ip-sum", 3, "");
    Network network = new Network(yaml, 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open().request(ACK, GET);
    network.policy(
        yaml.replace(
            "{name: no-telnet, from: [lan], services: [{tcp: [23]}]",
            "{name: no-telnet, from: [lan], services: [{tcp: [23, 8081]}]"));
    it.request(ACK, GET);
    assertEquals(DropReason.POLICY_CHANGED, it.last);
    it.request(ACK, GET);
    assertTrue(it.last != DropReason.NONE, it.trace());
    assertEquals(0, flows(network));
  }

  @Test
  void shouldEndAMovedFlowThatAnOperatorClears() throws Exception {
    Network network = new Network(web("ip-sum", 3, ""), 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open().request(ACK, GET);
    assertEquals(1, network.clear(FlowFilter.of(Map.of())));
    assertEquals(0, flows(network));
    assertEquals(0, shadows(network));
    it.request(ACK, GET);
    assertEquals(DropReason.MIDSTREAM, it.last);
    assertEquals(0, network.unaccounted());
  }

  @Test
  void shouldKeepTheRuleOfAMovedFlowByItsName() {
    String yaml = web("ip-sum", 3, "").replace("  policy:", "  onPolicyChange: keep\n  policy:");
    Network network = new Network(yaml, 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open().request(ACK, GET);
    assertTrue(it.trace().contains("acl:allow-out"), it.trace());
    network.policy(
        yaml.replace(
            "    rules:\n",
            "    rules:\n      - {name: first, services: [{tcp: [9]}], action: drop}\n"));
    it.request(ACK, GET).passes();
    assertTrue(it.trace().contains("acl:allow-out"), it.trace());
  }

  @Test
  void shouldLeaveTranslatedFlowsWhereAPoolDoesNotTranslate() {
    String yaml = web("ip-sum", 3, ", functions: [acl, stateful]");
    Network network = new Network(yaml, 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open().request(ACK, GET);
    assertTrue(it.worker() < 3, it.trace());
    assertTrue(it.trace().contains("look:web"), it.trace());
    assertEquals(1, sum(network, each -> each.pipeline().flowsStayed()));
  }

  @Test
  void shouldLeaveFlowsWhereTheyAreWhileTheirPoolHasNoWorkers() {
    Network network = new Network(web("ip-sum", 9, ""), 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open();
    int home = it.worker();
    it.request(ACK, GET).passes();
    assertEquals(home, it.worker(), it.trace());
    assertTrue(it.trace().contains("look:web"), it.trace());
  }

  @Test
  void shouldKeepTheOrderOfPacketsFromTheOneThatTellsTheClassOn() {
    Network network = new Network(web("flow-hash", 3, ""), 5, 4);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open();
    Connection other = new Connection(network, "10.1.2.3", 4001, 8081).open();
    List<byte[]> batch = new ArrayList<>();
    long next = it.clientNext;
    for (String part : List.of("GET / HTTP/1.1\r\n", "a: b\r\n", "c: d\r\n", "\r\n")) {
      batch.add(Packets.text(it.client, 4000, SERVER, 8081, ACK, next, it.serverNext, part));
      batch.add(
          Packets.text(it.client, 4001, SERVER, 8081, ACK, other.clientNext, other.serverNext, ""));
      next += part.length();
    }
    List<Network.Out> outcomes = network.in("lan", batch);
    assertTrue(outcomes.stream().allMatch(out -> out.why() == DropReason.NONE));
    PacketHeader h = new PacketHeader();
    List<Integer> numbers = new ArrayList<>();
    for (Network.Out out : network.packetsOut()) {
      h.parse(out.data(), 0, out.data().length);
      if (h.sourcePort == it.publicPort) {
        numbers.add(PacketHeader.u16(out.data(), h.transportOffset + 6));
      }
    }
    assertEquals(4, numbers.size());
    assertEquals(numbers.stream().sorted().toList(), numbers);
    assertEquals(1, shadows(network));
  }

  @Test
  void shouldShowEveryPacketToTheWorkerThatBeganTheFlowAlsoWhereItComesToTheOtherOneFirst() {
    StringBuilder ports = new StringBuilder();
    for (int port = 1920; port < 2048; port++) {
      ports.append(port).append(port < 2047 ? ", " : "");
    }
    // the ports to which senders are translated are those of a class of the same pool
    String yaml =
        web("ip-sum", 1, "")
            .replace("replicas: 16", "replicas: 1")
            .replace("ports: 1024-65535", "ports: 1920-2047")
            .replace(
                "{name: secure, detect: tls, pool: web}",
                "{name: back, tcp: [" + ports + "], pool: web}");
    Network network = new Network(yaml, 2, 2);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open().request(ACK, GET);
    it.reply(ACK, "HTTP/1.1 200").passes();
    assertTrue(it.trace().matches("w1 lg-wan:path;w0 :class:web;w1 :dnat,.*"), it.trace());
    it.reply(ACK | FIN, "").request(ACK | FIN, "").reply(ACK, "").passes();
    assertEquals(1, shadows(network));
    network.timeNs += 5L * 60 * 1_000_000_000L;
    network.tick();
    assertEquals(0, flows(network) + shadows(network));
    assertEquals(0, network.unaccounted());
  }

  @Test
  void shouldRefuseAndCountWhatIsNoMessage() {
    Network network = new Network(web("ip-sum", 3, ""), 5, 1);
    for (byte[] data : List.of(new byte[0], new byte[] {3}, new byte[272], new byte[600])) {
      network.message(4, data);
    }
    assertEquals(4, sum(network, each -> each.pipeline().flowsRefused()));
    assertEquals(0, flows(network));
    new Connection(network, "10.1.2.3", 4000, 8081).open().request(ACK, GET).passes();
    assertEquals(0, network.unaccounted());
  }

  @Test
  void shouldNotLookAtAConnectionThatWasPickedUpMidstream() {
    String yaml =
        web("ip-sum", 3, "").replace("  policy:", "  exceptions: {midstream: pass}\n  policy:");
    Network network = new Network(yaml, 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).request(ACK, GET).passes();
    assertTrue(it.worker() < 3, it.trace());
    assertFalse(it.trace().contains("look"), it.trace());
  }

  @Test
  void shouldStopLookingAfterSoManyPackets() {
    Network network = new Network(web("ip-sum", 3, ""), 5, 1);
    Connection it = new Connection(network, "10.1.2.3", 4000, 8081).open();
    for (int i = 0; i < 70; i++) {
      it.clientNext += 10;
      it.request(ACK, "x").passes();
      it.clientNext -= 11;
    }
    it.request(ACK, GET).passes();
    assertFalse(it.trace().contains("look"), it.trace());
  }
}
