package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.pipeline.Shard;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a guardian has of a worker, and what goes on from it when that is killed. */
class ReplicaTest {

  private static final int ACK = PacketHeader.ACK, FIN = PacketHeader.FIN, RST = PacketHeader.RST;

  private static final int WORKERS = 3;

  /**
   * Words that a worker has for itself, that are stamped anew, or go along with the next change.
   */
  private static final Set<Integer> NOT_COPIED =
      Set.of(
          FlowTable.LAST_SEEN,
          FlowTable.NEXT_HOP,
          FlowTable.RECORDED_AT,
          FlowTable.PACKETS,
          FlowTable.PACKETS + 1,
          FlowTable.BYTES,
          FlowTable.BYTES + 1,
          FlowTable.POLICY,
          FlowTable.HELPER);

  /** When a path record was last seen. */
  private static final int SEEN = 8;

  private static Network gateway(String algorithm, int shards, String replication) {
    String yaml =
        Network.branch(algorithm, "record")
            .replace("spec:\n", "spec:\n  replication: REPLICATION\n");
    int end = yaml.indexOf("kind: GatewayPolicy");
    yaml =
        yaml.substring(0, end).replace("REPLICATION", replication)
            + yaml.substring(end).replace("  replication: REPLICATION\n", "");
    return new Network(yaml, WORKERS, shards);
  }

  private static long sum(Network network, ToLongFunction<Shard> of) {
    return network.workers.stream().flatMap(it -> it.shards().stream()).mapToLong(of).sum();
  }

  private static Set<String> flows(Worker worker) {
    Set<String> all = new TreeSet<>();
    for (Shard shard : worker.shards()) {
      FlowTable flows = shard.pipeline().flows();
      for (int lane = 0; lane < Lanes.COUNT; lane++) {
        for (int flow = flows.firstOfLane(lane); flow >= 0; flow = flows.nextOfLane(flow)) {
          StringBuilder line = new StringBuilder().append(shard.pipeline().flows().lane(flow));
          for (int word = 0; word < FlowTable.WORDS - 1; word++) {
            if (!NOT_COPIED.contains(word)) {
              line.append(' ').append(Long.toHexString(flows.get(flow, word)));
            }
          }
          all.add(line.toString());
        }
      }
    }
    return all;
  }

  private static Set<String> paths(Worker worker) {
    Set<String> all = new TreeSet<>();
    for (Shard shard : worker.shards()) {
      PathTable paths = shard.pipeline().paths();
      for (int lane = 0; lane < Lanes.COUNT; lane++) {
        for (int record = paths.firstOfLane(lane); record >= 0; record = paths.nextOfLane(record)) {
          StringBuilder line = new StringBuilder();
          for (int word = 0; word < PathTable.RECORD_WORDS; word++) {
            line.append(word == SEEN ? "" : Long.toHexString(paths.word(record, word))).append(' ');
          }
          all.add(line.toString());
        }
      }
    }
    return all;
  }

  private static void assertReplicas(Network network) {
    for (int i = 0; i < WORKERS; i++) {
      assertEquals(flows(network.workers.get(i)), flows(network.replica(i)), "worker " + i);
      assertEquals(paths(network.workers.get(i)), paths(network.replica(i)), "worker " + i);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "ip-sum,1,sync",
    "flow-hash,2,sync",
    "least-loaded,2,async",
    "consistent,4,sync",
    "ip-source,1,async",
    "ip-destination,2,sync"
  })
  void shouldHaveEveryRowOfTheOriginalAfterRandomTraffic(
      String algorithm, int shards, String replication) {
    long seed = 20261129;
    Random random = new Random(seed);
    Network network = gateway(algorithm, shards, replication);
    List<Connection> all = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      all.add(new Connection(network, "10.1.1." + (1 + i), 1000, 443).open().passes());
    }
    network.guard();
    assertReplicas(network);
    for (int step = 0; step < 600; step++) {
      int what = random.nextInt(10);
      Connection it = all.get(random.nextInt(all.size()));
      if (what < 3) {
        String client = "10.1." + random.nextInt(3) + "." + (1 + random.nextInt(200));
        Connection made = new Connection(network, client, 2000 + step, 443);
        all.add(what == 0 ? made.request(PacketHeader.SYN, "") : made.open().passes());
      } else if (what < 7) {
        it.request(ACK, "hello").reply(ACK, "world, world");
      } else if (what < 8) {
        it.request(ACK | RST, "");
      } else if (what < 9) {
        it.request(ACK | FIN, "").reply(ACK | FIN, "").request(ACK, "");
      } else {
        network.timeNs += 1_000_000_000L * random.nextInt(20);
        network.tick();
      }
      if (step % 100 == 0) {
        assertReplicas(network);
      }
    }
    assertReplicas(network);
    int live = network.workers.stream().mapToInt(it -> flows(it).size()).sum();
    assertTrue(live > 30, "seed " + seed);
    assertEquals(0, network.unaccounted());
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,1,sync", "flow-hash,2,sync", "consistent,1,async", "least-loaded,2,sync"})
  void shouldCarryEveryConnectionOnWithItsBindingWhenAWorkerIsKilled(
      String algorithm, int shards, String replication) {
    Network network = gateway(algorithm, shards, replication);
    network.guard();
    List<Connection> all = new ArrayList<>();
    Set<Integer> ports = new HashSet<>();
    for (int i = 0; i < 90; i++) {
      Connection it =
          new Connection(network, "10.1." + i % 3 + "." + (1 + i), 2000 + i % 5, 443).open();
      all.add(it.passes());
      assertTrue(ports.add(it.publicPort));
    }
    for (Connection it : all) {
      it.request(ACK, "hello").passes().reply(ACK, "world, world").passes();
    }
    network.killed(1);
    for (Connection it : all) {
      it.request(ACK, "again").passes().reply(ACK, "and again").passes();
    }
    for (int i = 0; i < 60; i++) {
      Connection it = new Connection(network, "10.1.7." + (1 + i), 3000, 443).open().passes();
      assertTrue(ports.add(it.publicPort), "two live connections have port " + it.publicPort);
      all.add(it);
    }
    Connection far = all.getFirst();
    far.clientNext += 1 << 30;
    assertEquals(DropReason.OUT_OF_WINDOW, far.request(ACK, "far away").last);
    far.clientNext -= 1 << 30;
    far.clientNext -= "far away".length();
    for (Connection it : all.subList(1, all.size())) {
      it.request(ACK | FIN, "").passes().reply(ACK | FIN, "").passes().request(ACK, "").passes();
    }
    assertEquals(0, sum(network, it -> it.pipeline().mismatches()));
  }

  /** A SYN of a client whose packets this network's worker {@code owner} has, by addresses. */
  private static void syn(Network network, Connection other) {
    byte[] packet =
        Packets.text(other.client, 4000, Connection.SERVER, 443, PacketHeader.SYN, 1000, 0, "");
    network.in("lan", List.of(packet));
  }

  @Test
  void shouldLetAPacketGoOnlyWhenTheGuardianHasWhatItChanged() {
    Network network = gateway("ip-sum", 1, "sync");
    network.guard();
    Connection first = new Connection(network, "10.1.1.2", 1000, 443).open().passes();
    int guardian = (first.worker() + 1) % WORKERS;
    network.stall(guardian);
    syn(network, first);
    assertEquals(0, network.packetsOut().size());
    network.goOn(guardian);
    assertEquals(1, network.packetsOut().size());
  }

  @Test
  void shouldNotWaitForTheGuardianWhereThatIsNotAskedFor() {
    Network network = gateway("ip-sum", 1, "async");
    network.guard();
    Connection first = new Connection(network, "10.1.1.2", 1000, 443).open().passes();
    int guardian = (first.worker() + 1) % WORKERS;
    network.stall(guardian);
    syn(network, first);
    assertEquals(1, network.packetsOut().size());
    network.goOn(guardian);
    assertReplicas(network);
  }
}
