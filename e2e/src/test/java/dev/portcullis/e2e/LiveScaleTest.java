package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The number of workers changes while connections of real hosts go on, through a gateway of
 * processes. Needs root. {@code -Dportcullis.scaleConnections=2000} opens so many.
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

  @ParameterizedTest
  @CsvSource({"ip-sum, 1", "flow-hash, 2"})
  void shouldKeepEveryConnectionWhileTheNumberOfWorkersChanges(String algorithm, int shards)
      throws Exception {
    Netns.need("ip", "sysctl", "python3", "ethtool", "curl");
    try (LiveNetwork net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
        ModuleProcesses modules = new ModuleProcesses(folder, Netns.inside(net.gateway))) {
      Path yaml = folder.resolve("live.yaml");
      String configured =
          net.yaml(algorithm, shards)
              .replace("workers: {replicas: 3,", "workers: {replicas: " + MOST + ", quantity: 3,");
      Files.writeString(yaml, configured);
      String switchAt = "127.0.0.1:" + ModuleProcesses.freePort();
      String[] rest = {"-f", yaml.toString(), "--plaintext", "--switch", switchAt};
      modules.start("switch", "switch", "-f", yaml.toString(), "--plaintext", "--listen", switchAt);
      for (int i = 0; i < MOST; i++) {
        modules.start("worker-" + i, "worker", with("" + i, rest));
      }
      modules.start("io-a", "io", with("io-a", rest));
      modules.start("io-b", "io", with("io-b", rest));
      modules.awaitReady();
      Process asking = ask(net);
      Path log = folder.resolve("asking.log");
      awaitOpen(log, asking);
      int now = 3;
      for (int next : new int[] {5, 2, 7, 3}) {
        String changed = configured.replace("quantity: 3,", "quantity: " + next + ",");
        Files.writeString(yaml, changed);
        modules.hangUp("switch");
        modules.awaitMetric("switch", "portcullis_table_workers " + next + ".0");
        Thread.sleep(3_000);
        Line line = last(log);
        assertEquals(0, line.ended, now + " to " + next + ": " + said());
        assertEquals(0, line.wrong, now + " to " + next);
        now = next;
      }
      asking.getOutputStream().close();
      assertTrue(asking.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), "who asks does not end");
      Line end = last(log);
      assertEquals(CONNECTIONS, end.opened, said());
      assertEquals(0, end.ended, said());
      assertEquals(0, end.wrong);
      modules.awaitBalance("after the changes");
      Accounts accounts = modules.accounts();
      assertEquals(0, accounts.sum(Counter.SCALE_FLOWS_BROKEN, it -> true));
      assertEquals(0, accounts.sum(Counter.PACKETS_DROPPED, it -> isOfChange(it.get("reason"))));
      assertTrue(accounts.sum(Counter.SCALE_FLOWS_MOVED, it -> true) > CONNECTIONS);
    }
  }

  private static boolean isOfChange(String reason) {
    return List.of("scale-hold", "not-owner", "hop-limit", "no-table").contains(reason);
  }

  private static String[] with(String name, String[] rest) {
    List<String> all = new ArrayList<>(List.of(name));
    all.addAll(List.of(rest));
    return all.toArray(String[]::new);
  }

  private String said() throws Exception {
    return Files.readString(folder.resolve("asking.err"));
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

  private static Line last(Path log) throws Exception {
    String text = Files.readString(log);
    List<String> lines = text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    return lines.isEmpty() ? new Line(0, 0, 0, 0, 0) : Line.of(lines.getLast());
  }

  private void awaitOpen(Path log, Process asking) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (last(log).opened < CONNECTIONS) {
      assertTrue(
          asking.isAlive() && System.nanoTime() < deadline,
          last(log) + " of " + CONNECTIONS + ": " + said());
      Thread.sleep(200);
    }
  }
}
