package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three times as much as a gateway of two IO modules, three workers and a switch could carry just
 * before, more where it carries that as well by now, and what remains of that when it is over.
 * Needs root.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OverloadTest {

  private static final long FIRST_RATE = 15_000;
  private static final double MOST_LOSS = 0.01;
  private static final int TIMES = 3;
  private static final int ATTEMPTS = 4;

  /** A ring has room for 4,096 frames of these. */
  private static final long MORE_THAN_A_RING = 10_000;

  private static final int BOOKED_SECONDS = 20;
  private static final int STANDSTILLS = 5;
  private static final int SECONDS = 4;

  /** So few that a port has room for all of a second in which the machine does something else. */
  private static final long RATE_AFTERWARDS = 4_000;

  /** Why packets are dropped that are too many. */
  private static final Set<String> LOAD = Set.of("link-queue-full", "port-full");

  /** Default of {@code limits.linkQueue}. */
  private static final long QUEUE_BYTES = 4 << 20;

  /** The heap of a module here, and half of it for what a JVM, links and ports have besides. */
  private static final long MEMORY_BYTES = 384L << 20;

  @TempDir static Path folder;
  private static LiveNetwork net;
  private static ModuleProcesses modules;
  private static Flood flood;
  private static Flood.Taken taken;
  private static Accounts before;
  private static Accounts after;
  private static long left;
  private static long sent;
  private static long sentAfterwards;
  private static long takenBefore;
  private static long longestQueue;

  @BeforeAll
  static void overload() throws Exception {
    Netns.need("ip", "sysctl", "curl", "gcc", "nice");
    net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
    modules = new ModuleProcesses(folder, Netns.inside(net.gateway));
    modules.startAll(net.yaml("ip-sum", 1));
    flood = new Flood(net, folder);
    long capacity = capacity();

    takenBefore = flood.awaitQuiet().received();
    before = books();
    left = -leftClient();
    long rate = TIMES * capacity;
    for (int attempt = 1; attempt == 1 || attempt <= ATTEMPTS && !isTooMuch(); attempt++) {
      Process run = flood.start(rate, SECONDS);
      while (run.isAlive()) {
        longestQueue = Math.max(longestQueue, modules.accounts().max(Counter.LINK_QUEUE_BYTES));
        Thread.sleep(100);
      }
      sent += flood.sent(run);
      taken = flood.taken();
      rate *= 2;
    }

    Thread.sleep(1000);
    sentAfterwards = flood.sent(flood.start(RATE_AFTERWARDS, 2));
    taken = flood.awaitQuiet();
    after = books();
    left += leftClient();
  }

  private static boolean isTooMuch() {
    return arrived() < sent * 4 / 5;
  }

  private static Accounts books() throws Exception {
    modules.awaitBalance("when nothing comes any more");
    return modules.accounts();
  }

  /** Frames that the client's device gave to that of the gateway. */
  private static long leftClient() throws Exception {
    String count = "/sys/class/net/eth0/statistics/tx_packets";
    return Long.parseLong(net.netns.run(net.client, "cat", count).strip());
  }

  @AfterAll
  static void end() throws Exception {
    if (modules != null) {
      modules.close();
      net.close();
    }
  }

  /** The highest rate found of which less than 1 % gets lost, in datagrams per second. */
  private static long capacity() throws Exception {
    long good = 0;
    for (long rate = FIRST_RATE; ; rate = rate * 3 / 2) {
      long alreadyTaken = flood.awaitQuiet().received();
      long ran = flood.sent(flood.start(rate, 0.5));
      long came = flood.awaitQuiet().received() - alreadyTaken;
      // the first packets to a host wait for its MAC address, and too many of them do not
      if (good > 0 && came < ran * (1 - MOST_LOSS)) {
        return good;
      }
      good = 2 * ran;
    }
  }

  private static long since(Counter counter, Predicate<Map<String, String>> which) {
    return after.sum(counter, which) - before.sum(counter, which);
  }

  private static long arrived() {
    return taken.received() - takenBefore;
  }

  @Test
  @Order(1)
  void shouldHaveBeenOverloaded() {
    assertTrue(isTooMuch(), arrived() + " of " + sent + " arrived");
  }

  @Test
  @Order(2)
  void shouldStayUpAndReady() throws Exception {
    for (String name : modules.names()) {
      assertTrue(modules.isAlive(name), name);
    }
    modules.awaitReady();
  }

  @Test
  @Order(3)
  void shouldLoseNothingASecondAfterItIsOver() {
    assertEquals(sentAfterwards, taken.ofLastRun());
  }

  @Test
  @Order(4)
  void shouldKeepTheOrderOfEveryFlow() {
    assertEquals(0, taken.disordered(), taken::toString);
  }

  @Test
  @Order(5)
  void shouldAccountForEveryFrameThatTheClientSent() {
    long received = since(Counter.PACKETS_RECEIVED, it -> "lan".equals(it.get("port")));
    long overruns = since(Counter.PORT_OVERRUNS, it -> "lan".equals(it.get("port")));
    assertEquals(left, received + overruns);
    long forwarded = since(Counter.PACKETS_FORWARDED, it -> "wan".equals(it.get("port")));
    assertEquals(forwarded, arrived() + taken.dropped());
    long dropped = since(Counter.PACKETS_DROPPED, it -> LOAD.contains(it.get("reason")));
    long lost = sent + sentAfterwards - arrived() - taken.dropped();
    // questions of neighbours are among what was too much
    long others = left - sent - sentAfterwards;
    assertTrue(
        lost <= overruns + dropped && overruns + dropped <= lost + others,
        lost + " lost, " + overruns + " overruns, " + dropped + " dropped, " + others + " others");
  }

  @Test
  @Order(6)
  void shouldKeepQueuesAndMemoryBelowTheirBounds() throws Exception {
    assertTrue(longestQueue <= QUEUE_BYTES, longestQueue + " bytes of a channel");
    for (String name : modules.names()) {
      long most = modules.mostResidentBytes(name);
      assertTrue(most < MEMORY_BYTES, name + " had " + most + " bytes");
    }
  }

  @Test
  @Order(7)
  void shouldCountWhatAModuleThatStoodStillHadNoRoomForAlsoWhereNothingComesAfterwards()
      throws Exception {
    for (int round = 0; round < STANDSTILLS; round++) {
      long already = settled();
      modules.signal("io-a", "STOP");
      flood.sent(flood.start(MORE_THAN_A_RING, 1));
      modules.signal("io-a", "CONT");
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(BOOKED_SECONDS);
      for (long ahead; (ahead = received() - leftClient()) != already; ) {
        long missing = already - ahead;
        assertTrue(System.nanoTime() < deadline, () -> missing + " that left are not in the books");
        Thread.sleep(100);
      }
    }
  }

  /** By how much the books are ahead of what left the client, once no frame is between the two. */
  private static long settled() throws Exception {
    long last = received() - leftClient();
    for (int same = 0; same < 5; ) {
      Thread.sleep(100);
      long now = received() - leftClient();
      same = now == last ? same + 1 : 0;
      last = now;
    }
    return last;
  }

  /** Frames that came in from the client, also those that the port had no room for. */
  private static long received() throws Exception {
    Predicate<Map<String, String>> lan = it -> "lan".equals(it.get("port"));
    Accounts now = modules.accounts();
    return now.sum(Counter.PACKETS_RECEIVED, lan) + now.sum(Counter.PORT_OVERRUNS, lan);
  }

  @Test
  @Order(8)
  void shouldEndWell() throws Exception {
    for (String name : List.copyOf(modules.names())) {
      assertEquals(0, modules.stop(name), name + ": " + Files.readString(modules.log(name)));
    }
  }
}
