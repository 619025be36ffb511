package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two IO modules, three workers and a switch as processes of their own, as the images start them.
 */
class ProcessesTest {

  private static final int START_SECONDS = 60;

  @TempDir Path folder;
  private final Map<String, Process> processes = new HashMap<>();
  private final Map<String, Integer> http = new HashMap<>();
  private final HttpClient client = HttpClient.newHttpClient();
  private int switchPort;
  private int feedPort;

  @AfterEach
  void endProcesses() throws InterruptedException {
    for (Process process : processes.values()) {
      process.destroy();
    }
    for (Process process : processes.values()) {
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    }
  }

  @Test
  void shouldWriteTheSameFilesAsTheEmbeddedGateway() throws Exception {
    Path yaml = Playground.ROOT.resolve("examples/demo.yaml");
    List<Path> captures = Playground.captures();
    captures = captures.subList(0, Math.min(30, captures.size()));
    Path embedded = folder.resolve("embedded");
    try (Playground gateway = new Playground(yaml, 3, 1)) {
      gateway.play(embedded, captures.toArray(Path[]::new));
    }
    startAll(yaml);
    Path apart = folder.resolve("apart");
    replay(yaml, apart, captures);
    assertEquals(ReplayDeterminismTest.contents(embedded), ReplayDeterminismTest.contents(apart));
    awaitAccounts();
  }

  /** A series that is new, such as the first drop for a reason, is registered within a second. */
  private void awaitAccounts() throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (true) {
      try {
        assertAccounted();
        return;
      } catch (AssertionError e) {
        if (System.nanoTime() > deadline) {
          throw e;
        }
        Thread.sleep(200);
      }
    }
  }

  @Test
  void shouldGoOnWithTheLastTableWhileTheSwitchIsAwayAndFollowItWhenItIsBack() throws Exception {
    Path yaml = Playground.ROOT.resolve("examples/transparent.yaml");
    List<Path> capture = List.of(Playground.captures().getFirst());
    startAll(yaml);
    stop("switch");
    replay(yaml, folder.resolve("without"), capture);
    start("switch", "switch", yaml, "--listen", "127.0.0.1:" + switchPort);
    await("switch", "portcullis_management_attached 5.0");
    replay(yaml, folder.resolve("again"), capture);
    for (String file : List.of("lan.pcapng", "wan.pcapng")) {
      assertEquals(
          ReplayDeterminismTest.contents(folder.resolve("without")).get(file),
          ReplayDeterminismTest.contents(folder.resolve("again")).get(file));
    }
  }

  @Test
  void shouldTakeAnotherPolicyOnSighupAndNoneFromABadFile() throws Exception {
    String text = Files.readString(Playground.ROOT.resolve("examples/transparent.yaml"));
    Path yaml = Files.writeString(folder.resolve("gateway.yaml"), text);
    List<Path> capture =
        List.of(
            new Captures().udp("10.0.0.1", 1, "10.0.0.2", 2, 8).write(folder.resolve("c.pcap")));
    startAll(yaml);
    Files.writeString(yaml, text.replace("accept}", "acept, rules: [{nam: x}]}"));
    hangUp("switch");
    awaitLog("switch", "the old configuration stays in use");
    String log = Files.readString(folder.resolve("switch.log"));
    assertTrue(log.contains("spec.defaultAction: \"acept\" is not known"), log);
    assertTrue(log.contains("spec.rules[0].nam: unknown key"), log);
    replay(yamlOf(text), folder.resolve("before"), capture);
    assertEquals(1, frames("before", "forward"));
    Files.writeString(yaml, text.replace("accept}", "drop}"));
    hangUp("switch");
    for (int i = 0; i < 3; i++) {
      await("worker-" + i, "portcullis_table_epoch{module=\"worker/" + i + "\"} 2.0");
    }
    replay(yamlOf(text), folder.resolve("after"), capture);
    assertEquals(1, frames("after", "drop"));
  }

  private Path yamlOf(String text) throws IOException {
    return Files.writeString(folder.resolve("replay.yaml"), text);
  }

  private long frames(String out, String verdict) throws IOException {
    return Files.readAllLines(folder.resolve(out).resolve("paths.jsonl")).stream()
        .filter(it -> it.contains("\"verdict\":\"" + verdict + "\""))
        .count();
  }

  private void hangUp(String name) throws Exception {
    new ProcessBuilder("kill", "-HUP", Long.toString(processes.get(name).pid())).start().waitFor();
  }

  private void awaitLog(String name, String text) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (!Files.readString(folder.resolve(name + ".log")).contains(text)) {
      assertTrue(System.nanoTime() < deadline, name + " did not say: " + text);
      Thread.sleep(50);
    }
  }

  @Test
  void shouldEndWithExitCode0OnSigterm() throws Exception {
    startAll(Playground.ROOT.resolve("examples/transparent.yaml"));
    for (String name : List.of("io-a", "worker-1", "switch")) {
      assertEquals(0, stop(name), name);
    }
  }

  private int stop(String name) throws InterruptedException {
    Process process = processes.remove(name);
    process.destroy();
    assertTrue(process.waitFor(20, TimeUnit.SECONDS), name + " did not end");
    return process.exitValue();
  }

  /** For every module: what it received it forwarded or dropped. */
  private void assertAccounted() throws Exception {
    double received = 0;
    double forwarded = 0;
    double dropped = 0;
    for (String name : processes.keySet()) {
      String metrics = get(name, "/q/metrics");
      received += name.startsWith("io") ? sum(metrics, "portcullis_packets_received_total") : 0;
      forwarded += name.startsWith("io") ? sum(metrics, "portcullis_packets_forwarded_total") : 0;
      dropped += sum(metrics, "portcullis_packets_dropped_total");
      if (name.startsWith("worker")) {
        assertEquals(
            sum(metrics, "portcullis_packets_received_total"),
            sum(metrics, "portcullis_packets_forwarded_total")
                + sum(metrics, "portcullis_packets_dropped_total"),
            name);
      }
    }
    assertEquals(received, forwarded + dropped);
  }

  private static double sum(String metrics, String name) {
    return metrics
        .lines()
        .filter(it -> it.startsWith(name + "{") || it.startsWith(name + " "))
        .mapToDouble(it -> Double.parseDouble(it.substring(it.lastIndexOf(' ') + 1)))
        .sum();
  }

  private void startAll(Path yaml) throws Exception {
    switchPort = freePort();
    feedPort = freePort();
    start("switch", "switch", yaml, "--listen", "127.0.0.1:" + switchPort);
    for (int i = 0; i < 3; i++) {
      start(
          "worker-" + i,
          "worker",
          yaml,
          Integer.toString(i),
          "--switch",
          "127.0.0.1:" + switchPort);
    }
    for (String name : List.of("io-a", "io-b")) {
      start(
          name,
          "io",
          yaml,
          name,
          "--switch",
          "127.0.0.1:" + switchPort,
          "--feed",
          "127.0.0.1:" + feedPort);
    }
    for (String name : List.copyOf(processes.keySet())) {
      await(name, null);
    }
  }

  private void start(String name, String service, Path yaml, String... arguments)
      throws IOException {
    int port = freePort();
    http.put(name, port);
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(
        List.of(
            "-Xmx256m",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-jar",
            Playground.ROOT
                .resolve(service + "-service/target/quarkus-app/quarkus-run.jar")
                .toString()));
    command.addAll(List.of(arguments));
    command.addAll(List.of("-f", yaml.toString(), "--plaintext", "--http", "127.0.0.1:" + port));
    processes.put(
        name,
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve(name + ".log").toFile())
            .start());
  }

  /** Waits until a module is ready, or until its metrics have a line. */
  private void await(String name, String line) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (true) {
      try {
        if (line == null
            ? get(name, "/q/health/ready").contains("\"UP\"")
            : get(name, "/q/metrics").contains(line)) {
          return;
        }
      } catch (IOException e) {
        // not there yet
      }
      if (System.nanoTime() > deadline || !processes.get(name).isAlive()) {
        throw new AssertionError(
            name + " is not ready: " + Files.readString(folder.resolve(name + ".log")));
      }
      Thread.sleep(50);
    }
  }

  private String get(String name, String path) throws IOException, InterruptedException {
    URI uri = URI.create("http://127.0.0.1:" + http.get(name) + path);
    return client
        .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
        .body();
  }

  private void replay(Path yaml, Path out, List<Path> captures) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "replay",
                "-f",
                yaml.toString(),
                "--feed",
                "127.0.0.1:" + feedPort,
                "--out",
                out.toString(),
                "--workers",
                "3"));
    arguments.add("--capture");
    captures.forEach(it -> arguments.add(it.toString()));
    Said said = Said.by(arguments.toArray(String[]::new));
    assertEquals(
        "",
        said.err().replaceAll("(?m)^\\S+: damaged after.*\\R?|^\\d+ frames\\R?", ""),
        said.toString());
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
