package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The same command gives the same files, for any number of threads. */
class ReplayDeterminismTest {

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"demo", "branch"})
  void shouldWriteTheSameFilesWithOneAndWithFourShards(String example) throws Exception {
    assertSame(
        Playground.ROOT.resolve("examples/" + example + ".yaml"),
        Playground.captures().toArray(Path[]::new));
  }

  @ParameterizedTest
  @ValueSource(strings = {"least-loaded", "expression, value: 3 * src + dst + sport"})
  void shouldDependOnThreadsUnderNoAlgorithm(String algorithm) throws Exception {
    Path yaml =
        Files.writeString(
            folder.resolve("demo.yaml"),
            Files.readString(Playground.ROOT.resolve("examples/demo.yaml"))
                .replaceFirst(
                    "(?s)distribution:.*?  io:",
                    "distribution: {algorithm: " + algorithm + "}\n  io:"));
    assertSame(
        yaml,
        Playground.capturesBelow(Playground.ROOT.resolve("examples/captures"))
            .toArray(Path[]::new));
  }

  private void assertSame(Path yaml, Path[] captures) throws Exception {
    Map<String, String> one = replayed(yaml, 1, captures);
    Map<String, String> four = replayed(yaml, 4, captures);
    assertEquals(one.keySet(), four.keySet());
    for (String file : one.keySet()) {
      List<String> expected = one.get(file).lines().toList();
      List<String> actual = four.get(file).lines().toList();
      for (int i = 0; i < Math.min(expected.size(), actual.size()); i++) {
        assertEquals(expected.get(i), actual.get(i), file + ", line " + (i + 1));
      }
      assertEquals(expected.size(), actual.size(), file);
    }
  }

  private Map<String, String> replayed(Path yaml, int shards, Path[] captures) throws Exception {
    Path out = folder.resolve("shards-" + shards);
    try (Playground gateway = new Playground(yaml, 3, shards)) {
      gateway.play(out, captures);
    }
    return contents(out);
  }

  /** The files of a replay as text, without what is of the day. */
  static Map<String, String> contents(Path out) throws Exception {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> files = Files.list(out)) {
      for (Path file : files.toList()) {
        String text =
            new String(Files.readAllBytes(file), java.nio.charset.StandardCharsets.ISO_8859_1);
        contents.put(
            file.getFileName().toString(), text.replaceAll("\"wall_clock\":\\{[^}]*}", ""));
      }
    }
    return contents;
  }
}
