package dev.portcullis.core.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.Properties;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ModuleArgumentsTest {

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final Properties before = new Properties();

  @BeforeEach
  void keepProperties() {
    before.putAll(System.getProperties());
  }

  @AfterEach
  void restoreProperties() {
    System.setProperties(before);
  }

  @Test
  void shouldTurnArgumentsIntoPropertiesOfTheModule() {
    OptionalInt end =
        apply(
            ModuleArguments.worker(),
            "2",
            "-f",
            "a,b.yaml",
            "-f",
            "c d.yaml",
            "--switch",
            "[::1]:7400",
            "--plaintext",
            "--http",
            "127.0.0.1:8081");

    assertTrue(end.isEmpty());
    assertEquals("2", System.getProperty("portcullis.worker.number"));
    assertEquals("a,b.yaml", System.getProperty("portcullis.worker.file[0]"));
    assertEquals("c d.yaml", System.getProperty("portcullis.worker.file[1]"));
    assertEquals("[::1]:7400", System.getProperty("portcullis.worker.switch[0]"));
    assertEquals("true", System.getProperty("portcullis.worker.plaintext"));
    assertEquals("127.0.0.1", System.getProperty("quarkus.http.host"));
    assertEquals("8081", System.getProperty("quarkus.http.port"));
    assertNull(System.getProperty("portcullis.worker.listen"));
  }

  @Test
  void shouldPrintHelpAndEndWithZero() {
    assertEquals(OptionalInt.of(0), apply(ModuleArguments.io(), "--help"));
    assertTrue(out.toString(StandardCharsets.UTF_8).contains("--feed"));
  }

  @Test
  void shouldRefuseAnOptionThatTheModuleDoesNotHaveInOneLine() {
    assertEquals(OptionalInt.of(2), apply(ModuleArguments.switching(), "--feed", "127.0.0.1:1"));
    assertEquals(1, err.toString(StandardCharsets.UTF_8).lines().count());
  }

  @Test
  void shouldRefuseALogLevelThatIsNone() {
    assertEquals(OptionalInt.of(2), apply(ModuleArguments.worker(), "1", "--log-level", "loud"));
    assertTrue(
        err.toString(StandardCharsets.UTF_8)
            .contains("allowed is error, warn, info, debug or trace"));
  }

  @Test
  void shouldRefuseAnAddressWithoutPort() {
    assertEquals(OptionalInt.of(2), apply(ModuleArguments.io(), "a", "--http", "localhost"));
    assertTrue(err.toString(StandardCharsets.UTF_8).contains("--http: \"localhost\""));
  }

  @Test
  void shouldReadAndWriteAddressesOfBothVersions() throws ModuleException {
    for (String text : new String[] {"127.0.0.1:0", "worker-2.gateway:65535", "[::1]:7400"}) {
      assertEquals(text, HostPort.parse("--listen", text).toString());
    }
    for (String text :
        new String[] {"", ":1", "a:", "a:b", "a:65536", "a:-1", "a:+1", "::1:7400", "[]:1"}) {
      assertThrows(ModuleException.class, () -> HostPort.parse("--listen", text), text);
    }
  }

  @Test
  void shouldWantEitherAllCertificatesOrPlaintext() throws ModuleException {
    Path file = Path.of("x.pem");

    assertTrue(LinkIdentity.of(null, null, null, true).plaintext());
    assertEquals(file, LinkIdentity.of(file, file, file, false).key());
    assertThrows(ModuleException.class, () -> LinkIdentity.of(null, null, null, false));
    assertThrows(ModuleException.class, () -> LinkIdentity.of(file, file, null, false));
    assertThrows(ModuleException.class, () -> LinkIdentity.of(file, file, file, true));
  }

  private OptionalInt apply(ModuleArguments arguments, String... args) {
    return arguments.apply(
        args,
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8));
  }
}
