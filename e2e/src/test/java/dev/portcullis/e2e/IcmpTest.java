package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

/** ICMP through a whole gateway: errors of routers on the way, and what the gateway says itself. */
class IcmpTest {

  private static final Path BRANCH = Playground.ROOT.resolve("examples/branch.yaml");
  private static final int CLIENTS = 12;

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "1,1,ip-sum,record",
    "3,1,ip-sum,record",
    "5,1,flow-hash,record",
    "5,4,flow-hash,recompute",
    "16,1,flow-hash,record",
    "3,4,ip-sum,recompute"
  })
  void shouldRestoreTheQuoteOfARouterOnTheWay(
      int workers, int shards, String algorithm, String mode) throws Exception {
    Captures captures = new Captures();
    for (int i = 0; i < CLIENTS; i++) {
      captures.syn("10.1.2." + (i + 1), 40_000 + i, "198.51.100." + i, 443);
    }
    for (int i = 0; i < CLIENTS; i++) {
      captures.error("192.0.2.33", 11, 0, i);
    }
    List<String> paths = play(yaml(algorithm, mode), workers, shards, captures);
    for (String path : paths) {
      assertTrue(path.contains("\"verdict\":\"forward\""), path);
    }
    assertTrue(paths.getLast().contains("\"port\":\"wan\""), paths.getLast());
    assertTrue(paths.getLast().contains("\"related\""), paths.getLast());
    List<byte[]> lan = frames("lan");
    assertEquals(CLIENTS, lan.size());
    for (int i = 0; i < CLIENTS; i++) {
      assertArrayEquals(oneHopLess(captures.packet(CLIENTS + i)), lan.get(i), "error " + i);
    }
  }

  @Test
  void shouldAnswerInTheNameOfTheFrameThatCausedIt() throws Exception {
    Captures captures =
        new Captures()
            .syn("10.1.2.1", 40_000, "198.51.100.1", 443)
            .withTtl(1)
            .echo("10.1.2.1", "10.0.0.1", true, 77)
            .echo("10.1.2.1", "203.0.113.1", true, 78)
            .syn("10.1.2.1", 40_001, "198.51.100.1", 443);
    List<String> paths = play(BRANCH, 3, 2, captures);
    assertTrue(
        paths.get(0).contains("\"answer\"]}],\"verdict\":\"drop\",\"reason\":\"ttl-expired\""),
        paths.get(0));
    assertTrue(paths.get(1).contains("\"reason\":\"to-gateway\""), paths.get(1));
    assertTrue(paths.get(3).contains("\"out\":\"wan\""), paths.get(3));
    List<byte[]> lan = frames("lan");
    assertEquals(3, lan.size());
    assertEquals(11, lan.get(0)[20]);
    assertArrayEquals(captures.packet(0), Arrays.copyOfRange(lan.get(0), 28, 68));
    assertEquals(0, lan.get(1)[20]);
    assertEquals("10.0.0.1", sender(lan.get(1)));
    assertEquals("203.0.113.1", sender(lan.get(2)));
    assertEquals(1, frames("wan").size());
    String summary = Files.readString(folder.resolve("out/summary.json"));
    assertTrue(
        summary.contains("\"forwarded\":1,\"dropped\":{\"ttl-expired\":1,\"to-gateway\":2}"),
        summary);
    assertTrue(summary.contains("\"held\":0"), summary);
    assertTrue(summary.contains("\"originated\":3"), summary);
  }

  @Test
  void shouldWriteTheSameAnswersAndErrorsWithOneAndWithFourShards() throws Exception {
    Captures captures = new Captures();
    for (int i = 0; i < 200; i++) {
      String client = "10.1.3." + (1 + i % 100);
      captures.syn(client, 40_000 + i, "198.51.100." + i % 7, 443);
      int sent = captures.size() - 1;
      if (i % 3 == 0) {
        captures.error("192.0.2.33", 11, 0, sent);
      }
      captures.syn(client, 50_000 + i, "198.51.100." + i % 7, 80).withTtl(1);
      captures.echo(client, "10.0.0.1", true, i);
    }
    play(BRANCH, 3, 1, captures);
    var one = ReplayDeterminismTest.contents(folder.resolve("out"));
    play(BRANCH, 3, 4, captures);
    assertEquals(one, ReplayDeterminismTest.contents(folder.resolve("out")));
    play(BRANCH, 3, 4, captures);
    assertEquals(one, ReplayDeterminismTest.contents(folder.resolve("out")));
  }

  private Path yaml(String algorithm, String mode) throws Exception {
    Path yaml = folder.resolve("gateway.yaml");
    Files.writeString(
        yaml,
        Files.readString(BRANCH)
            .replace("algorithm: ip-sum", "algorithm: " + algorithm)
            .replaceFirst("(?m)^spec:$", "spec:\n  path: " + mode));
    return yaml;
  }

  private List<String> play(Path yaml, int workers, int shards, Captures captures)
      throws Exception {
    Path capture = captures.write(folder.resolve("in.pcap"));
    try (Playground gateway = new Playground(yaml, workers, shards)) {
      gateway.play(folder.resolve("out"), capture);
    }
    return Files.readAllLines(folder.resolve("out/paths.jsonl"));
  }

  private List<byte[]> frames(String port) throws Exception {
    List<byte[]> frames = new ArrayList<>();
    Frame frame = new Frame();
    try (CaptureReader reader = CaptureReader.open(folder.resolve("out/" + port + ".pcapng"))) {
      while (reader.next(frame)) {
        frames.add(Arrays.copyOf(frame.bytes, frame.length));
      }
    }
    return frames;
  }

  private static String sender(byte[] p) {
    return (p[12] & 255) + "." + (p[13] & 255) + "." + (p[14] & 255) + "." + (p[15] & 255);
  }

  /** What a router does: TTL one less; the checksum follows, one byte higher (RFC 1141). */
  private static byte[] oneHopLess(byte[] packet) {
    packet[8]--;
    int sum = ((packet[10] & 255) << 8 | packet[11] & 255) + 0x100;
    sum = (sum & 0xffff) + (sum >>> 16);
    packet[10] = (byte) (sum >>> 8);
    packet[11] = (byte) sum;
    return packet;
  }
}
