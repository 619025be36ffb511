package dev.portcullis.core.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class CrdWriterTest {

  private static final Path ROOT = Path.of("").toAbsolutePath().getParent();

  @Test
  void shouldFindTheDefinitionsUpToDate() throws IOException {
    compare("packetgateways.yaml", CrdWriter.packetGateway());
    compare("gatewaypolicies.yaml", CrdWriter.gatewayPolicy());
  }

  private static void compare(String name, String expected) throws IOException {
    Path file = ROOT.resolve("helm/portcullis/files/crds").resolve(name);
    if (Boolean.getBoolean("portcullis.regenerate")) {
      Files.createDirectories(file.getParent());
      Files.writeString(file, expected);
    }
    assertEquals(
        expected,
        Files.exists(file) ? Files.readString(file) : "",
        file
            + " is out of date; write it again with: mvn -pl core test -Dtest=CrdWriterTest"
            + " -Dportcullis.regenerate=true");
  }
}
