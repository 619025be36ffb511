package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.FlowListener;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The life of flows in the table: when they go, which has to make room, and who is told. */
class FlowTableTest {

  private static final long SECOND = 1_000_000_000L;
  private static final long END_OF_TIME_NS = Long.MAX_VALUE / 2;

  private record Ended(long serial, EndReason why, long atNs) {}

  private final List<Ended> ended = new ArrayList<>();
  private FlowTable flows = table("");

  private FlowTable table(String limits) {
    GatewaySpec spec =
        Network.load(Network.STRICT.replace("policy: p", "limits: {" + limits + "}\n  policy: p"))
            .gateway();
    FlowTable made = new FlowTable(spec.timeouts(), spec.limits());
    made.listen(
        new FlowListener() {
          @Override
          public void ended(int flow, EndReason why, long atNs) {
            ended.add(new Ended(made.get(flow, FlowTable.FORWARD + 1), why, atNs));
          }
        });
    flows = made;
    return made;
  }

  /** The serial number stands in the sender's address. */
  private static Tuple tuple(long serial, boolean reply) {
    Tuple it = new Tuple();
    it.set(
        reply ? 1 : 0,
        serial,
        reply ? 0 : 1,
        serial,
        Tuple.ports(4, PacketHeader.TCP, true, 1, reply ? 2 : 3));
    return it;
  }

  private int insert(long serial, int lane, int state, long nowNs) {
    return flows.insert(tuple(serial, false), tuple(serial, true), lane, state, nowNs);
  }

  private boolean isThere(long serial, long nowNs) {
    Tuple it = tuple(serial, false);
    return flows.peek(it, it.hash(), nowNs) >= 0;
  }

  @Test
  void shouldTakeOutNothingInPassingWhereTicksDo() {
    flows.inPassing(false);
    insert(1, 0, FlowState.UDP_NEW, 0);
    insert(2, 0, FlowState.UDP_NEW, 100 * SECOND);
    assertTrue(isThere(1, 0));
    flows.tick(100 * SECOND, Integer.MAX_VALUE);
    assertEquals(false, isThere(1, 0));
    assertTrue(isThere(2, 100 * SECOND));
  }

  @Test
  void shouldTakeOutNothingForAFlowThatMovesIn() {
    FlowTable elsewhere = table("");
    int moved = insert(2, 0, FlowState.UDP_NEW, 100 * SECOND);
    int at = elsewhere.at(moved);
    long[] words = Arrays.copyOfRange(elsewhere.words(moved), at, at + FlowTable.WORDS);
    table("");
    insert(1, 0, FlowState.UDP_NEW, 0);
    assertTrue(flows.install(words, 0, 100 * SECOND) >= 0);
    assertTrue(isThere(1, 0));
    assertTrue(isThere(2, 100 * SECOND));
  }

  @Test
  void shouldEndEveryFlowWhenItsTimeHasComeAndNoneBefore() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    long[] timeouts = {0, 240, 240, 240, 7440, 240, 240, 240, 240, 10, 30, 300, 60, 600};
    for (int round = 0; round < 30; round++) {
      flows = table("");
      ended.clear();
      Map<Long, Integer> numbers = new HashMap<>();
      Map<Long, Long> deadlines = new HashMap<>();
      long nowNs = round % 2 == 0 ? 0 : 1_700_000_000L * SECOND;
      long serial = 0;
      for (int step = 0; step < 2000; step++) {
        nowNs += (long) (Math.pow(10, random.nextInt(12)) * random.nextDouble());
        int lane = 3;
        switch (random.nextInt(4)) {
          case 0, 1 -> {
            int state = 1 + random.nextInt(FlowState.OTHER);
            numbers.put(++serial, insert(serial, lane, state, nowNs));
            deadlines.put(serial, nowNs + timeouts[state] * SECOND);
          }
          case 2 -> {
            long some = 1 + random.nextLong(serial + 1);
            if (deadlines.getOrDefault(some, -1L) >= nowNs) {
              int flow = numbers.get(some);
              int state =
                  FlowState.TCP_ESTABLISHED
                      + random.nextInt(FlowState.OTHER - FlowState.TCP_ESTABLISHED + 1);
              flows.state(flow, state);
              flows.seen(flow, 0, nowNs, 1, 0);
              deadlines.put(some, nowNs + timeouts[state] * SECOND);
            }
          }
          default -> flows.expire(lane, nowNs);
        }
        if (step % 100 == 0) {
          flows.expire(lane, nowNs);
          Set<Long> expected = new HashSet<>();
          for (Map.Entry<Long, Long> it : deadlines.entrySet()) {
            if (it.getValue() >= nowNs) {
              expected.add(it.getKey());
            }
          }
          assertEquals(expected, walk(lane), "seed " + seed);
          assertEquals(expected.size(), flows.size(), "seed " + seed);
        }
      }
      flows.tick(END_OF_TIME_NS, Integer.MAX_VALUE);
      assertEquals(0, flows.size());
      assertEquals(0, flows.halfOpen());
      assertEquals(serial, ended.size());
      for (Ended it : ended) {
        assertEquals(deadlines.get(it.serial()), it.atNs(), "seed " + seed);
      }
    }
  }

  /** Captures that are played one after the other go back. */
  @Test
  void shouldEndAtATickWhatIsDueByItsTimeAlsoWhereTimeHadBeenLater() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 30; round++) {
      flows = table("");
      flows.inPassing(false);
      Map<Long, Long> deadlines = new HashMap<>();
      long latest = (long) Math.pow(10, 10 + random.nextInt(9));
      for (long serial = 1; serial <= 1000; serial++) {
        long nowNs = random.nextLong(latest);
        insert(serial, 3, FlowState.UDP_NEW, nowNs);
        deadlines.put(serial, nowNs + 30 * SECOND);
        if (random.nextInt(20) == 0) {
          long tickNs = random.nextLong(latest);
          flows.tick(tickNs, Integer.MAX_VALUE);
          deadlines.values().removeIf(it -> it < tickNs);
          assertEquals(deadlines.keySet(), walk(3), "seed " + seed);
        }
      }
    }
  }

  private Set<Long> walk(int lane) {
    Set<Long> found = new HashSet<>();
    for (int flow = flows.firstOfLane(lane); flow >= 0; flow = flows.nextOfLane(flow)) {
      assertTrue(found.add(flows.get(flow, FlowTable.FORWARD + 1)));
    }
    return found;
  }

  @Test
  void shouldEndFlowsOfTheEndOfTimeToo() {
    insert(1, 0, FlowState.UDP_NEW, Long.MAX_VALUE - 5);
    insert(2, 0, FlowState.UDP_NEW, END_OF_TIME_NS);
    insert(3, 0, FlowState.UDP_NEW, -77);
    flows.tick(END_OF_TIME_NS, Integer.MAX_VALUE);
    assertEquals(0, flows.size());
  }

  @Test
  void shouldSayWhenATickNoticedTheEndOfAFlow() {
    insert(1, 0, FlowState.UDP_NEW, 0);
    assertEquals(1, flows.tick(1000 * SECOND, 5));
    assertEquals(1000 * SECOND, flows.noticedNs());
  }

  @Test
  void shouldDoABoundedNumberOfStepsForANewFlow() {
    for (int i = 1; i <= 1000; i++) {
      insert(i, 0, FlowState.UDP_NEW, 0);
    }
    insert(1001, 0, FlowState.UDP_NEW, 100 * SECOND);
    assertTrue(ended.size() < 9, ended.size() + " flows");
    for (int i = 1002; i <= 1400; i++) {
      insert(i, 0, FlowState.UDP_NEW, 100 * SECOND);
    }
    assertEquals(400, flows.size());
  }

  @Test
  void shouldSayWhyAFlowEnded() {
    insert(1, 0, FlowState.TCP_CLOSED, 0);
    insert(2, 0, FlowState.TCP_TIME_WAIT, 0);
    insert(3, 0, FlowState.TCP_FIN_WAIT, 0);
    flows.remove(insert(4, 0, FlowState.ICMP, 5), EndReason.POLICY, 7);
    flows.tick(1000 * SECOND, Integer.MAX_VALUE);
    ended.sort((a, b) -> Long.compare(a.serial(), b.serial()));
    assertEquals(
        List.of(
            new Ended(1, EndReason.CLOSED, 10 * SECOND),
            new Ended(2, EndReason.CLOSED, 240 * SECOND),
            new Ended(3, EndReason.TIMEOUT, 240 * SECOND),
            new Ended(4, EndReason.POLICY, 7)),
        ended);
    assertEquals(2, flows.ended(EndReason.CLOSED));
    assertEquals(4, flows.created());
  }

  @Test
  void shouldLetTheOldestHalfOpenConnectionMakeRoomForANewOne() {
    flows = table("halfOpen: 64");
    for (int i = 1; i <= 4; i++) {
      insert(i, 2, FlowState.TCP_SYN_SENT, i);
    }
    flows.state(
        flows.find(tuple(1, false), tuple(1, false).hash(), 5) / 2, FlowState.TCP_ESTABLISHED);
    insert(5, 2, FlowState.TCP_SYN_SENT, 6);
    assertEquals(List.of(), ended);
    insert(6, 2, FlowState.TCP_SYN_SENT, 7);
    assertEquals(List.of(new Ended(2, EndReason.EVICTED, 7)), ended);
    insert(7, 9, FlowState.TCP_SYN_SENT, 8);
    insert(8, 2, FlowState.UDP_NEW, 9);
    assertEquals(1, ended.size(), "another lane, another protocol");
    assertTrue(isThere(1, 9));
    assertEquals(5, flows.halfOpen());
  }

  @Test
  void shouldBoundTheHalfOpenConnectionsWhateverComesAndGoes() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    flows = table("halfOpen: 1024");
    List<Long> expected = new ArrayList<>();
    for (long serial = 1; serial < 50_000; serial++) {
      if (expected.size() == 64) {
        expected.removeFirst();
      }
      insert(serial, 1, FlowState.TCP_SYN_SENT, 1000);
      expected.add(serial);
      while (random.nextInt(3) == 0 && !expected.isEmpty()) {
        Tuple it = tuple(expected.remove(random.nextInt(expected.size())), false);
        int flow = flows.find(it, it.hash(), 1000) / 2;
        if (random.nextBoolean()) {
          flows.remove(flow, EndReason.CLOSED, 1000);
        } else {
          flows.state(flow, FlowState.TCP_CLOSED);
        }
      }
      assertEquals(expected.size(), flows.halfOpen(), "seed " + seed);
    }
    for (long serial : expected) {
      assertTrue(isThere(serial, 1000), "seed " + seed);
    }
  }

  @Test
  void shouldMakeRoomInAFullTableByWhatIsDueThenByTheOldestHalfOpenThenNotAtAll() {
    flows = table("flows: 64");
    insert(1, 0, FlowState.TCP_SYN_SENT, 0);
    insert(2, 0, FlowState.UDP_NEW, 0);
    insert(3, 0, FlowState.TCP_ESTABLISHED, 0);
    insert(4, 0, FlowState.TCP_ESTABLISHED, 0);
    assertTrue(insert(5, 0, FlowState.UDP_ESTABLISHED, 30 * SECOND + 1) >= 0);
    assertEquals(List.of(new Ended(2, EndReason.TIMEOUT, 30 * SECOND)), ended);
    assertTrue(insert(6, 0, FlowState.UDP_ESTABLISHED, 31 * SECOND) >= 0);
    assertEquals(new Ended(1, EndReason.EVICTED, 31 * SECOND), ended.getLast());
    assertEquals(-1, insert(7, 0, FlowState.UDP_ESTABLISHED, 32 * SECOND));
    assertEquals(2, ended.size());
  }

  @Test
  void shouldEvictNothingWhereTheSettingSaysDropNew() {
    flows = table("flows: 64, halfOpen: 32, halfOpenFull: drop-new");
    insert(1, 0, FlowState.TCP_SYN_SENT, 0);
    assertEquals(false, flows.refusesHalfOpen(0, 0));
    insert(2, 0, FlowState.TCP_SYN_SENT, 0);
    assertTrue(flows.refusesHalfOpen(0, 240 * SECOND));
    insert(3, 0, FlowState.UDP_NEW, 0);
    insert(4, 0, FlowState.UDP_NEW, 0);
    assertEquals(-1, insert(5, 0, FlowState.UDP_NEW, 1));
    assertEquals(List.of(), ended);
    assertEquals(false, flows.refusesHalfOpen(0, 240 * SECOND + 1));
  }

  @Test
  void shouldKeepLanesApart() {
    flows = table("flows: 16");
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      assertTrue(insert(lane, lane, FlowState.UDP_NEW, 0) >= 0);
      assertEquals(-1, insert(100 + lane, lane, FlowState.UDP_NEW, 0));
    }
    assertEquals(Set.of(7L), walk(7));
  }
}
