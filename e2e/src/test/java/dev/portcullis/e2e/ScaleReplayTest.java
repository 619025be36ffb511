package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A replay in which the number of workers changes and workers are killed is one of a single worker
 * that nothing befalls. {@code -Dportcullis.schedules=20} plays all captures under so many random
 * schedules of twenty changes and kills, with replicas, for each kind of gateway; without it some
 * captures under one of twelve changes. Seeds are printed; {@code -Dportcullis.seed} plays one
 * again.
 */
class ScaleReplayTest {

  private static final int SCHEDULES = Integer.getInteger("portcullis.schedules", 0);
  private static final int INCIDENTS = SCHEDULES == 0 ? 12 : 20;
  private static final int SOME = 60;
  private static final int MOST_WORKERS = 7;

  private static final Pattern VERDICT =
      Pattern.compile("\\{\"n\":(\\d+),\"port\":\"(.*?)\".*\"verdict\":(\".*?\",\"reason\":.*?),");
  private static final Pattern MOVED = Pattern.compile("\"flows_moved\":(\\d+)");
  private static final Pattern BROKEN = Pattern.compile("\"flows_broken\":(\\d+)");
  private static final Pattern KILLED = Pattern.compile("\"killed\":(\\d+)");

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"ip-sum, 1", "ip-sum, 2", "flow-hash, 1", "flow-hash, 2"})
  void shouldTranslateEveryPacketAsOneWorkerWouldUpToWhichPortThatIs(String algorithm, int shards)
      throws Exception {
    String yaml = Files.readString(Playground.ROOT.resolve("e2e/src/test/resources/nat.yaml"));
    Path file =
        Files.writeString(
            folder.resolve("gateway.yaml"),
            replicated(yaml)
                .replaceFirst("algorithm: [-a-z]+", "algorithm: " + algorithm)
                .replaceAll("driver: pcap", "driver: pcap, mtu: 65535"));
    List<Path> captures = captures();
    List<String> alone = replay(file, captures, "alone", "--workers", "1");
    for (long seed : seeds()) {
      String what = algorithm + " S=" + shards + " seed " + seed;
      List<String> changed = replay(file, captures, "changed", schedule(seed, alone, shards));
      for (int i = 0; i < alone.size(); i++) {
        assertEquals(alone.get(i), changed.get(i), what);
      }
      assertEquals(alone.size(), changed.size(), what);
      NatChecker checker =
          new NatChecker(Set.of("cb00710a", "cb00710b", "20010db800990000000000000000000a"));
      TranslatedReplay.check(folder.resolve("changed"), captures, checker, (in, line, it) -> {});
      assertEquals(List.of(), checker.faults().stream().limit(20).toList(), what);
      assertNothingBroke(what);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void shouldLetTheSameBytesOutOfATransparentGateway(int shards) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("gateway.yaml"),
            replicated(Files.readString(Playground.ROOT.resolve("examples/transparent.yaml"))));
    List<Path> captures = captures();
    List<String> alone = replay(file, captures, "alone", "--workers", "1");
    for (long seed : seeds()) {
      String what = "transparent S=" + shards + " seed " + seed;
      replay(file, captures, "changed", schedule(seed, alone, shards));
      for (String port : List.of("lan.pcapng", "wan.pcapng")) {
        Path one = folder.resolve("alone").resolve(port);
        Path other = folder.resolve("changed").resolve(port);
        assertEquals(-1, Files.mismatch(one, other), port + ", " + what);
      }
      assertNothingBroke(what);
    }
  }

  @Test
  void shouldGoOnWithAllThatKilledWorkersHadWhereTheirGuardiansHaveIt() throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("gateway.yaml"),
            synchronous(
                Files.readString(Playground.ROOT.resolve("e2e/src/test/resources/nat.yaml"))));
    List<Path> captures = Playground.some(20);
    List<String> alone = replay(file, captures, "alone", "--workers", "1");
    int third = alone.size() / 3;
    String first = third + ":1";
    String second = 2 * third + ":0";
    List<String> killed =
        replay(file, captures, "changed", "--workers", "3", "--kill", first, "--kill", second);
    assertEquals(alone, killed);
    assertEquals(2, count(KILLED));
    assertNothingBroke(summary());
  }

  /** Without a replica a worker takes its flows along, and {@code summary.json} says how many. */
  @Test
  void shouldCountTheFlowsThatBreakWhereAKilledWorkerHasNoReplica() throws Exception {
    Path file = Playground.ROOT.resolve("e2e/src/test/resources/nat.yaml");
    List<Path> captures = Playground.some(20);
    int middle = replay(file, captures, "alone", "--workers", "1").size() / 2;
    replay(file, captures, "changed", "--workers", "1", "--kill", middle + ":0");
    assertEquals(1, count(KILLED));
    assertEquals(0, sum(MOVED));
    assertTrue(sum(BROKEN) > 0, summary());
  }

  private static String replicated(String yaml) {
    return SCHEDULES == 0 ? yaml : synchronous(yaml);
  }

  private static String synchronous(String yaml) {
    return yaml.replaceFirst("(?m)^  workers:", "  replication: sync\n  workers:");
  }

  private static long[] seeds() {
    Long one = Long.getLong("portcullis.seed");
    return one == null
        ? new Random().longs(Math.max(1, SCHEDULES), 0, 1L << 40).toArray()
        : new long[] {one};
  }

  /**
   * Changes to one to seven workers, and workers that are killed. They are killed where all seven
   * take part: a guest whose place another worker is to take may not leave (docs/elasticity.md).
   */
  private static String[] schedule(long seed, List<String> packets, int shards) {
    Random random = new Random(seed);
    List<String> arguments = new ArrayList<>(List.of("--workers", "3", "--shards", "" + shards));
    for (int at : random.ints(INCIDENTS, 1, packets.size() + 1).sorted().distinct().toArray()) {
      boolean isKill = SCHEDULES > 0 && random.nextInt(3) == 0;
      int workers = isKill ? MOST_WORKERS : 1 + random.nextInt(MOST_WORKERS);
      arguments.addAll(List.of("--scale", at + ":" + workers));
      if (isKill) {
        arguments.addAll(List.of("--kill", at + ":" + random.nextInt(workers)));
      }
    }
    System.out.println("seed " + seed + ": " + String.join(" ", arguments));
    return arguments.toArray(String[]::new);
  }

  /** Returns frame, port of entry, verdict and reason of every frame. */
  private List<String> replay(Path file, List<Path> captures, String name, String... more)
      throws IOException {
    Path out = folder.resolve(name);
    List<String> arguments = new ArrayList<>(List.of("replay", "-f", file.toString()));
    arguments.addAll(List.of("--out", out.toString(), "--capture"));
    captures.stream().map(Path::toString).forEach(arguments::add);
    arguments.addAll(Arrays.asList(more));
    Said said = Said.by(arguments.toArray(String[]::new));
    assertTrue(said.exitCode() <= 1 && Files.exists(out.resolve("summary.json")), said.err());
    List<String> verdicts = new ArrayList<>();
    for (String line : Files.readAllLines(out.resolve("paths.jsonl"))) {
      Matcher matcher = VERDICT.matcher(line);
      assertTrue(matcher.find(), line);
      verdicts.add(matcher.group(1) + " " + matcher.group(2) + " " + matcher.group(3));
    }
    return verdicts;
  }

  /** Captures without fragments that wait: those stay where they are. In every build some. */
  private static List<Path> captures() throws IOException {
    return SCHEDULES > 0
        ? TranslatedReplay.withoutFragments()
        : Playground.some(SOME).stream().filter(it -> !it.toString().contains("frag")).toList();
  }

  private void assertNothingBroke(String what) throws IOException {
    assertEquals(0, sum(BROKEN), () -> what + ": " + summary());
    assertTrue(sum(MOVED) > 0, () -> what + ": " + summary());
  }

  private String summary() {
    try {
      return Files.readString(folder.resolve("changed/summary.json"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  private long sum(Pattern pattern) {
    return pattern.matcher(summary()).results().mapToLong(it -> Long.parseLong(it.group(1))).sum();
  }

  private long count(Pattern pattern) {
    return pattern.matcher(summary()).results().count();
  }
}
