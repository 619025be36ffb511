package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * 2,000 TCP connections of real hosts, 20 of which move bytes without a pause, through SNAT and
 * rules, while everything happens to a gateway of processes that may. Needs root; {@code
 * -Dportcullis.tcpConnections} opens another number.
 */
class LiveTcpTest {

  private static final int CONNECTIONS = Integer.getInteger("portcullis.tcpConnections", 2_000);
  private static final int BULK = 20;
  private static final int WORKERS = 7;
  private static final int PATIENCE_SECONDS = 300;

  /** A connection stands still when a question waits for longer. */
  private static final long STILL_MS = 1_000;

  /** An address of the server that the client reaches without the gateway. */
  private static final String CONTROL = "10.75.0.2";

  /** Most receivers: what is for them may take either replica on the side of the client. */
  private static final String MOST_RECEIVERS = "10.72.0.32/29";

  /** The second replica of the IO module on the side of the client. */
  private static final String REPLICA = "io-a-1";

  /** Where the modules reach each other. */
  private static final String INSIDE = "10.99.0.1";

  private static final String INSIDE_REPLICA = "10.99.0.2";

  @TempDir Path folder;
  private final List<String> switches = new ArrayList<>();
  private String second = "";
  private String yaml = "";
  private String configured = "";

  @Test
  void shouldKeepEveryConnectionWhateverComesGoesOrIsKilled() throws Exception {
    Netns.need("ip", "sysctl", "python3", "ethtool", "curl");
    try (LiveNetwork net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
        ModuleProcesses modules = new ModuleProcesses(folder, Netns.inside(net.gateway))) {
      secondPath(net);
      start(net, modules);
      ManyConnections asking = ManyConnections.start(net, folder, CONNECTIONS, BULK, CONTROL);
      asking.awaitOpen();
      int begin = asking.lines().size();

      for (int quantity : new int[] {5, 2, 7, 3}) {
        Files.writeString(
            Path.of(yaml), configured.replace("quantity: 3,", "quantity: " + quantity + ","));
        modules.hangUp("switch-1");
        modules.hangUp("switch-0");
        modules.awaitMetric("switch-0", "portcullis_table_workers " + quantity + ".0");
        asking.assertUnharmed(2, quantity + " workers");
      }

      steer(net, "eth0");
      awaitQuiet(modules);
      assertEquals(0, modules.stopWithBooks(REPLICA));
      asking.assertUnharmed(2, "without the second replica");
      startReplica(modules);
      modules.awaitReady();
      steer(net, "eth1");
      asking.assertUnharmed(2, "with the second replica again");

      assertEquals(0, modules.stopWithBooks("switch-0"));
      asking.assertUnharmed(2, "without switch 0");
      startSwitch(modules, 0);
      modules.awaitReady();
      awaitSettled(modules);
      asking.assertUnharmed(2, "with switch 0 again");
      assertTrue(passedOn(modules, REPLICA) > 0, "packets take the IO module that came back");
      assertEquals(0, modules.accounts().sum(Counter.SCALE_FLOWS_BROKEN, it -> true));
      assertTrue(modules.accounts().sum(Counter.SCALE_FLOWS_MOVED, it -> true) > CONNECTIONS);

      asking.pause();
      modules.awaitBalance("before a worker is killed");
      asking.goOn();

      awaitProtected(modules);
      modules.kill("worker-1");
      awaitSettledWithout(modules, 1);
      asking.assertUnharmed(2, "without worker 1");
      startWorker(modules, 1);
      awaitSettledWith(modules, 1);
      asking.assertUnharmed(2, "with worker 1 again");

      asking.awaitEnd();
      Accounts accounts = modules.accounts();
      assertEquals(0, accounts.sum(Counter.SCALE_FLOWS_BROKEN, it -> true));
      assertEquals(1, accounts.sum(Counter.REPLICA_TAKEOVERS, it -> true));
      accounts.assertModulesBalance("at the end");
      tell(asking.lines().subList(begin, asking.lines().size()));
    }
  }

  /**
   * A second gateway host, which another device of the client leads to, and a way around both to
   * the server.
   */
  private void secondPath(LiveNetwork net) throws Exception {
    second = net.netns.add();
    net.netns.wire(net.client, "eth1", second, "pg0");
    net.netns.wire(net.client, "eth2", net.server, "eth2");
    net.netns.wire(net.gateway, "in0", second, "in0");
    net.netns.ip(net.gateway, "addr add " + INSIDE + "/24 dev in0");
    net.netns.ip(second, "addr add " + INSIDE_REPLICA + "/24 dev in0");
    net.netns.ip(net.client, "addr add 10.71.0.3/24 dev eth1 noprefixroute");
    net.netns.ip(net.client, "addr add 10.75.0.1/24 dev eth2");
    net.netns.ip(net.server, "addr add " + CONTROL + "/24 dev eth2");
    net.netns.run(
        net.client,
        "sysctl",
        "-qw",
        "net.ipv4.conf.all.rp_filter=0",
        "net.ipv4.conf.eth0.rp_filter=0",
        "net.ipv4.conf.eth1.rp_filter=0",
        "net.ipv6.conf.eth1.disable_ipv6=1");
    steer(net, "eth1");
  }

  /** From now on what the client sends to most receivers takes this device. */
  private static void steer(LiveNetwork net, String device) throws Exception {
    net.netns.ip(
        net.client, "route replace " + MOST_RECEIVERS + " via 10.71.0.1 dev " + device + " onlink");
  }

  private void start(LiveNetwork net, ModuleProcesses modules) throws Exception {
    configured =
        net.yaml("flow-hash", 1)
            .replace("  workers: {", "  replication: sync\n  workers: {")
            .replace("workers: {replicas: 3,", "workers: {replicas: " + WORKERS + ", quantity: 3,")
            .replace("- name: io-a\n", "- name: io-a\n      replicas: 2\n");
    yaml = Files.writeString(folder.resolve("live.yaml"), configured).toString();
    for (int i = 0; i < 2; i++) {
      switches.add(INSIDE + ":" + ModuleProcesses.freePort());
    }
    startSwitch(modules, 0);
    startSwitch(modules, 1);
    for (int i = 0; i < WORKERS; i++) {
      startWorker(modules, i);
    }
    modules.start("io-a", "io", with("io-a"));
    modules.start("io-b", "io", with("io-b"));
    startReplica(modules);
    modules.awaitReady();
  }

  private void startSwitch(ModuleProcesses modules, int number) throws Exception {
    modules.start(
        "switch-" + number,
        "switch",
        "" + number,
        "-f",
        yaml,
        "--plaintext",
        "--listen",
        switches.get(number));
  }

  private void startWorker(ModuleProcesses modules, int number) throws Exception {
    modules.start("worker-" + number, "worker", with("" + number, "--listen", INSIDE + ":0"));
  }

  private void startReplica(ModuleProcesses modules) throws Exception {
    modules.startIn(Netns.inside(second), INSIDE_REPLICA, REPLICA, "io", with(REPLICA));
  }

  private String[] with(String name, String... more) {
    List<String> all = new ArrayList<>(List.of(name, "-f", yaml, "--plaintext"));
    all.addAll(List.of(more));
    switches.forEach(it -> all.addAll(List.of("--switch", it)));
    return all.toArray(String[]::new);
  }

  /** The three workers of the table have full replicas. */
  private static void awaitProtected(ModuleProcesses modules) throws Exception {
    for (int i = 0; i < 3; i++) {
      modules.awaitMetric(
          "worker-" + i, "portcullis_replica_unprotected{worker=\"" + i + "\"} 0.0");
    }
  }

  private static void awaitSettled(ModuleProcesses modules) throws Exception {
    awaitStatus(modules, "\"settled\":true");
  }

  private static void awaitSettledWithout(ModuleProcesses modules, int worker) throws Exception {
    awaitStatus(modules, "\"workers\":\\[(?![^]]*\\b" + worker + "\\b)[^]]*\\],\"settled\":true");
  }

  private static void awaitSettledWith(ModuleProcesses modules, int worker) throws Exception {
    awaitStatus(modules, "\"workers\":\\[[^]]*\\b" + worker + "\\b[^]]*\\],\"settled\":true");
  }

  private static void awaitStatus(ModuleProcesses modules, String pattern) throws Exception {
    Pattern wanted = Pattern.compile(pattern);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (true) {
      String status = modules.get("switch-0", "/q/portcullis/status");
      if (wanted.matcher(status).find()) {
        return;
      }
      assertTrue(System.nanoTime() < deadline, () -> pattern + " is not in " + status);
      Thread.sleep(100);
    }
  }

  private static long passedOn(ModuleProcesses modules, String name) throws Exception {
    return Accounts.of(List.of())
        .with(modules.get(name, "/q/metrics"))
        .sum(Counter.PACKETS_PASSED_ON, it -> true);
  }

  /** Waits until nothing more comes in by the replica. */
  private static void awaitQuiet(ModuleProcesses modules) throws Exception {
    long before = -1;
    for (long now = passedOn(modules, REPLICA); now != before; now = passedOn(modules, REPLICA)) {
      before = now;
      Thread.sleep(3_000);
    }
  }

  /** Says for how long connections stood still when those through the kernel did not. */
  private static void tell(List<ManyConnections.Line> lines) {
    long worst = lines.stream().mapToLong(ManyConnections.Line::slowestMs).max().orElse(0);
    long still = 0;
    for (int i = 0; i < lines.size(); i++) {
      long control =
          lines.subList(Math.max(0, i - 5), Math.min(lines.size(), i + 6)).stream()
              .mapToLong(ManyConnections.Line::controlMs)
              .max()
              .orElse(0);
      if (lines.get(i).slowestMs() > STILL_MS && control <= STILL_MS) {
        still++;
      }
    }
    System.out.printf(
        "%d connections, %d answers; the longest wait %d ms, of control connections %d ms; %d of %d lines with a wait above %d ms%n",
        CONNECTIONS,
        lines.getLast().answers(),
        worst,
        lines.stream().mapToLong(ManyConnections.Line::controlMs).max().orElse(0),
        still,
        lines.size(),
        STILL_MS);
  }
}
