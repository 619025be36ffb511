package dev.portcullis.core.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CountersTest {

  private final Counters counters = new Counters(64);

  @Test
  void shouldReadWhatWasAdded() {
    int slot = counters.slot(Counter.PACKETS_RECEIVED, "io-a", "lan");
    counters.increment(slot);
    counters.add(slot, 41);
    assertEquals(42, counters.get(slot));
  }

  @Test
  void shouldGiveOneSlotToOneSeries() {
    int lan = counters.slot(Counter.PACKETS_RECEIVED, "io-a", "lan");
    assertEquals(lan, counters.slot(Counter.PACKETS_RECEIVED, "io-a", "lan"));
    assertNotEquals(lan, counters.slot(Counter.PACKETS_RECEIVED, "io-a", "wan"));
    assertNotEquals(lan, counters.slot(Counter.BYTES_RECEIVED, "io-a", "lan"));
  }

  @Test
  void shouldSetAGauge() {
    int slot = counters.slot(Counter.TABLE_EPOCH, "io-a");
    counters.set(slot, 7);
    counters.set(slot, 5);
    assertEquals(5, counters.get(slot));
  }

  @Test
  void shouldRefuseASeriesWithAMissingLabel() {
    assertThrows(
        IllegalArgumentException.class, () -> counters.slot(Counter.PACKETS_RECEIVED, "io-a"));
  }

  @Test
  void shouldRefuseMoreSeriesThanItHasRoomFor() {
    Counters small = new Counters(1);
    small.slot(Counter.TABLE_WORKERS);
    assertThrows(IllegalStateException.class, () -> small.slot(Counter.PATH_MISMATCH));
  }

  @Test
  void shouldListEachSeriesWithItsLabelsAndValue() {
    counters.add(counters.slot(Counter.REDISTRIBUTED_PACKETS, "0", "2"), 9);
    Reading reading = counters.readings().getFirst();
    assertEquals(Counter.REDISTRIBUTED_PACKETS, reading.counter());
    assertEquals(List.of("0", "2"), reading.labelValues());
    assertEquals(9, reading.value().getAsLong());
  }

  @Test
  void shouldSumTheSeriesThatThreadsShare() {
    Counters second = new Counters(4);
    counters.add(counters.slot(Counter.WORKER_FLOWS, "1"), 3);
    second.add(second.slot(Counter.WORKER_FLOWS, "1"), 4);
    second.add(second.slot(Counter.WORKER_FLOWS, "2"), 5);
    List<Reading> sums = MetricsSource.sumOf(List.of(counters, second)).readings();
    assertEquals(2, sums.size());
    assertEquals(7, sums.get(0).value().getAsLong());
    assertEquals(5, sums.get(1).value().getAsLong());
  }

  @Test
  void shouldCountDropsByReasonAndStage() {
    DropCounters drops = DropCounters.of(counters, "worker-0");
    drops.count(DropReason.ACL);
    drops.count(DropReason.ACL.id());
    drops.count(DropReason.NO_ROUTE, 5);
    assertEquals(2, drops.get(DropReason.ACL));
    assertEquals(7, drops.total());
    assertEquals(Map.of("acl", 2L, "no-route", 5L), drops.byLabel());
    assertEquals(2, counters.get(counters.slot(Counter.PACKETS_DROPPED, "worker-0", "acl", "acl")));
    assertEquals(
        5, counters.get(counters.slot(Counter.PACKETS_DROPPED, "worker-0", "route", "no-route")));
  }

  @Test
  void shouldCountAllReasonsUnderTheStageThatIsGiven() {
    DropCounters.ofStage(counters, "io-a", "ingress").count(DropReason.MALFORMED);
    assertEquals(
        1, counters.get(counters.slot(Counter.PACKETS_DROPPED, "io-a", "ingress", "malformed")));
  }

  @Test
  void shouldCountAReasonThatThisVersionDoesNotKnowAsMalformed() {
    DropCounters drops = DropCounters.of(counters, "worker-0");
    drops.count(127);
    assertEquals(1, drops.get(DropReason.MALFORMED));
  }

  @Test
  void shouldAllocateNothingPerCount() {
    DropCounters drops = DropCounters.of(counters, "worker-0");
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long thread = Thread.currentThread().threadId();
    count(drops);
    long before = threads.getThreadAllocatedBytes(thread);
    count(drops);
    long allocated = threads.getThreadAllocatedBytes(thread) - before;
    assertTrue(allocated < 10_000, () -> allocated + " bytes for 1000000 counts");
  }

  @Test
  void shouldNameEveryMetricOnceWithThePrefixOfTheProject() {
    Set<String> names = new HashSet<>();
    for (Counter counter : Counter.values()) {
      assertTrue(names.add(counter.metric()));
      assertTrue(counter.metric().startsWith("portcullis_"), counter.metric());
    }
  }

  private static void count(DropCounters drops) {
    for (int i = 0; i < 1_000_000; i++) {
      drops.count(DropReason.ACL);
    }
  }
}
