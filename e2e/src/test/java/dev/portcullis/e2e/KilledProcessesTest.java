package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
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
 * What the books say when a module is killed under traffic and started again: every packet that was
 * lost is in those of the others, but for what the killed one had, and it takes its place by
 * itself. Needs root.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class KilledProcessesTest {

  private static final long RATE = 2_000;
  private static final int MOST_SECONDS = 300;

  /** What passes in a second; a module acknowledges what it has taken every 50 ms where it can. */
  private static final long MOST_INSIDE = RATE;

  /** Why packets are dropped that are no datagrams of the flood. */
  private static final Set<String> OTHERS = Set.of("non-ip", "to-gateway");

  @TempDir static Path folder;
  private static LiveNetwork net;
  private static ModuleProcesses modules;
  private static Flood flood;

  @BeforeAll
  static void start() throws Exception {
    Netns.need("ip", "sysctl", "curl", "gcc", "nice", "python3");
    net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
    modules = new ModuleProcesses(folder, Netns.inside(net.gateway));
    modules.startAll(net.yaml("ip-sum", 1));
    flood = new Flood(net, folder);
    Process first = flood.start(RATE, MOST_SECONDS);
    flood.awaitFlow(RATE);
    flood.stop(first);
    flood.settle(RATE);
  }

  @AfterAll
  static void end() throws Exception {
    if (modules != null) {
      modules.close();
      net.close();
    }
  }

  private interface Restart {
    void start() throws Exception;
  }

  /** How many datagrams were sent while a module was killed, and how many of them came. */
  private record Passed(long sent, long came) {}

  /**
   * Kills a module while datagrams flow, and starts it again; afterwards nothing is lost, and
   * nothing is on its way.
   */
  private static Passed killed(String name, Restart restart) throws Exception {
    long before = flood.taken().received();
    Process run = flood.start(RATE, MOST_SECONDS);
    flood.awaitFlow(RATE);
    modules.kill(name);
    restart.start();
    modules.awaitReady();
    flood.awaitFlow(RATE);
    long sent = flood.stop(run);
    return new Passed(sent, flood.settle(RATE) - before);
  }

  /** What modules say that they lost; {@code but} is the one whose counts are not to be read. */
  private static long lost(String but) throws Exception {
    Accounts accounts = modules.accounts();
    Predicate<Map<String, String>> others = it -> !but.equals(it.get("module"));
    return accounts.sum(
            Counter.PACKETS_DROPPED, others.and(it -> !OTHERS.contains(it.get("reason"))))
        + accounts.sum(Counter.PORT_OVERRUNS, others);
  }

  private static long linkLost() throws Exception {
    return modules
        .accounts()
        .sum(Counter.PACKETS_DROPPED, it -> "link-lost".equals(it.get("reason")));
  }

  /** The lost are in the books, but for what the killed one had. */
  private static void assertCounted(Passed passed, long lostBefore) throws Exception {
    long missing = passed.sent - passed.came;
    long inside = missing - (lost("") - lostBefore);
    assertTrue(Math.abs(inside) < MOST_INSIDE, inside + " of " + missing + " are not counted");
    modules.accounts().assertModulesBalance("afterwards");
  }

  @Test
  @Order(1)
  void shouldLoseNothingWithTheSwitch() throws Exception {
    byte[] content = new byte[10_000_000];
    new Random(20261129).nextBytes(content);
    Path files = Files.createDirectories(folder.resolve("files"));
    Files.write(files.resolve("large"), content);
    net.serve(net.server, files, 8080);
    Path fetched = folder.resolve("fetched");
    String url = "http://" + net.serverV4 + ":8080/large";
    String[] curl = {
      "curl", "-sSf", "-m", "200", "--limit-rate", "1M", "-o", fetched.toString(), url
    };
    Path log = folder.resolve("curl.log");
    Process fetching = net.netns.start(net.client, log, curl);

    Passed passed =
        killed(
            "switch",
            () -> {
              assertTrue(fetching.isAlive(), "the file came before the switch was killed");
              modules.startSwitch();
            });

    assertEquals(passed.sent, passed.came);
    assertTrue(fetching.waitFor(MOST_SECONDS, TimeUnit.SECONDS), "the file does not come whole");
    assertEquals(0, fetching.exitValue(), Files.readString(log));
    assertArrayEquals(content, Files.readAllBytes(fetched));
    modules.awaitBalance("across a kill of the switch");
    assertEquals(0, linkLost());
  }

  @Test
  @Order(2)
  void shouldCountWhatAWorkerTookToItsGrave() throws Exception {
    long before = lost("worker/1");
    assertCounted(killed("worker-1", () -> modules.startWorker(1)), before);
  }

  @Test
  @Order(3)
  void shouldCountWhatAnIoModuleTookToItsGrave() throws Exception {
    long before = lost("io/1");
    assertCounted(killed("io-b", () -> modules.startIo("io-b")), before);
  }

  @Test
  @Order(4)
  void shouldHaveBooksWithoutTheIoModuleThatPacketsCameInBy() throws Exception {
    long before = forwarded();
    long taken = flood.taken().received();
    killed("io-a", () -> modules.startIo("io-a"));
    assertEquals(flood.taken().received() - taken, forwarded() - before);
    modules.accounts().assertModulesBalance("afterwards");
  }

  private static long forwarded() throws Exception {
    return modules.accounts().sum(Counter.PACKETS_FORWARDED, it -> "wan".equals(it.get("port")));
  }

  @Test
  @Order(5)
  void shouldEndWell() throws Exception {
    for (String name : List.copyOf(modules.names())) {
      assertEquals(0, modules.stop(name), name + ": " + Files.readString(modules.log(name)));
    }
  }
}
