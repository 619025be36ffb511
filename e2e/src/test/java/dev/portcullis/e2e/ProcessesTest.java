package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.process.FlowPage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two IO modules, three workers and a switch as processes of their own. */
class ProcessesTest {

  /**
   * They count what does not happen in every gateway: drops are shown from the first of a kind,
   * events where there is a log.
   */
  private static final Set<Counter> CONDITIONAL =
      Set.of(Counter.PACKETS_DROPPED, Counter.EVENTS_WRITTEN, Counter.EVENTS_LOST);

  @TempDir Path folder;
  private ModuleProcesses modules;
  private int switchPort;
  private int feedPort;

  @BeforeEach
  void open() throws Exception {
    modules = new ModuleProcesses(folder);
    switchPort = ModuleProcesses.freePort();
    feedPort = ModuleProcesses.freePort();
  }

  @AfterEach
  void endProcesses() throws InterruptedException {
    modules.close();
  }

  @Test
  void shouldWriteTheSameFilesAsTheEmbeddedGatewayAndShowEveryCounter() throws Exception {
    Path yaml = example("demo");
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
    modules.awaitBalance("demo");
    Set<String> missing = new TreeSet<>();
    for (Counter counter : Counter.values()) {
      if (!CONDITIONAL.contains(counter) && !counter.metric().startsWith("portcullis_operator_")) {
        boolean isHistogram = counter.type() == Counter.Type.HISTOGRAM;
        missing.add(counter.metric() + (isHistogram ? "_bucket" : ""));
      }
    }
    missing.removeAll(modules.accounts().metrics());
    assertEquals(Set.of(), missing);
    // all flows ended with time
    assertEquals("{\"flows\":[],\"more\":false}\n", modules.get("worker-0", FlowPage.PATH));
    assertEquals(
        "proto is \"x\"; allowed is a name such as tcp or a number to 255\n",
        modules.get("worker-0", FlowPage.PATH + "?proto=x"));
  }

  @Test
  void shouldPassTwentyCapturesByteForByteAndGoOnWhileTheSwitchIsAway() throws Exception {
    Path yaml = example("transparent");
    startAll(yaml);
    for (Path capture : Playground.some(20)) {
      Path out = folder.resolve("out");
      replay(yaml, out, List.of(capture));
      SameBytes.assertLeft(out, capture);
      modules.awaitBalance(capture.toString());
    }
    List<Path> capture = List.of(Playground.captures().getFirst());
    modules.stop("switch");
    replay(yaml, folder.resolve("without"), capture);
    modules.start("switch", "switch", common(yaml, "--listen", "127.0.0.1:" + switchPort));
    modules.awaitMetric("switch", "portcullis_management_attached 5.0");
    replay(yaml, folder.resolve("again"), capture);
    for (String file : List.of("lan.pcapng", "wan.pcapng")) {
      assertEquals(
          ReplayDeterminismTest.contents(folder.resolve("without")).get(file),
          ReplayDeterminismTest.contents(folder.resolve("again")).get(file));
    }
    for (String name : List.of("io-a", "worker-1", "switch")) {
      assertEquals(0, modules.stop(name), name + " was asked to stop");
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
    modules.hangUp("switch");
    awaitLog("switch", "the old configuration stays in use");
    String log = Files.readString(modules.log("switch"));
    assertTrue(log.contains("spec.defaultAction: \"acept\" is not known"), log);
    assertTrue(log.contains("spec.rules[0].nam: unknown key"), log);
    replay(yamlOf(text), folder.resolve("before"), capture);
    assertEquals(1, frames("before", "forward"));
    Files.writeString(yaml, text.replace("accept}", "drop}"));
    modules.hangUp("switch");
    for (int i = 0; i < 3; i++) {
      modules.awaitMetric("worker-" + i, "portcullis_table_epoch{module=\"worker/" + i + "\"} 2.0");
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

  private void awaitLog(String name, String text) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!Files.readString(modules.log(name)).contains(text)) {
      assertTrue(System.nanoTime() < deadline, name + " did not say: " + text);
      Thread.sleep(50);
    }
  }

  private static Path example(String name) {
    return Playground.ROOT.resolve("examples/" + name + ".yaml");
  }

  private static String[] common(Path yaml, String... more) {
    List<String> all = new ArrayList<>(List.of(more));
    all.addAll(List.of("-f", yaml.toString(), "--plaintext"));
    return all.toArray(String[]::new);
  }

  private void startAll(Path yaml) throws Exception {
    String relay = "127.0.0.1:" + switchPort;
    modules.start("switch", "switch", common(yaml, "--listen", relay));
    for (int i = 0; i < 3; i++) {
      modules.start("worker-" + i, "worker", common(yaml, Integer.toString(i), "--switch", relay));
    }
    for (String name : List.of("io-a", "io-b")) {
      modules.start(
          name, "io", common(yaml, name, "--switch", relay, "--feed", "127.0.0.1:" + feedPort));
    }
    modules.awaitReady();
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
}
