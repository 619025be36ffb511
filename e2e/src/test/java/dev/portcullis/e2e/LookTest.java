package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Flows that move to the pool of the class that they look like: nobody outside notices. */
class LookTest {

  private static final String CLASSES =
      "[{name: web, pool: web, tcp: [80], detect: http}, {name: secure, pool: web, detect: tls},"
          + " {name: shell, pool: web, detect: ssh}, {name: mail, pool: mail, detect: smtp},"
          + " {name: box, pool: mail, detect: imap}, {name: post, pool: mail, detect: pop3}]";

  @TempDir Path folder;

  /**
   * Writes a gateway that translates all flows of IPv4, with two pools besides {@code default}; it
   * looks, or has the same pools for nothing.
   */
  static Path looking(Path folder, String algorithm, boolean looks) throws Exception {
    String classes = looks ? CLASSES : "[{name: web, pool: web, tcp: [80]}]";
    return Files.writeString(
        folder.resolve("gateway-" + looks + ".yaml"),
        """
        apiVersion: portcullis.dev/v1alpha1
        kind: PacketGateway
        metadata: {name: look}
        spec:
          pools: [{name: web, base: 20, replicas: 2}, {name: mail, base: 30}]
          distribution: {algorithm: ALGORITHM, classes: CLASSES}
          io:
            - {name: io-a, ports: [{name: lan, zone: lan, driver: pcap}]}
            - {name: io-b, ports: [{name: wan, zone: wan, driver: pcap}]}
          routes:
            - {to: 0.0.0.0/0, port: wan}
            - {to: "::/0", port: wan}
          policy: p
        ---
        apiVersion: portcullis.dev/v1alpha1
        kind: GatewayPolicy
        metadata: {name: p}
        spec:
          defaultAction: drop
          rules: [{name: out, from: [lan], action: accept}]
          nat:
            source: [{name: out, from: lan, to: wan, source: [0.0.0.0/0], translateTo: {addresses: [203.0.113.10, 203.0.113.11], ports: 1024-65535}}]
        """
            .replace("ALGORITHM", algorithm)
            .replace("CLASSES", classes));
  }

  /**
   * Plays captures one by one through two gateways and compares what they leave.
   *
   * @param alike what is to be the same in a line about a packet
   * @return how many packets belonged to flows that had moved
   */
  private int compare(
      Playground one, Playground two, List<Path> captures, UnaryOperator<String> alike)
      throws Exception {
    int moved = 0;
    for (Path capture : captures) {
      one.play(folder.resolve("one"), capture);
      two.play(folder.resolve("two"), capture);
      one.accounts().assertBalanced(capture.toString());
      List<String> first = Files.readAllLines(folder.resolve("one/paths.jsonl"));
      List<String> second = Files.readAllLines(folder.resolve("two/paths.jsonl"));
      assertEquals(second.size(), first.size(), capture.toString());
      for (int i = 0; i < first.size(); i++) {
        String line = first.get(i);
        assertEquals(alike.apply(second.get(i)), alike.apply(line), capture + ": " + line);
        moved += line.contains("\"class:") ? 1 : 0;
      }
      for (String port : List.of("lan.pcapng", "wan.pcapng")) {
        byte[] expected = Files.readAllBytes(folder.resolve("two").resolve(port));
        byte[] left = Files.readAllBytes(folder.resolve("one").resolve(port));
        assertArrayEquals(expected, left, capture + ", " + port);
      }
    }
    return moved;
  }

  @ParameterizedTest
  @CsvSource({
    "ip-sum,1,4", "ip-sum,3,1", "ip-sum,5,2", "ip-sum,16,1",
    "flow-hash,1,1", "flow-hash,3,2", "flow-hash,5,4", "flow-hash,16,2"
  })
  void shouldPutOutWhatAGatewayDoesThatDoesNotLook(String algorithm, int workers, int shards)
      throws Exception {
    List<Path> captures = Playground.some(120);
    try (Playground looks = new Playground(looking(folder, algorithm, true), workers, shards);
        Playground blind = new Playground(looking(folder, algorithm, false), workers, shards)) {
      int moved =
          compare(looks, blind, captures, it -> it.replaceFirst("\"hops\":.*],\"verdict\"", ""));
      assertTrue(moved > 50, moved + " packets of flows that have moved");
    }
  }

  @Test
  void shouldTakeTheSameWaysWithOneAndWithFourShards() throws Exception {
    Path yaml = looking(folder, "flow-hash", true);
    try (Playground one = new Playground(yaml, 3, 1);
        Playground four = new Playground(yaml, 3, 4)) {
      assertTrue(compare(one, four, Playground.some(200), it -> it) > 100);
    }
  }

  @Test
  void shouldPassCapturesByteForByteThroughAnInlinePairThatLooks() throws Exception {
    Path yaml =
        Files.writeString(
            folder.resolve("gateway.yaml"),
            Files.readString(Playground.ROOT.resolve("examples/transparent.yaml"))
                .replace(
                    "  io:",
                    "  pools: [{name: web, base: 20, replicas: 2}, {name: mail, base: 30}]\n"
                        + "  distribution: {algorithm: ip-source, classes: "
                        + CLASSES
                        + "}\n  io:"));
    try (Playground gateway = new Playground(yaml, 5, 2)) {
      for (Path capture : Playground.some(60)) {
        gateway.play(folder, capture);
        SameBytes.assertLeft(folder, capture);
      }
    }
  }
}
