package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Of two switches one is killed, or stands still, while hosts talk through two IO modules and three
 * workers: nobody waits for longer than a second, and nothing is lost. Needs root.
 */
@ParameterizedClass(name = "{0}, {1} shards")
@CsvSource({"ip-sum, 1", "flow-hash, 2"})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TwoSwitchesTest {

  private static final int LONGEST_SILENCE_MS = 1000;
  private static final int WATCH_SECONDS = 3;

  /** A machine that lets a program wait for longer than this says nothing about the gateway. */
  private static final int LONGEST_STILL_MS = 150;

  private static final int ATTEMPTS = 5;
  private static final int REJOIN_SECONDS = 300;

  @TempDir static Path folder;
  private static LiveNetwork net;
  private static ModuleProcesses modules;
  private static Talk talk;
  private static String yaml;
  private static List<String> switchesAt;
  private static int lanes;

  @Parameter(0)
  String algorithm;

  @Parameter(1)
  int shards;

  @BeforeAll
  static void needsRootAndPrograms() throws Exception {
    Netns.need("ip", "sysctl", "curl", "ping", "python3");
  }

  @BeforeParameterizedClassInvocation
  static void start(String algorithm, int shards) throws Exception {
    lanes = shards;
    net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
    modules = new ModuleProcesses(folder, Netns.inside(net.gateway));
    yaml = Files.writeString(folder.resolve("live.yaml"), net.yaml(algorithm, shards)).toString();
    switchesAt =
        List.of(
            "127.0.0.1:" + ModuleProcesses.freePort(), "127.0.0.1:" + ModuleProcesses.freePort());
    startSwitch(0);
    startSwitch(1);
    for (int i = 0; i < 3; i++) {
      startModule("worker", "" + i);
    }
    startModule("io", "io-a");
    startModule("io", "io-b");
    modules.awaitReady();
    talk = new Talk(net, folder);
    talk.awaitAnswers();
    awaitLinked(0);
    awaitLinked(1);
  }

  @AfterParameterizedClassInvocation
  static void end() throws Exception {
    modules.close();
    net.close();
  }

  private static void startSwitch(int number) throws Exception {
    modules.start(
        "switch-" + number,
        "switch",
        "" + number,
        "-f",
        yaml,
        "--plaintext",
        "--listen",
        switchesAt.get(number));
  }

  private static void startModule(String kind, String name) throws Exception {
    List<String> arguments = new ArrayList<>(List.of(name, "-f", yaml, "--plaintext"));
    switchesAt.forEach(it -> arguments.addAll(List.of("--switch", it)));
    modules.start(kind + "-" + name, kind, arguments.toArray(String[]::new));
  }

  /** Waits until the lanes of all workers have found a switch, and it carries packets. */
  private static void awaitLinked(int number) throws Exception {
    String module = "switch/" + number;
    for (int worker = 0; worker < 3; worker++) {
      for (int lane = 0; lane < lanes; lane++) {
        String link = module + "-worker/" + worker + "." + lane;
        modules.awaitCount(Counter.LINK_CONNECTS, it -> link.equals(it.get("link")), link);
      }
    }
    modules.awaitCount(Counter.RELAYED_BATCHES, it -> module.equals(it.get("module")), module);
  }

  private interface Mishap {
    void happen() throws Exception;
  }

  /** A mishap and its remedy, again where the machine stood still meanwhile. */
  private static void shouldNotBeFelt(int number, Mishap mishap, Mishap remedy) throws Exception {
    for (int attempt = 1; ; attempt++) {
      int begin = talk.now();
      mishap.happen();
      Talk.Line worst = talk.worst(begin, WATCH_SECONDS);
      remedy.happen();
      modules.awaitReady();
      awaitLinked(number);
      talk.awaitAnswers();
      if (worst.stillMs() < LONGEST_STILL_MS || attempt == ATTEMPTS) {
        assertTrue(worst.silentMs() < LONGEST_SILENCE_MS, worst::toString);
        return;
      }
    }
  }

  @Test
  @Order(1)
  void shouldGoOnWhenTheFirstSwitchIsKilled() throws Exception {
    shouldNotBeFelt(0, () -> modules.kill("switch-0"), () -> startSwitch(0));
  }

  @Test
  @Order(2)
  void shouldGoOnWhenTheSecondSwitchIsKilledAfterTheFirstIsBack() throws Exception {
    shouldNotBeFelt(1, () -> modules.kill("switch-1"), () -> startSwitch(1));
  }

  @Test
  @Order(3)
  void shouldGoOnWhenASwitchStandsStill() throws Exception {
    shouldNotBeFelt(
        0, () -> modules.signal("switch-0", "STOP"), () -> modules.signal("switch-0", "CONT"));
  }

  @Test
  @Order(4)
  void shouldHaveLostNothing() throws Exception {
    Talk.Line total = talk.end();
    assertEquals(0, total.disordered());
    assertEquals(total.asked(), total.answered());
    assertTrue(modules.accounts().sum(Counter.REDISTRIBUTED_PACKETS, it -> true) > 0);
    modules.awaitBalance("two switches");
  }

  @Test
  @Order(5)
  void shouldTakeBackAWorkerThatIsKilledWhileOneSwitchIsAway() throws Exception {
    modules.kill("switch-0");
    modules.kill("worker-1");
    startModule("worker", "1");
    modules.awaitReady();
    startSwitch(0);
    modules.awaitReady();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(REJOIN_SECONDS);
    while (!allPingsAreAnswered()) {
      assertTrue(System.nanoTime() < deadline, "pings stay without answer");
    }
    for (String name : List.copyOf(modules.names())) {
      assertEquals(0, modules.stop(name), name + ": " + Files.readString(modules.log(name)));
    }
  }

  private static boolean allPingsAreAnswered() throws Exception {
    String[] ping = {"ping", "-c", "20", "-i", "0.05", "-W", "5", net.serverV4};
    return net.netns.call(net.client, ping).out().contains(" 20 received");
  }
}
