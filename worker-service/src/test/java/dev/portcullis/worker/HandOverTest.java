package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.pipeline.Shard;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Flows that a new table gives to another worker, with all their state. */
class HandOverTest {

  private static final int ACK = PacketHeader.ACK, FIN = PacketHeader.FIN;

  /** The most workers of a schedule. */
  private static final int MOST = 7;

  private static final int[] SCHEDULE = {5, 2, 7, 1, 3};

  private static long sum(Network network, ToLongFunction<Shard> of) {
    return network.workers.stream().flatMap(it -> it.shards().stream()).mapToLong(of).sum();
  }

  private static long flows(Network network) {
    return sum(network, it -> it.pipeline().flows().size());
  }

  private static Network gateway(String algorithm, int shards) {
    Network network = new Network(Network.branch(algorithm, "record"), MOST, shards);
    network.scale(3);
    return network;
  }

  @ParameterizedTest
  @CsvSource({
    "ip-sum,1",
    "ip-sum,2",
    "ip-sum,4",
    "flow-hash,1",
    "flow-hash,2",
    "flow-hash,4",
    "least-loaded,1",
    "least-loaded,2",
    "consistent,2",
    "ip-source,2",
    "ip-destination,1"
  })
  void shouldCarryEveryConnectionOnWithItsBindingWhateverTheNumberOfWorkers(
      String algorithm, int shards) {
    Network network = gateway(algorithm, shards);
    List<Connection> all = new ArrayList<>();
    Map<Integer, Connection> owners = new HashMap<>();
    for (int round = 0; round <= SCHEDULE.length; round++) {
      for (int i = 0; i < 40; i++) {
        int port = 2000 + 100 * round + i % 5;
        Connection it = new Connection(network, "10.1." + i % 3 + "." + (1 + i), port, 443);
        it.open().passes();
        Connection other = owners.put(it.publicPort, it);
        assertEquals(null, other, "two live connections have port " + it.publicPort);
        all.add(it);
      }
      for (Connection it : all) {
        it.request(ACK, "hello").passes().reply(ACK, "world, world").passes();
      }
      assertEquals(all.size(), flows(network));
      if (round < SCHEDULE.length) {
        network.scale(SCHEDULE[round]);
      }
    }
    for (Connection it : all) {
      it.request(ACK | FIN, "").passes().reply(ACK | FIN, "").passes().request(ACK, "").passes();
    }
    assertEquals(0, sum(network, it -> it.pipeline().flowsBroken()));
    assertEquals(0, sum(network, it -> it.pipeline().flowsRefused()));
    assertEquals(0, sum(network, it -> it.pipeline().mismatches()));
    assertEquals(0, network.unaccounted());
    assertTrue(sum(network, it -> it.pipeline().flowsGiven()) > 100);
  }

  @Test
  void shouldStillRefuseWhatIsOutsideOfTheWindowAfterAMove() {
    Network network = gateway("ip-sum", 1);
    List<Connection> all = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      all.add(new Connection(network, "10.1.2." + (1 + i), 4000, 443).open().passes());
    }
    network.scale(5);
    for (Connection it : all) {
      long next = it.clientNext;
      it.clientNext += 1 << 30;
      it.request(ACK, "far away");
      assertEquals(DropReason.OUT_OF_WINDOW, it.last, it.trace());
      it.clientNext = next;
      it.request(ACK, "here").passes();
    }
  }

  @Test
  void shouldLeaveNothingBehindAtAWorkerThatHasLeft() {
    Network network = gateway("flow-hash", 2);
    for (int i = 0; i < 60; i++) {
      new Connection(network, "10.1.2." + (1 + i), 4000, 443).open().passes();
    }
    network.scale(1);
    for (Worker worker : network.workers.subList(1, MOST)) {
      for (Shard it : worker.shards()) {
        assertEquals(0, it.pipeline().flows().size());
        assertEquals(0, it.pipeline().paths().size());
      }
    }
    assertEquals(60, flows(network));
  }

  @Test
  void shouldGiveATupleOutAgainOnlyWhenTheFlowThatHasItHasEndedWhereverItLives() {
    String yaml =
        Network.branch("ip-sum", "record")
            .replace("ports: 1024-65535", "ports: 1024-2047")
            .replace("replicas: 16", "replicas: 7");
    Network network = new Network(yaml, MOST, 1);
    network.scale(2);
    Map<Integer, Connection> owners = new HashMap<>();
    int opened = 0;
    for (int workers : new int[] {3, 2, 4, 1, 2}) {
      for (int i = 0; i < 300; i++) {
        String client = "10.1." + i / 200 + "." + (1 + i % 200);
        Connection it = new Connection(network, client, 4000 + opened, 443);
        it.request(PacketHeader.SYN, "");
        if (it.last == DropReason.NONE) {
          assertEquals(null, owners.put(it.publicPort, it), "port " + it.publicPort);
          opened++;
        } else {
          assertEquals(DropReason.NAT_EXHAUSTED, it.last);
        }
      }
      network.scale(workers);
    }
    assertTrue(opened > 900, opened + " connections");
    for (Connection it : owners.values()) {
      it.reply(PacketHeader.RST | ACK, "");
    }
    network.timeNs += 120_000_000_000L;
    network.tick();
    network.timeNs += 40_000_000_000L; // a tuple rests before another lane may have it
    for (int i = 0; i < 300; i++) {
      Connection it = new Connection(network, "10.1.3." + (1 + i % 200), 9000 + i, 443);
      it.request(PacketHeader.SYN, "").passes();
    }
  }

  private static final String HOST = "198.51.100.7";
  private static final int HOSTS = 60;
  private static final int SYN = PacketHeader.SYN;

  private static byte[] segment(int host, String to, int port, int flags, long number) {
    return Packets.text(HOST, 5000 + host, to, port, flags, number, 0, "");
  }

  /** Connections to the published server. */
  private static void openPublished(Network network) {
    for (int i = 0; i < HOSTS; i++) {
      byte[] syn = segment(i, "203.0.113.10", 80, SYN, 1000);
      assertEquals(DropReason.NONE, network.in("wan", syn).why());
    }
  }

  /** Such connections straight to the server: replies would look the same. */
  private static List<DropReason> openDirect(Network network) {
    List<DropReason> reasons = new ArrayList<>();
    for (int i = 0; i < HOSTS; i++) {
      byte[] syn = segment(i, "10.0.0.5", 8080, SYN, 1000);
      reasons.add(network.in("wan", syn).why());
    }
    return reasons;
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,2", "flow-hash,1", "flow-hash,2"})
  void shouldStillKnowAfterAMoveWhoHasATupleOfReplies(String algorithm, int shards) {
    Network network = gateway(algorithm, shards);
    openPublished(network);
    for (int workers : SCHEDULE) {
      network.scale(workers);
      assertEquals(Collections.nCopies(HOSTS, DropReason.TUPLE_IN_USE), openDirect(network));
    }
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,2", "flow-hash,1", "flow-hash,2"})
  void shouldFreeATupleOfRepliesWhenItsFlowEndsWhileTheRecordMoves(String algorithm, int shards) {
    Network network = gateway(algorithm, shards);
    openPublished(network);
    for (int i = 0; i < HOSTS; i++) {
      network.in("wan", segment(i, "203.0.113.10", 80, PacketHeader.RST, 1001));
    }
    network.prepare(5);
    network.stall(2);
    network.commit();
    network.timeNs += 120_000_000_000L;
    network.tick();
    assertEquals(0, flows(network));
    network.goOn(2);
    network.retire();
    network.timeNs += 31_000_000_000L;
    assertEquals(Collections.nCopies(HOSTS, DropReason.NONE), openDirect(network));
  }
}
