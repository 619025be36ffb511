package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.process.ExitCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The number of workers changes, or one of them ends, while connections of real hosts go on through
 * a gateway of processes. Needs root. {@code -Dportcullis.scaleConnections=2000} opens so many.
 */
class LiveScaleTest {

  private static final int CONNECTIONS = Integer.getInteger("portcullis.scaleConnections", 200);
  private static final int BULK = 4;
  private static final int MOST = 7;

  @TempDir Path folder;

  private Path yaml = Path.of("");
  private String configured = "";
  private String[] rest = {};
  private String replication = "none";
  private String mode = "module";
  private String silence = "5s";
  private ManyConnections asking;

  @ParameterizedTest
  @CsvSource({"ip-sum, 1", "flow-hash, 2"})
  void shouldKeepEveryConnectionWhileTheNumberOfWorkersChanges(String algorithm, int shards)
      throws Exception {
    Netns.need("ip", "sysctl", "python3", "ethtool", "curl");
    try (LiveNetwork net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
        ModuleProcesses modules = new ModuleProcesses(folder, Netns.inside(net.gateway))) {
      start(net, modules, algorithm, shards, MOST);
      asking = ManyConnections.start(net, folder, CONNECTIONS, BULK, "");
      asking.awaitOpen();
      int now = 3;
      for (int next : new int[] {5, 2, 7, 3}) {
        String changed = configured.replace("quantity: 3,", "quantity: " + next + ",");
        Files.writeString(yaml, changed);
        modules.hangUp("switch");
        awaitWorkers(modules, next, now + " to " + next);
        now = next;
      }
      asking.awaitEnd();
      modules.awaitBalance("after the changes");
      Accounts accounts = modules.accounts();
      assertEquals(0, accounts.sum(Counter.SCALE_FLOWS_BROKEN, it -> true));
      assertEquals(List.of(), dropped(accounts), () -> page(modules));
      assertTrue(accounts.sum(Counter.SCALE_FLOWS_MOVED, it -> true) > CONNECTIONS);
      assertEquals(List.of("3-5 done", "5-2 done", "2-7 done", "7-3 done"), events(modules));
    }
  }

  @Test
  void shouldKeepEveryConnectionWhenAWorkerIsToldToEndAndWhenItIsBack() throws Exception {
    Netns.need("ip", "sysctl", "python3", "ethtool", "curl");
    try (LiveNetwork net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
        ModuleProcesses modules = new ModuleProcesses(folder, Netns.inside(net.gateway))) {
      start(net, modules, "flow-hash", 1, 3);
      asking = ManyConnections.start(net, folder, CONNECTIONS, BULK, "");
      asking.awaitOpen();
      assertEquals(0, modules.stop("worker-1"));
      awaitWorkers(modules, 2, "without worker 1");
      modules.start("worker-1", "worker", with("1", rest));
      awaitWorkers(modules, 3, "with worker 1 again");
      asking.awaitEnd();
      Accounts accounts = modules.accounts();
      assertEquals(0, accounts.sum(Counter.SCALE_FLOWS_BROKEN, it -> true));
      assertEquals(List.of(), dropped(accounts), () -> page(modules));
      assertEquals(List.of("3-2 done", "2-3 done"), events(modules));
    }
  }

  @ParameterizedTest
  @CsvSource({"ip-sum, 1", "flow-hash, 2"})
  void shouldKeepEveryConnectionOfAWorkerThatIsKilledWhereItsGuardianHasAll(
      String algorithm, int shards) throws Exception {
    Netns.need("ip", "sysctl", "python3", "ethtool", "curl");
    replication = "sync";
    try (LiveNetwork net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
        ModuleProcesses modules = new ModuleProcesses(folder, Netns.inside(net.gateway))) {
      start(net, modules, algorithm, shards, 3);
      awaitProtected(modules);
      asking = ManyConnections.start(net, folder, CONNECTIONS, BULK, "");
      asking.awaitOpen();
      modules.kill("worker-1");
      awaitWorkers(modules, 2, "without worker 1, whose flows went on at its guardian");
      modules.start("worker-1", "worker", with("1", rest));
      awaitWorkers(modules, 3, "with worker 1 again");
      asking.awaitEnd();
      Accounts accounts = modules.accounts();
      assertEquals(0, accounts.sum(Counter.SCALE_FLOWS_BROKEN, it -> true));
      assertEquals(1, accounts.sum(Counter.REPLICA_TAKEOVERS, it -> true));
      assertEquals(List.of("3-2 done", "2-3 done"), events(modules));
    }
  }

  @Test
  void shouldKeepEveryConnectionWhileWorkersThatAreLinkedWithEachOtherComeAndGo() throws Exception {
    Netns.need("ip", "sysctl", "python3", "ethtool", "curl");
    mode = "mesh";
    try (LiveNetwork net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
        ModuleProcesses modules = new ModuleProcesses(folder, Netns.inside(net.gateway))) {
      start(net, modules, "flow-hash", 2, 3);
      asking = ManyConnections.start(net, folder, CONNECTIONS, BULK, "");
      asking.awaitOpen();
      replicas(modules, 5);
      modules.start("worker-3", "worker", with("3", rest));
      modules.start("worker-4", "worker", with("4", rest));
      awaitWorkers(modules, 5, "3 to 5");
      replicas(modules, 2);
      awaitWorkers(modules, 2, "5 to 2");
      asking.awaitEnd();
      modules.awaitBalance("after the changes");
      Accounts accounts = modules.accounts();
      assertEquals(0, accounts.sum(Counter.SCALE_FLOWS_BROKEN, it -> true));
      assertEquals(List.of(), dropped(accounts), () -> page(modules));
      assertTrue(accounts.sum(Counter.SCALE_FLOWS_MOVED, it -> true) > CONNECTIONS);
      assertTrue(accounts.sum(Counter.REDISTRIBUTED_PACKETS, it -> true) > 0);
      assertEquals(0, accounts.sum(Counter.RELAYED_BATCHES, it -> true));
    }
  }

  private void replicas(ModuleProcesses modules, int workers) throws Exception {
    String changed =
        configured.replace("{replicas: 3, quantity: 3,", "{replicas: " + workers + ",");
    Files.writeString(yaml, changed);
    modules.hangUp("switch");
  }

  @Test
  void shouldKeepEveryConnectionOfAWorkerThatStandsStillAndEndItWhenItGoesOn() throws Exception {
    Netns.need("ip", "sysctl", "python3", "ethtool", "curl");
    replication = "sync";
    silence = "2s";
    try (LiveNetwork net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
        ModuleProcesses modules = new ModuleProcesses(folder, Netns.inside(net.gateway))) {
      start(net, modules, "flow-hash", 1, 3);
      awaitProtected(modules);
      asking = ManyConnections.start(net, folder, CONNECTIONS, BULK, "");
      asking.awaitOpen();
      modules.signal("worker-1", "STOP");
      awaitWorkers(modules, 2, "without worker 1, which stands still");
      modules.signal("worker-1", "CONT");
      assertEquals(ExitCode.FAILED, modules.awaitExit("worker-1"));
      assertTrue(
          Files.readString(modules.log("worker-1")).contains("has been here"),
          "it says why it ends");
      modules.start("worker-1", "worker", with("1", rest));
      awaitWorkers(modules, 3, "with worker 1 again");
      asking.awaitEnd();
      Accounts accounts = modules.accounts();
      assertEquals(0, accounts.sum(Counter.SCALE_FLOWS_BROKEN, it -> true));
      assertEquals(1, accounts.sum(Counter.REPLICA_TAKEOVERS, it -> true));
      assertEquals(List.of("3-2 done", "2-3 done"), events(modules));
    }
  }

  @Test
  void shouldChangeNothingWhenConnectionsAreCutAndNobodyIsDead() throws Exception {
    Netns.need("ip", "sysctl", "python3", "ethtool", "curl", "ss");
    replication = "sync";
    try (LiveNetwork net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
        ModuleProcesses modules = new ModuleProcesses(folder, Netns.inside(net.gateway))) {
      start(net, modules, "flow-hash", 1, 3);
      awaitProtected(modules);
      asking = ManyConnections.start(net, folder, CONNECTIONS, BULK, "");
      asking.awaitOpen();
      String before = modules.get("switch", "/q/portcullis/status");
      for (String name : List.of("switch", "worker-0", "worker-1", "worker-2")) {
        cut(net, modules, name);
        asking.assertUnharmed(2, "connections to " + name + " were cut");
      }
      asking.awaitEnd();
      modules.awaitBalance("after connections were cut");
      Accounts accounts = modules.accounts();
      assertEquals(List.of(), dropped(accounts), () -> page(modules));
      assertEquals(0, accounts.sum(Counter.REPLICA_TAKEOVERS, it -> true));
      assertEquals(before, modules.get("switch", "/q/portcullis/status"));
      assertEquals(List.of(), events(modules));
    }
  }

  /** Ends every connection that others have opened to a module; they open new ones. */
  private static void cut(LiveNetwork net, ModuleProcesses modules, String name) throws Exception {
    Matcher said =
        Pattern.compile("links on 127\\.0\\.0\\.1:(\\d+)")
            .matcher(Files.readString(modules.log(name)));
    assertTrue(said.find(), name);
    String cut = net.netns.run(net.gateway, "ss", "-HKt", "dport", "=", ":" + said.group(1));
    assertTrue(cut.contains("ESTAB"), () -> "no connection to " + name + " was cut: " + cut);
  }

  private static void awaitProtected(ModuleProcesses modules) throws Exception {
    for (int i = 0; i < 3; i++) {
      modules.awaitMetric(
          "worker-" + i, "portcullis_replica_unprotected{worker=\"" + i + "\"} 0.0");
    }
  }

  /** Starts a gateway of so many workers, three of which take part. */
  private void start(
      LiveNetwork net, ModuleProcesses modules, String algorithm, int shards, int workers)
      throws Exception {
    yaml = folder.resolve("live.yaml");
    configured =
        net.yaml(algorithm, shards)
            .replace(
                "  workers: {",
                "  replication: "
                    + replication
                    + "\n  switch: {mode: "
                    + mode
                    + "}\n  timeouts: {silence: "
                    + silence
                    + "}\n  workers: {")
            .replace("workers: {replicas: 3,", "workers: {replicas: " + workers + ", quantity: 3,");
    Files.writeString(yaml, configured);
    String switchAt = "127.0.0.1:" + ModuleProcesses.freePort();
    rest = new String[] {"-f", yaml.toString(), "--plaintext", "--switch", switchAt};
    modules.start("switch", "switch", "-f", yaml.toString(), "--plaintext", "--listen", switchAt);
    for (int i = 0; i < workers; i++) {
      modules.start("worker-" + i, "worker", with("" + i, rest));
    }
    modules.start("io-a", "io", with("io-a", rest));
    modules.start("io-b", "io", with("io-b", rest));
    modules.awaitReady();
  }

  /** A table of so many workers holds, and a while later no connection has suffered. */
  private void awaitWorkers(ModuleProcesses modules, int workers, String when) throws Exception {
    modules.awaitMetric("switch", "portcullis_table_workers " + workers + ".0");
    asking.assertUnharmed(3, when);
  }

  private static String page(ModuleProcesses modules) {
    try {
      return modules.get("switch", "/q/portcullis/scale");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The changes that the switch module tells of: from, to and result. */
  private static List<String> events(ModuleProcesses modules) {
    String page = page(modules);
    return Pattern.compile("\"from\":(\\d+),\"to\":(\\d+),(?!\"lane\").*?\"result\":\"(\\w+)\"")
        .matcher(page)
        .results()
        .map(it -> it.group(1) + "-" + it.group(2) + " " + it.group(3))
        .toList();
  }

  /** Reasons that packets were dropped for which a change must not have. */
  private static List<String> dropped(Accounts accounts) {
    return Stream.of("scale-hold", "not-owner", "hop-limit", "no-table", "link-lost")
        .filter(
            reason ->
                accounts.sum(Counter.PACKETS_DROPPED, it -> reason.equals(it.get("reason"))) > 0)
        .toList();
  }

  private static String[] with(String name, String[] rest) {
    List<String> all = new ArrayList<>(List.of(name));
    all.addAll(List.of(rest));
    return all.toArray(String[]::new);
  }
}
