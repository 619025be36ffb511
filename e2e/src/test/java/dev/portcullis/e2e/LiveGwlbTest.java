package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.nio.file.Files;
import java.nio.file.Path;
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
 * {@code examples/gwlb.yaml} as the target of a load balancer that {@code gwlb.py} plays, as it is
 * and with {@code flow-hash} and two shards. Needs root.
 */
@ParameterizedClass(name = "{0}, {1} shards")
@CsvSource({"ip-sum, 1", "flow-hash, 2"})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LiveGwlbTest {

  private static final String TARGET = "10.81.0.1";
  private static final int START_SECONDS = 300;

  @TempDir static Path folder;
  private static Netns netns;
  private static String gateway;
  private static String balancer;
  private static Process running;

  @Parameter(0)
  String algorithm;

  @Parameter(1)
  int shards;

  @BeforeAll
  static void needsRoot() throws Exception {
    Netns.need("ip", "curl", "python3");
  }

  @BeforeParameterizedClassInvocation
  static void start(String algorithm, int shards) throws Exception {
    netns = new Netns();
    gateway = netns.add();
    balancer = netns.add();
    netns.wire(gateway, "eth0", balancer, "eth0");
    // as in the provider's networks: packets and 68 bytes of header fit
    netns.ip(gateway, "link set eth0 mtu 9000");
    netns.ip(balancer, "link set eth0 mtu 9000");
    netns.ip(gateway, "addr add " + TARGET + "/24 dev eth0");
    netns.ip(balancer, "addr add 10.81.0.2/24 dev eth0");
    String text = Files.readString(Playground.ROOT.resolve("examples/gwlb.yaml"));
    if (shards > 1) {
      text =
          text.replace("{replicas: 2}", "{replicas: 3, shards: " + shards + "}")
              .replace("  io:\n", "  distribution: {algorithm: " + algorithm + "}\n  io:\n")
              // fewer than the load balancer uses
              .replace("{mode: gwlb,", "{mode: gwlb, sourcePorts: 64, queues: 2,");
    }
    Path yaml = Files.writeString(folder.resolve("gwlb.yaml"), text);
    Path log = folder.resolve("gateway.log");
    running =
        netns.start(
            gateway,
            log,
            Said.command("-Xmx512m", "run", "-f", yaml.toString(), "--http", "127.0.0.1:9100")
                .toArray(String[]::new));
    awaitHealth(log);
  }

  private static void awaitHealth(Path log) throws Exception {
    String url = "http://" + TARGET + ":8080/health";
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (true) {
      String said =
          netns
              .call(balancer, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "5", url)
              .out();
      if (said.equals("200")) {
        return;
      }
      if (System.nanoTime() > deadline || !running.isAlive()) {
        throw new AssertionError("health: " + said + ": " + Files.readString(log));
      }
      Thread.sleep(100);
    }
  }

  @AfterParameterizedClassInvocation
  static void end() throws Exception {
    netns.close();
  }

  private static void play(String what) throws Exception {
    String program = Path.of(LiveGwlbTest.class.getResource("/gwlb.py").toURI()).toString();
    netns.run(balancer, "python3", program, what, TARGET);
  }

  private static Accounts accounts() throws Exception {
    return Accounts.of(List.of())
        .with(netns.run(gateway, "curl", "-s", "http://127.0.0.1:9100/q/metrics"));
  }

  @Test
  @Order(1)
  void shouldSendBothDirectionsBackWithTheirOptionsByteForByte() throws Exception {
    play("connection");
  }

  @Test
  @Order(2)
  void shouldKeepEndpointsWithTheSameAddressesApart() throws Exception {
    play("same_addresses");
  }

  @Test
  @Order(3)
  void shouldResetInTheHeaderOfThePacketThatItRejects() throws Exception {
    play("rejected");
  }

  @Test
  @Order(4)
  void shouldSendFragmentsBackAsTheyCame() throws Exception {
    play("fragments");
  }

  @Test
  @Order(5)
  void shouldRefuseHeadersThatItDoesNotUnderstandAndCountThem() throws Exception {
    play("refused");
    assertEquals(2, dropped("tunnel-header"));
    assertEquals(1, dropped("tunnel-option"));
    assertEquals(1, dropped("tunnel-payload"));
  }

  private static long dropped(String reason) throws Exception {
    return accounts().sum(Counter.PACKETS_DROPPED, it -> reason.equals(it.get("reason")));
  }

  @Test
  @Order(6)
  void shouldSendAThousandFlowsBackFromTheUdpPortThatEachCameFrom() throws Exception {
    play("flows");
  }

  @Test
  @Order(7)
  void shouldHaveBooksThatBalanceAndEndWell() throws Exception {
    accounts().assertBalanced("gwlb");
    assertEquals(0, accounts().sum(Counter.PORT_OVERRUNS, it -> true));
    running.destroy();
    assertTrue(running.waitFor(30, TimeUnit.SECONDS));
    assertEquals(0, running.exitValue(), Files.readString(folder.resolve("gateway.log")));
  }
}
