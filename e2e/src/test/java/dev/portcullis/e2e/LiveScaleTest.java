package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
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
  private static final int PORT = 9000;
  private static final int MOST = 7;
  private static final int PATIENCE_SECONDS = 120;

  @TempDir Path folder;

  private record Line(long opened, long ended, long answers, long wrong, long slowestMs) {
    static Line of(String text) {
      String[] words = text.replace("end ", "").split(" ");
      return new Line(
          Long.parseLong(words[0]),
          Long.parseLong(words[1]),
          Long.parseLong(words[2]),
          Long.parseLong(words[3]),
          Long.parseLong(words[4]));
    }
  }

  private Path yaml = Path.of("");
  private String configured = "";
  private String[] rest = {};
  private String replication = "none";
  private String mode = "module";

  @ParameterizedTest
  @CsvSource({"ip-sum, 1", "flow-hash, 2"})
  void shouldKeepEveryConnectionWhileTheNumberOfWorkersChanges(String algorithm, int shards)
      throws Exception {
    Netns.need("ip", "sysctl", "python3", "ethtool", "curl");
    try (LiveNetwork net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
        ModuleProcesses modules = new ModuleProcesses(folder, Netns.inside(net.gateway))) {
      start(net, modules, algorithm, shards, MOST);
      Process asking = ask(net);
      awaitOpen(asking);
      int now = 3;
      for (int next : new int[] {5, 2, 7, 3}) {
        String changed = configured.replace("quantity: 3,", "quantity: " + next + ",");
        Files.writeString(yaml, changed);
        modules.hangUp("switch");
        awaitWorkers(modules, next, now + " to " + next);
        now = next;
      }
      awaitEnd(asking, modules);
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
      Process asking = ask(net);
      awaitOpen(asking);
      assertEquals(0, modules.stop("worker-1"));
      awaitWorkers(modules, 2, "without worker 1");
      modules.start("worker-1", "worker", with("1", rest));
      awaitWorkers(modules, 3, "with worker 1 again");
      awaitEnd(asking, modules);
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
      for (int i = 0; i < 3; i++) {
        modules.awaitMetric(
            "worker-" + i, "portcullis_replica_unprotected{worker=\"" + i + "\"} 0.0");
      }
      Process asking = ask(net);
      awaitOpen(asking);
      modules.kill("worker-1");
      awaitWorkers(modules, 2, "without worker 1, whose flows went on at its guardian");
      modules.start("worker-1", "worker", with("1", rest));
      awaitWorkers(modules, 3, "with worker 1 again");
      awaitEnd(asking, modules);
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
      Process asking = ask(net);
      awaitOpen(asking);
      replicas(modules, 5);
      modules.start("worker-3", "worker", with("3", rest));
      modules.start("worker-4", "worker", with("4", rest));
      awaitWorkers(modules, 5, "3 to 5");
      replicas(modules, 2);
      awaitWorkers(modules, 2, "5 to 2");
      awaitEnd(asking, modules);
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

  /** Starts a gateway of so many workers, three of which take part. */
  private void start(
      LiveNetwork net, ModuleProcesses modules, String algorithm, int shards, int workers)
      throws Exception {
    yaml = folder.resolve("live.yaml");
    configured =
        net.yaml(algorithm, shards)
            .replace(
                "  workers: {",
                "  replication: " + replication + "\n  switch: {mode: " + mode + "}\n  workers: {")
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
    Thread.sleep(3_000);
    Line line = last();
    assertEquals(0, line.ended, () -> when + ": " + said());
    assertEquals(0, line.wrong, when);
  }

  /** No more is asked, and every question has been answered. */
  private void awaitEnd(Process asking, ModuleProcesses modules) throws Exception {
    asking.getOutputStream().close();
    assertTrue(asking.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), "who asks does not end");
    Line end = last();
    assertEquals(CONNECTIONS, end.opened, this::said);
    assertEquals(0, end.ended, () -> page(modules) + said());
    assertEquals(0, end.wrong);
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
    return Pattern.compile("\"from\":(\\d+),\"to\":(\\d+),.*?\"result\":\"(\\w+)\"")
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

  private String said() {
    try {
      Path said = folder.resolve("asking.err");
      return Files.exists(said) ? Files.readString(said) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Process ask(LiveNetwork net) throws Exception {
    Path program = folder.resolve("flows.py");
    try (var source = LiveScaleTest.class.getResourceAsStream("/talk/flows.py")) {
      Files.write(program, Objects.requireNonNull(source).readAllBytes());
    }
    List<String> senders = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      senders.add("10.71.0." + (10 + i));
      net.netns.ip(net.client, "addr add " + senders.get(i) + "/24 dev eth0");
    }
    List<String> receivers = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      receivers.add("10.72.0." + (30 + i));
      net.netns.ip(net.server, "addr add " + receivers.get(i) + "/24 dev eth0");
    }
    List<String> answer =
        new ArrayList<>(List.of("python3", program.toString(), "answer", "" + PORT));
    answer.addAll(receivers);
    Path answered = folder.resolve("answering.log");
    Process answering = net.netns.start(net.server, answered, answer.toArray(String[]::new));
    while (!Files.readString(answered).contains("ready")) {
      assertTrue(answering.isAlive(), Files.readString(answered));
      Thread.sleep(50);
    }
    String line =
        "exec python3 %s ask %d %d %d %s %s 2>%s"
            .formatted(
                program,
                PORT,
                CONNECTIONS,
                BULK,
                String.join(",", senders),
                String.join(",", receivers),
                folder.resolve("asking.err"));
    return net.netns.start(net.client, folder.resolve("asking.log"), "sh", "-c", line);
  }

  private Line last() throws Exception {
    String text = Files.readString(folder.resolve("asking.log"));
    List<String> lines = text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    return lines.isEmpty() ? new Line(0, 0, 0, 0, 0) : Line.of(lines.getLast());
  }

  private void awaitOpen(Process asking) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    for (Line line = last(); line.opened < CONNECTIONS; line = last()) {
      Line now = line;
      assertTrue(
          asking.isAlive() && System.nanoTime() < deadline,
          () -> now + " of " + CONNECTIONS + ": " + said());
      Thread.sleep(200);
    }
  }
}
