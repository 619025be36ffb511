package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.io.pcap.CaptureReader;
import dev.portcullis.io.pcap.Frame;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What {@code examples/transparent.yaml} promises: what goes in comes out byte for byte, in order,
 * for every N.
 */
class TransparencyTest {

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 16})
  void shouldPassEveryCaptureByteForByte(int workers) throws Exception {
    List<Path> captures = Playground.captures();
    assertFalse(captures.isEmpty());
    try (Playground gateway =
        new Playground(Playground.ROOT.resolve("examples/transparent.yaml"), workers, 1)) {
      for (Path capture : captures) {
        gateway.play(folder, capture);
        compare(capture);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"least-loaded", "expression, value: 3 * src + dst + sport"})
  void shouldPassByteForByteUnderAlgorithmsThatTakeSecondHops(String algorithm) throws Exception {
    Path yaml =
        Files.writeString(
            folder.resolve("gateway.yaml"),
            Files.readString(Playground.ROOT.resolve("examples/transparent.yaml"))
                .replace("  io:", "  distribution: {algorithm: " + algorithm + "}\n  io:"));
    try (Playground gateway = new Playground(yaml, 5, 2)) {
      for (Path capture : Playground.capturesBelow(Playground.ROOT.resolve("examples/captures"))) {
        gateway.play(folder, capture);
        compare(capture);
      }
    }
  }

  private void compare(Path capture) throws IOException {
    try (CaptureReader lan = CaptureReader.open(folder.resolve("lan.pcapng"));
        CaptureReader wan = CaptureReader.open(folder.resolve("wan.pcapng"))) {
      List<String> paths = Files.readAllLines(folder.resolve("paths.jsonl"));
      Map<String, CaptureReader> ports = new HashMap<>(Map.of("lan", lan, "wan", wan));
      Frame in = new Frame();
      Frame out = new Frame();
      int n = 0;
      try (CaptureReader input = CaptureReader.open(capture)) {
        while (next(input, in)) {
          String path = paths.get(n++);
          assertTrue(path.startsWith("{\"n\":" + n + ","), () -> capture + ": " + path);
          String port = path.replaceAll(".*\"out\":\"(.*?)\"}$", "$1");
          CaptureReader from = ports.get(port);
          assertTrue(from != null && from.next(out), () -> capture + ": did not come out: " + path);
          String frame = capture + ", frame " + n;
          assertArrayEquals(
              Arrays.copyOf(in.bytes, in.length), Arrays.copyOf(out.bytes, out.length), frame);
          assertEquals(in.linkType, out.linkType, frame);
          assertEquals(in.timeNs, out.timeNs, frame);
          assertEquals(Math.max(in.length, in.wireLength), out.wireLength, frame);
        }
      } catch (IOException e) {
        assertEquals(0, n, "a capture that cannot be opened: " + e);
      }
      assertEquals(n, paths.size(), capture.toString());
      assertFalse(lan.next(out) || wan.next(out), capture + ": more came out than went in");
    }
  }

  /** A damaged capture ends where it can no longer be read. */
  private static boolean next(CaptureReader input, Frame in) {
    try {
      return input.next(in);
    } catch (IOException e) {
      return false;
    }
  }
}
