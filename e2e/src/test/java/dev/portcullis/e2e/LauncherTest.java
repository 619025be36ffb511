package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The launcher as a user calls it, from a folder that is not the repository. */
class LauncherTest {

  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  @TempDir Path folder;

  private record Ended(int code, List<String> out, List<String> err) {}

  @BeforeAll
  static void needsTheBuiltPrograms() {
    assumeTrue(
        Files.exists(ROOT.resolve("standalone/target/built")),
        "the programs are not built: run mvn verify, not mvn test");
  }

  @ParameterizedTest
  @ValueSource(strings = {"io", "worker", "switch"})
  void shouldShowTheHelpOfEachModule(String module) throws Exception {
    Ended ended = launch(module, "--help");

    assertEquals(0, ended.code, ended::toString);
    assertTrue(ended.out.getFirst().startsWith("Usage: portcullis " + module), ended::toString);
    assertTrue(String.join("\n", ended.out).contains("--plaintext"), ended::toString);
  }

  @Test
  void shouldSayWhichVersionItIs() throws Exception {
    Ended ended = launch("--version");

    assertEquals(0, ended.code, ended::toString);
    assertTrue(ended.out.getFirst().matches("portcullis \\d+\\.\\d+.*"), ended::toString);
  }

  @Test
  void shouldSayThatThePortOfTheLinksIsTaken() throws Exception {
    Path yaml = ROOT.resolve("examples/transparent.yaml");
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String address = "127.0.0.1:" + taken.getLocalPort();

      Ended ended = launch("switch", "-f", yaml.toString(), "--plaintext", "--listen", address);

      assertRefused(3, ended);
      assertTrue(
          ended.err.getFirst().startsWith(address + " cannot be listened on"), ended::toString);
    }
  }

  @Test
  void shouldRefuseAnOptionThatAModuleDoesNotHave() throws Exception {
    assertRefused(2, launch("worker", "0", "--colour"));
  }

  @Test
  void shouldRefuseLinksThatAreNeitherSecuredNorAskedForInPlainText() throws Exception {
    Ended ended = launch("worker", "0", "-f", "gateway.yaml");

    assertRefused(2, ended);
    assertTrue(ended.err.getFirst().contains("--plaintext"), ended::toString);
  }

  @Test
  void shouldSayThatThePortOfHealthAndMetricsIsTaken() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = Integer.toString(taken.getLocalPort());

      Ended ended =
          launch("switch", "-f", "gateway.yaml", "--plaintext", "--http", "127.0.0.1:" + port);

      assertRefused(3, ended);
      assertTrue(ended.err.getFirst().contains(port), ended::toString);
    }
  }

  private static void assertRefused(int code, Ended ended) {
    assertEquals(code, ended.code, ended::toString);
    assertEquals(1, ended.err.size(), ended::toString);
    assertEquals(List.of(), ended.out, ended::toString);
  }

  private Ended launch(String... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(ROOT.resolve("portcullis").toString()));
    command.addAll(List.of(args));
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    int code =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start()
            .waitFor();
    return new Ended(
        code,
        Files.readAllLines(out, StandardCharsets.UTF_8),
        Files.readAllLines(err, StandardCharsets.UTF_8));
  }
}
