package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
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
        SameBytes.assertLeft(folder, capture);
        gateway.accounts().assertBalanced(capture.toString());
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
        SameBytes.assertLeft(folder, capture);
      }
    }
  }

  @Test
  void shouldPassTwentyCapturesByteForByteByCommandLine() throws Exception {
    int[] workers = {1, 2, 3, 5, 16};
    List<Path> captures = Playground.some(20);
    for (int i = 0; i < captures.size(); i++) {
      Path capture = captures.get(i);
      Path out = folder.resolve("out-" + i);
      Said said =
          Said.byProcess(
              "replay",
              "-f",
              Playground.ROOT.resolve("examples/transparent.yaml").toString(),
              "--capture",
              capture.toString(),
              "--out",
              out.toString(),
              "--workers",
              Integer.toString(workers[i % workers.length]));
      assertTrue(
          said.exitCode() == 0 || said.exitCode() == 1 && said.err().contains("damaged"),
          () -> capture + ": " + said);
      SameBytes.assertLeft(out, capture);
    }
  }
}
