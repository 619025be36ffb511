package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
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

  @Test
  void shouldWriteTheSameFilesWhereWorkersAreLinkedWithEachOther() throws Exception {
    Path relayed = Playground.ROOT.resolve("examples/demo.yaml");
    Path linked =
        Files.writeString(
            folder.resolve("mesh.yaml"),
            Files.readString(relayed).replaceFirst("\n  io:", "\n  switch: {mode: mesh}\n  io:"));
    Path[] captures =
        Playground.capturesBelow(Playground.ROOT.resolve("examples/captures")).toArray(Path[]::new);
    assertSame(replayed(relayed, 2, captures), replayed(linked, 2, captures));
  }

  @Test
  void shouldEndFlowsByTimeAloneWhateverElseBegins() throws Exception {
    String client = "10.1.1.1";
    String server = "198.51.100.7";
    int flows = 40;
    Captures connections = new Captures();
    Captures late = new Captures();
    for (int port = 2000; port < 2000 + flows; port++) {
      connections.tcpConversation(client, port, server, 80);
      late.tcp(server, 80, client, port, Captures.FIN | Captures.ACK, 2001, 1002);
    }
    Captures anHourLater = new Captures().later(3600).syn(client, 3000, server, 80);
    try (Playground gateway =
        new Playground(Playground.ROOT.resolve("examples/branch.yaml"), 1, 4)) {
      gateway.play(
          folder.resolve("out"),
          connections.write(folder.resolve("connections.pcap")),
          anHourLater.write(folder.resolve("later.pcap")),
          late.write(folder.resolve("late.pcap")));
    }
    List<String> lines = Files.readAllLines(folder.resolve("out/paths.jsonl"));
    int before = connections.size() + anHourLater.size();
    assertEquals(before + flows, lines.size());
    for (String line : lines.subList(before, lines.size())) {
      assertTrue(line.contains("\"reason\":\"acl-default\""), line);
    }
  }

  private void assertSame(Path yaml, Path[] captures) throws Exception {
    assertSame(replayed(yaml, 1, captures), replayed(yaml, 4, captures));
  }

  private static void assertSame(Map<String, String> one, Map<String, String> four) {
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
      gateway.accounts().assertBalanced(yaml + " with " + shards + " shards");
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
