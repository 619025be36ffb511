package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.process.ModuleFiles;
import dev.portcullis.standalone.replay.Replay;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A policy that changes while packets flow through a whole gateway, over real links. */
class LivePolicyTest {

  private static final int FLOWS = 20;
  private static final int ROUNDS = 100;
  private static final Path BRANCH = Playground.ROOT.resolve("examples/branch.yaml");
  private static final String ALLOW = "services: [web], action: accept, log: true}";

  @TempDir Path folder;

  private Path yaml(String name, String onPolicyChange, String rule) throws Exception {
    return Files.writeString(
        folder.resolve(name),
        Files.readString(BRANCH)
            .replace(
                "services: [{name: web, tcp: [80, 443]}]", "services: [{name: web, udp: [53]}]")
            .replaceFirst("(?m)^spec:$", "spec:\n  onPolicyChange: " + onPolicyChange)
            .replace(ALLOW, rule));
  }

  /** Twenty flows that send and are answered for four seconds. */
  private Path capture() {
    Captures captures = new Captures();
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < FLOWS; i++) {
        captures
            .udp("10.1.2." + (i + 1), 40_000 + i, "198.51.100." + i, 53, 20)
            .udp("198.51.100." + i, 53, "10.1.2." + (i + 1), 40_000 + i, 20);
      }
    }
    return captures.write(folder.resolve("flows.pcap"));
  }

  private Replay playThroughAChange(String onPolicyChange, String rule) throws Exception {
    Path before = yaml("before.yaml", onPolicyChange, ALLOW);
    Path after = yaml("after.yaml", onPolicyChange, rule);
    try (Playground gateway = new Playground(before, 3, 2)) {
      Replay replay = gateway.replay(folder.resolve("out"), 1, capture());
      CompletableFuture<List<String>> end =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return replay.run();
                } catch (Exception e) {
                  throw new IllegalStateException(e);
                }
              });
      while (replay.tally().forwarded() < 10 * FLOWS && !end.isDone()) {
        Thread.sleep(5);
      }
      gateway.gateway().configure(ModuleFiles.load(List.of(after)));
      assertEquals(List.of(), end.get(60, TimeUnit.SECONDS));
      for (int i = 0; i < 3; i++) {
        assertEquals(2, epoch(gateway, "worker/" + i));
      }
      return replay;
    }
  }

  private static long epoch(Playground gateway, String module) {
    return gateway.gateway().metrics().readings().stream()
        .filter(it -> it.counter() == Counter.TABLE_EPOCH && it.labelValues().contains(module))
        .mapToLong(it -> it.value().getAsLong())
        .sum();
  }

  @Test
  void shouldEndLiveFlowsThatTheNewPolicyDoesNotAcceptUnderRematch() throws Exception {
    Replay replay = playThroughAChange("rematch", ALLOW.replace("accept", "drop"));
    assertEquals(FLOWS, replay.tally().dropped(DropReason.POLICY_CHANGED));
    assertTrue(replay.tally().dropped(DropReason.ACL) > FLOWS, "later packets open no flow");
    assertEquals(0, replay.tally().held());
  }

  @Test
  void shouldLetLiveFlowsGoOnUnderKeep() throws Exception {
    Replay replay = playThroughAChange("keep", ALLOW.replace("accept", "drop"));
    assertEquals(2L * FLOWS * ROUNDS, replay.tally().forwarded());
  }

  @Test
  void shouldLoseNothingOfFlowsThatTheNewPolicyAccepts() throws Exception {
    Replay replay =
        playThroughAChange(
            "rematch", ALLOW + "\n    - {name: no-telnet, services: [{tcp: [23]}], action: drop}");
    assertEquals(2L * FLOWS * ROUNDS, replay.tally().forwarded());
    List<String> paths = Files.readAllLines(folder.resolve("out/paths.jsonl"));
    assertTrue(paths.getLast().contains("\"verdict\":\"forward\""), paths.getLast());
  }

  @Test
  void shouldGoOnWithTheOldPolicyWhereTheChangeNeedsARestart() throws Exception {
    Path before = yaml("before.yaml", "rematch", ALLOW);
    Path after =
        Files.writeString(
            folder.resolve("after.yaml"),
            Files.readString(before)
                .replace("{to: 10.0.0.0/8, port: lan}", "{to: 10.0.0.0/9, port: lan}")
                .replace(ALLOW, ALLOW.replace("accept", "drop")));
    try (Playground gateway = new Playground(before, 3, 1)) {
      gateway.gateway().configure(ModuleFiles.load(List.of(after)));
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (epoch(gateway, "worker/0") < 2 && System.nanoTime() < deadline) {
        Thread.sleep(5);
      }
      assertEquals(2, epoch(gateway, "worker/0"));
      Replay replay = gateway.replay(folder.resolve("out"), 0, capture());
      replay.run();
      assertEquals(2L * FLOWS * ROUNDS, replay.tally().forwarded());
    }
  }
}
