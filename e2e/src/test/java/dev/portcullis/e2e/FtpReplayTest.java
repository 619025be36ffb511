package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.io.pcap.CaptureReader;
import dev.portcullis.io.pcap.Frame;
import dev.portcullis.io.pcap.LinkLayer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Recorded FTP sessions, active and passive, through whole gateways that accept nothing but
 * connections to port 21 and translate their senders.
 */
class FtpReplayTest {

  private static final Path CAPTURES = Playground.ROOT.resolve("e2e/src/test/resources/ftp");

  private static final String YAML =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: ftp}
      spec:
        workers: {replicas: 16}
        distribution: {algorithm: ALGORITHM}
        path: PATHMODE
        io:
          - {name: io-a, ports: [{name: lan, zone: lan, driver: pcap}]}
          - {name: io-b, ports: [{name: wan, zone: wan, driver: pcap}]}
        routes:
          - {to: 0.0.0.0/0, port: wan}
          - {to: 141.142.0.0/16, port: lan}
          - {to: 172.23.0.3/32, port: lan}
          - {to: "::/0", port: wan}
          - {to: "2001:470:1f11::/48", port: lan}
        policy: p
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec:
        defaultAction: drop
        rules:
          - {name: ftp, from: [lan], to: [wan], services: [{tcp: [21]}], action: accept}
        nat:
          source:
            - {name: out4, from: lan, to: wan, translateTo: {addresses: [203.0.113.10, 203.0.113.11]}}
            - {name: out6, from: lan, to: wan, translateTo: {addresses: ["2001:db8:99::a"]}}
      """;

  private static final Pattern ANNOUNCED =
      Pattern.compile(
          "PORT 203,0,113,1[01],(\\d+),(\\d+)\r\n|EPRT \\|2\\|2001:db8:99:0:0:0:0:a\\|(\\d+)\\|\r\n");

  @TempDir Path folder;

  /** One TCP packet. */
  private record Segment(
      String from, int fromPort, String to, int toPort, long sequence, int flags, String text) {

    static Segment of(byte[] p) {
      boolean v6 = p[0] >>> 4 == 6;
      int at = v6 ? 40 : (p[0] & 15) * 4;
      int end = v6 ? 40 + u16(p, 4) : u16(p, 2);
      int payload = Math.min(end, at + (p[at + 12] >>> 4 & 15) * 4);
      return new Segment(
          java.util.HexFormat.of().formatHex(p, v6 ? 8 : 12, v6 ? 24 : 16),
          u16(p, at),
          java.util.HexFormat.of().formatHex(p, v6 ? 24 : 16, v6 ? 40 : 20),
          u16(p, at + 2),
          (long) u16(p, at + 4) << 16 | u16(p, at + 6),
          p[at + 13],
          new String(p, payload, end - payload, StandardCharsets.ISO_8859_1));
    }

    boolean isControl() {
      return fromPort == 21 || toPort == 21;
    }
  }

  static Stream<Arguments> everyGateway() {
    return Stream.of("ip-sum", "flow-hash", "least-loaded")
        .flatMap(
            algorithm ->
                Stream.of(1, 3, 5, 16)
                    .map(workers -> Arguments.of(algorithm, "record", workers, workers % 3)));
  }

  @ParameterizedTest
  @MethodSource("everyGateway")
  @CsvSource({"ip-sum,recompute,3,2", "flow-hash,recompute,5,4", "flow-hash,record,5,4"})
  void shouldPassAndTranslateActiveAndPassiveSessions(
      String algorithm, String mode, int workers, int shards) throws Exception {
    List<Path> captures =
        List.of(CAPTURES.resolve("ftp-ipv4.pcap"), CAPTURES.resolve("ftp-ipv6.pcap"));
    List<String> paths = played(algorithm, mode, workers, Math.max(1, shards), captures);
    for (String path : paths) {
      assertTrue(path.contains("\"verdict\":\"forward\""), path);
    }
    // two transfers with PORT, two with EPRT
    assertEquals(4, announcedAndOpened());
    numbersAreWhole();
    repliesAreRestored(captures, paths);
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,5", "flow-hash,5"})
  void shouldPassAndTranslateTheSessionsOfOtherTestSuites(String algorithm, int workers)
      throws Exception {
    String shared = System.getProperty("portcullis.shared");
    Assumptions.assumeTrue(shared != null, "the folder is not there");
    List<Path> captures = new ArrayList<>();
    for (String name :
        List.of("download-active", "download-passive", "upload-active", "upload-passive")) {
      captures.add(Path.of(shared, "conformance/suricata/ftp__ftp-" + name + "/input.pcap"));
    }
    List<String> paths = played(algorithm, "record", workers, 2, captures);
    for (String path : paths) {
      assertTrue(path.contains("\"verdict\":\"forward\""), path);
    }
    assertEquals(6, announcedAndOpened());
    numbersAreWhole();
    repliesAreRestored(captures, paths);
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,3", "flow-hash,5", "least-loaded,3"})
  void shouldWriteTheSameFilesForEveryNumberOfShards(String algorithm, int workers)
      throws Exception {
    List<Path> captures =
        List.of(CAPTURES.resolve("ftp-ipv4.pcap"), CAPTURES.resolve("ftp-ipv6.pcap"));
    played(algorithm, "record", workers, 1, captures);
    var one = ReplayDeterminismTest.contents(folder.resolve("out"));
    played(algorithm, "record", workers, 4, captures);
    assertEquals(one, ReplayDeterminismTest.contents(folder.resolve("out")));
  }

  private List<String> played(
      String algorithm, String mode, int workers, int shards, List<Path> captures)
      throws Exception {
    Path yaml = folder.resolve("gateway.yaml");
    Files.writeString(yaml, YAML.replace("ALGORITHM", algorithm).replace("PATHMODE", mode));
    try (Playground gateway = new Playground(yaml, workers, shards)) {
      gateway.play(folder.resolve("out"), captures.toArray(Path[]::new));
    }
    return Files.readAllLines(folder.resolve("out/paths.jsonl"));
  }

  /** Counts what the server was told of, and checks that the client answers from there. */
  private int announcedAndOpened() throws Exception {
    int announced = 0;
    List<Segment> wan = segments(packets(folder.resolve("out/wan.pcapng")));
    for (int i = 0; i < wan.size(); i++) {
      Matcher line = ANNOUNCED.matcher(wan.get(i).text);
      if (line.matches()) {
        announced++;
        int port =
            line.group(3) != null
                ? Integer.parseInt(line.group(3))
                : Integer.parseInt(line.group(1)) * 256 + Integer.parseInt(line.group(2));
        Segment control = wan.get(i);
        assertTrue(
            wan.subList(i, wan.size()).stream()
                .anyMatch(
                    it ->
                        it.fromPort == port
                            && it.from.equals(control.from)
                            && it.to.equals(control.to)
                            && (it.flags & 0x12) == 0x12),
            "nobody answers at port " + port);
      } else if (wan.get(i).isControl()) {
        assertTrue(!wan.get(i).text.startsWith("PORT") && !wan.get(i).text.startsWith("EPRT"));
      }
    }
    return announced;
  }

  /** In what a server reads of a control connection no number is missing. */
  private void numbersAreWhole() throws Exception {
    Map<String, Long> next = new HashMap<>();
    for (Segment it : segments(packets(folder.resolve("out/wan.pcapng")))) {
      if (it.isControl()) {
        String flow = it.from + it.fromPort + it.to;
        long end = it.sequence + it.text.length() + ((it.flags & 3) != 0 ? 1 : 0) & 0xffff_ffffL;
        Long expected = next.get(flow);
        if (expected != null && end > expected) {
          assertEquals(expected, it.sequence, it.toString());
        }
        next.merge(flow, end, Math::max);
      }
    }
  }

  /** What a client gets is what was recorded, a hop further: addresses, numbers, everything. */
  private void repliesAreRestored(List<Path> captures, List<String> paths) throws Exception {
    List<byte[]> recorded = new ArrayList<>();
    for (Path it : captures) {
      recorded.addAll(packets(it));
    }
    List<byte[]> lan = packets(folder.resolve("out/lan.pcapng"));
    int next = 0;
    for (String path : paths) {
      if (path.contains("\"out\":\"lan\"")) {
        int n = Integer.parseInt(path.substring(path.indexOf(':') + 1, path.indexOf(',')));
        byte[] was = recorded.get(n - 1);
        byte[] is = lan.get(next++);
        assertArrayEquals(withoutHop(was), withoutHop(is), path);
      }
    }
    assertEquals(lan.size(), next);
    assertTrue(next > 50, next + " replies");
  }

  private static byte[] withoutHop(byte[] packet) {
    boolean v6 = packet[0] >>> 4 == 6;
    byte[] p = Arrays.copyOf(packet, v6 ? 40 + u16(packet, 4) : u16(packet, 2));
    p[v6 ? 7 : 8] = 0;
    if (!v6) {
      p[10] = 0;
      p[11] = 0;
    }
    return p;
  }

  private static List<Segment> segments(List<byte[]> packets) {
    return packets.stream().map(Segment::of).toList();
  }

  private static List<byte[]> packets(Path file) throws Exception {
    List<byte[]> packets = new ArrayList<>();
    Frame frame = new Frame();
    LinkLayer link = new LinkLayer();
    try (CaptureReader reader = CaptureReader.open(file)) {
      while (reader.next(frame)) {
        link.parse(frame);
        packets.add(Arrays.copyOfRange(frame.bytes, link.ip ? link.l2Length : 0, frame.length));
      }
    }
    return packets;
  }

  private static int u16(byte[] b, int at) {
    return (b[at] & 255) << 8 | b[at + 1] & 255;
  }
}
