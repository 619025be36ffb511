package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A replay in which the number of workers changes is one of a single worker. */
class ScaleReplayTest {

  private static final Pattern VERDICT =
      Pattern.compile("\\{\"n\":(\\d+),\"port\":\"(.*?)\".*\"verdict\":\"(.*?)\"");
  private static final Pattern MOVED = Pattern.compile("\"flows_moved\":(\\d+)");
  private static final Pattern BROKEN = Pattern.compile("\"flows_broken\":(\\d+)");

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"ip-sum,1", "ip-sum,2", "flow-hash,1", "flow-hash,2"})
  void shouldGiveEveryPacketTheVerdictThatOneWorkerGives(String algorithm, int shards)
      throws Exception {
    String yaml = Files.readString(Playground.ROOT.resolve("e2e/src/test/resources/nat.yaml"));
    Path file = folder.resolve("gateway.yaml");
    Files.writeString(file, yaml.replaceFirst("algorithm: [-a-z]+", "algorithm: " + algorithm));
    List<String> alone = replay(file, "alone", "--workers", "1");
    long seed = System.nanoTime();
    List<String> scaled = replay(file, "scaled", schedule(seed, alone.size(), shards));
    for (int i = 0; i < alone.size(); i++) {
      assertEquals(alone.get(i), scaled.get(i), "seed " + seed);
    }
    assertEquals(alone.size(), scaled.size(), "seed " + seed);
    assertTrue(sum(MOVED) > 20, sum(MOVED) + " flows moved, seed " + seed);
    assertEquals(0, sum(BROKEN), "seed " + seed);
  }

  @Test
  void shouldLetTheSameBytesOutOfATransparentGateway() throws Exception {
    Path file = Playground.ROOT.resolve("examples/transparent.yaml");
    List<String> alone = replay(file, "alone", "--workers", "1");
    long seed = System.nanoTime();
    replay(file, "scaled", schedule(seed, alone.size(), 2));
    for (String port : List.of("lan.pcapng", "wan.pcapng")) {
      assertEquals(
          -1,
          Files.mismatch(
              folder.resolve("alone").resolve(port), folder.resolve("scaled").resolve(port)),
          port + ", seed " + seed);
    }
    assertEquals(0, sum(BROKEN), "seed " + seed);
  }

  /** Ten changes to one to seven workers at random packets. */
  private static String[] schedule(long seed, int packets, int shards) {
    Random random = new Random(seed);
    List<String> arguments = new ArrayList<>(List.of("--workers", "3", "--shards", "" + shards));
    for (int i = 0; i < 10; i++) {
      arguments.add("--scale");
      arguments.add(1 + random.nextInt(packets) + ":" + (1 + random.nextInt(7)));
    }
    return arguments.toArray(String[]::new);
  }

  /** Returns frame, port of entry and verdict of every frame. */
  private List<String> replay(Path file, String name, String... more) throws IOException {
    Path out = folder.resolve(name);
    List<String> arguments = new ArrayList<>(List.of("replay", "-f", file.toString()));
    arguments.addAll(List.of("--out", out.toString(), "--capture"));
    captures().map(Path::toString).forEach(arguments::add);
    arguments.addAll(List.of(more));
    Said said = Said.by(arguments.toArray(String[]::new));
    assertTrue(said.exitCode() <= 1, said.err());
    List<String> verdicts = new ArrayList<>();
    for (String line : Files.readAllLines(out.resolve("paths.jsonl"))) {
      Matcher matcher = VERDICT.matcher(line);
      assertTrue(matcher.find(), line);
      verdicts.add(matcher.group(1) + " " + matcher.group(2) + " " + matcher.group(3));
    }
    return verdicts;
  }

  /** Captures without FTP and without fragments that wait: those stay where they are. */
  private static Stream<Path> captures() throws IOException {
    return Playground.some(60).stream()
        .filter(it -> !it.toString().contains("ftp") && !it.toString().contains("frag"));
  }

  private long sum(Pattern pattern) throws IOException {
    String summary = Files.readString(folder.resolve("scaled/summary.json"));
    return pattern.matcher(summary).results().mapToLong(it -> Long.parseLong(it.group(1))).sum();
  }
}
