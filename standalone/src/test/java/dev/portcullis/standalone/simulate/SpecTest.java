package dev.portcullis.standalone.simulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The models of {@code docs/spec}, in a small configuration. */
class SpecTest {

  private static final Path CHECK = Path.of("../docs/spec/check").toAbsolutePath().normalize();

  private static boolean isInstalled(String program) {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
  }

  @Test
  void shouldFindNoScheduleThatBreaksTheModelsAndOneForEachBrokenRule() throws Exception {
    for (String program : List.of("spin", "gcc")) {
      assumeTrue(isInstalled(program), program + " is not installed");
    }
    Process check = new ProcessBuilder(CHECK.toString(), "small").redirectErrorStream(true).start();
    String said = new String(check.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, check.waitFor(), said);
  }
}
