package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
 * A module that is killed while hosts talk, and started again, takes its place by itself. Needs
 * root.
 */
@ParameterizedClass(name = "{0}, {1} shards")
@CsvSource({"ip-sum, 1", "flow-hash, 2"})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RejoinTest {

  private static final int REJOIN_SECONDS = 300;

  @TempDir static Path folder;
  private static LiveSite site;
  private static Process pinging;

  @Parameter(0)
  String algorithm;

  @Parameter(1)
  int shards;

  @BeforeAll
  static void needsRootAndPrograms() throws Exception {
    Netns.need(HostServices.PROGRAMS);
    Netns.need("ip", "sysctl", "ping");
    Files.createDirectories(folder.resolve("files"));
    Files.writeString(folder.resolve("files/small"), "small");
  }

  @BeforeParameterizedClassInvocation
  static void start(String algorithm, int shards) throws Exception {
    site = new LiveSite(LiveNetwork.Driver.ROUTED, folder);
    site.start(algorithm, shards, LiveSite.Prefix.KEPT);
    pinging =
        site.net.netns.start(
            site.net.client, pings(), "ping", "-n", "-i", "0.05", site.net.serverV4);
  }

  @AfterParameterizedClassInvocation
  static void end() throws Exception {
    site.close();
  }

  private static Path pings() {
    return folder.resolve("pings.log");
  }

  /** Ways through the gateway that between them meet every worker, both ways. */
  private static List<String[]> ways() {
    return List.of(
        new String[] {site.net.client, site.net.serverV4},
        new String[] {site.net.client, site.net.serverV6},
        new String[] {site.net.client, site.farV4},
        new String[] {site.net.client, site.farV6},
        new String[] {site.net.server, site.publishedV4()},
        new String[] {site.net.server, "fd71::2"},
        new String[] {site.far, site.publishedV4()});
  }

  private static boolean carries(String from, String to) throws Exception {
    String url = "http://" + (to.contains(":") ? "[" + to + "]" : to) + "/small";
    Netns.Ended curl = site.net.netns.call(from, "curl", "-sS", "-m", "5", url);
    return curl.code() == 0 && curl.out().equals("small");
  }

  /** Waits until all hosts reach each other again, and then they go on to. */
  private static void awaitEverybodyReached() throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(REJOIN_SECONDS);
    for (String[] way : ways()) {
      while (!carries(way[0], way[1])) {
        assertTrue(System.nanoTime() < deadline, way[1] + " cannot be reached");
      }
    }
    for (String[] way : ways()) {
      assertTrue(carries(way[0], way[1]), way[1] + " was reached and is not any more");
    }
  }

  private static void awaitPingsGoOn() throws Exception {
    long before = replies();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(REJOIN_SECONDS);
    while (replies() < before + 10) {
      assertTrue(System.nanoTime() < deadline && pinging.isAlive(), "no reply comes any more");
      Thread.sleep(100);
    }
  }

  private static long replies() throws Exception {
    try (var lines = Files.lines(pings())) {
      return lines.filter(it -> it.contains("bytes from")).count();
    }
  }

  @Test
  @Order(1)
  void shouldTakeAWorkerBackThatWasKilled() throws Exception {
    awaitEverybodyReached();
    site.modules.kill("worker-1");
    site.modules.startWorker(1);
    site.modules.awaitReady();
    awaitEverybodyReached();
    awaitPingsGoOn();
  }

  @Test
  @Order(2)
  void shouldTakeAnIoModuleBackThatWasKilled() throws Exception {
    site.modules.kill("io-b");
    site.modules.startIo("io-b");
    site.modules.awaitReady();
    awaitEverybodyReached();
    awaitPingsGoOn();
  }

  @Test
  @Order(3)
  void shouldTakeTheSwitchBackThatWasKilled() throws Exception {
    site.modules.kill("switch");
    site.modules.startSwitch();
    site.modules.awaitReady();
    awaitEverybodyReached();
    awaitPingsGoOn();
  }

  @Test
  @Order(4)
  void shouldEndWellAfterAllThat() throws Exception {
    for (String name : List.copyOf(site.modules.names())) {
      assertEquals(
          0, site.modules.stop(name), name + ": " + Files.readString(site.modules.log(name)));
    }
  }
}
