package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.pcap.CaptureReader;
import dev.portcullis.io.pcap.Frame;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Fragments through a whole gateway: what the files of a replay say of them. */
class FragmentReplayTest {

  private static final Path BRANCH = Playground.ROOT.resolve("examples/branch.yaml");

  @TempDir Path folder;

  private Path branch(String algorithm) throws Exception {
    Path yaml = folder.resolve("branch.yaml");
    Files.writeString(
        yaml,
        Files.readString(BRANCH)
            .replace("algorithm: ip-sum", "algorithm: " + algorithm)
            .replace("tcp: [80, 443]", "tcp: [80, 443], udp: [53]"));
    return yaml;
  }

  private String play(Path yaml, int workers, int shards, Path... captures) throws Exception {
    Path out = folder.resolve("out");
    try (Playground gateway = new Playground(yaml, workers, shards)) {
      assertEquals(List.of(), gateway.play(out, captures));
    }
    return Files.readString(out.resolve("summary.json"));
  }

  private List<byte[]> left(String port) throws Exception {
    List<byte[]> list = new ArrayList<>();
    Frame frame = new Frame();
    try (CaptureReader reader = CaptureReader.open(folder.resolve("out/" + port + ".pcapng"))) {
      while (reader.next(frame)) {
        list.add(Arrays.copyOf(frame.bytes, frame.length));
      }
    }
    return list;
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,1,1", "ip-sum,3,2", "flow-hash,5,1", "flow-hash,3,4"})
  void shouldTranslateRequestsAndRepliesInFragments(String algorithm, int workers, int shards)
      throws Exception {
    Captures captures = new Captures();
    for (int i = 0; i < 20; i++) {
      String client = "10.1.2." + (i + 1);
      captures.udp(client, 40_000, "198.51.100.9", 53, 3000).fragmented(1480);
      captures.udp("198.51.100.9", 53, client, 40_000, 2000).fragmented(1000);
      captures.udp("198.51.100.9", 53, client, 40_000, 10);
    }
    String summary =
        play(branch(algorithm), workers, shards, captures.write(folder.resolve("in.pcap")));
    assertTrue(
        summary.contains("\"received\":140,\"forwarded\":140,\"dropped\":{},\"held\":0"), summary);
    assertTrue(summary.contains("\"not_entered\":0"), summary);
    List<byte[]> lan = left("lan");
    assertEquals(80, lan.size());
    PacketHeader h = new PacketHeader();
    for (int i = 0; i < lan.size(); i++) {
      h.parse(lan.get(i), 0, lan.get(i).length);
      assertEquals(0x0a010200L + i / 4 + 1, h.destinationLow);
      if (i % 4 == 0 || i % 4 == 3) {
        assertEquals(40_000, h.destinationPort);
      }
    }
    assertEquals(60, left("wan").size());
  }

  @Test
  void shouldKeepFilesInOrderOfFramesWhereOneWaitsForTheNextAndOneForTime() throws Exception {
    Captures captures = new Captures();
    captures.udp("10.1.2.3", 1, "198.51.100.9", 53, 2000).fragmented(1000); // 1 to 3
    captures.udp("10.1.2.3", 2, "198.51.100.9", 53, 2000).fragmented(1480);
    captures.removeLast(); // 4 of two
    for (int i = 0; i < 600; i++) {
      captures.udp("10.1.2.4", 7, "198.51.100.9", 53, 10);
    }
    String summary = play(branch("ip-sum"), 3, 1, captures.write(folder.resolve("in.pcap")));
    assertTrue(summary.contains("\"fragment-timeout\":1},\"held\":0"), summary);
    List<String> paths = Files.readAllLines(folder.resolve("out/paths.jsonl"));
    for (int i = 0; i < paths.size(); i++) {
      assertTrue(paths.get(i).startsWith("{\"n\":" + (i + 1) + ","), paths.get(i));
    }
    assertTrue(paths.get(3).contains("\"reason\":\"fragment-timeout\",\"out\":null"), paths.get(3));
    assertEquals(604, paths.size());
    assertEquals(603, left("wan").size());
  }

  @Test
  void shouldGiveTheSameFilesForEveryNumberOfShardsOnCapturesOfFragments() throws Exception {
    String shared = System.getProperty("portcullis.shared");
    List<Path> captures = new ArrayList<>();
    Captures own = new Captures();
    own.udp("10.1.2.3", 1, "198.51.100.9", 53, 3000).fragmented(1000);
    captures.add(own.write(folder.resolve("own.pcap")));
    if (shared != null) {
      try (var files = Files.list(Path.of(shared, "traffic/fragments"))) {
        files.filter(it -> it.toString().endsWith(".pcap")).sorted().forEach(captures::add);
      }
    }
    for (String algorithm : List.of("ip-sum", "flow-hash")) {
      List<byte[]> expected = new ArrayList<>();
      for (int shards : new int[] {1, 2, 4}) {
        String summary = play(branch(algorithm), 3, shards, captures.toArray(Path[]::new));
        assertTrue(summary.contains("\"held\":0"), summary);
        List<byte[]> actual = new ArrayList<>();
        for (String file : List.of("paths.jsonl", "lan.pcapng", "wan.pcapng", "eve.json")) {
          actual.add(Files.readAllBytes(folder.resolve("out/" + file)));
        }
        expected = shards == 1 ? actual : expected;
        for (int i = 0; i < actual.size(); i++) {
          assertArrayEquals(expected.get(i), actual.get(i), algorithm + ", " + shards);
        }
      }
    }
  }
}
