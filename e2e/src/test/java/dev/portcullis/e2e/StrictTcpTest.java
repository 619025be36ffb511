package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Recorded TCP through stateful inspection that drops all that does not fit: who loses what, and
 * why.
 */
class StrictTcpTest {

  private static final Pattern REASON =
      Pattern.compile("^\\{\"n\":(\\d+),.*\"reason\":\"(midstream|out-of-state|out-of-window)\"");

  /** Captures of the folder {@code tcp} that lose frames, by number; all others lose none. */
  private static final Map<String, Map<String, String>> EXPECTED =
      Map.of(
          // frame 2 has FIN alone: no segment after a SYN is without ACK
          "tcp-fin_retransmission.pcap",
          Map.of("out-of-state", "2"),
          // the SYN-ACK was recorded before its SYN, so nobody has opened the connection; what
          // answers frames that do not come out does not enter a replay
          "tcp-handshake-reorder.pcap",
          Map.of("midstream", "1 5 6 7 8 9 13"),
          // frame 105 acknowledges 1448 bytes that the recording lost
          "tcp-reassembly.pcap",
          Map.of("out-of-window", "105"),
          // frame 2 is a forged refusal: it acknowledges the number before the SYN
          "tcp-rst-inject-rae.pcap",
          Map.of("out-of-window", "2"));

  @TempDir Path folder;

  @Test
  void shouldDropOfRecordedConnectionsOnlyWhatDoesNotFit() throws Exception {
    List<Path> captures =
        Playground.captures().stream()
            .filter(it -> it.getParent().endsWith(Path.of("traffic/tcp")))
            .toList();
    assumeTrue(!captures.isEmpty(), "the folder that portcullis.shared names is not there");
    Path strict = folder.resolve("strict.yaml");
    Files.writeString(
        strict,
        Files.readString(Playground.ROOT.resolve("examples/transparent.yaml"))
            .replaceAll("(midstream|outOfState): pass", "$1: drop"));
    try (Playground gateway = new Playground(strict, 3, 1)) {
      for (Path capture : captures) {
        gateway.play(folder.resolve("out"), capture);
        Map<String, String> lost = new TreeMap<>();
        for (String path : Files.readAllLines(folder.resolve("out/paths.jsonl"))) {
          Matcher dropped = REASON.matcher(path);
          if (dropped.find()) {
            lost.merge(dropped.group(2), dropped.group(1), (a, b) -> a + " " + b);
          }
        }
        String name = capture.getFileName().toString();
        assertEquals(EXPECTED.getOrDefault(name, Map.of()), lost, name);
      }
    }
  }
}
