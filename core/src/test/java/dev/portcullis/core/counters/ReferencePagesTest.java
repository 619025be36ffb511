package dev.portcullis.core.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ReferencePagesTest {

  @Test
  void shouldFindThePageOfCountersUpToDate() throws IOException {
    compare("counters.md", ReferencePages.counters());
  }

  @Test
  void shouldFindThePageOfDropReasonsUpToDate() throws IOException {
    compare("drop-reasons.md", ReferencePages.dropReasons());
  }

  private static void compare(String name, String expected) throws IOException {
    Path page = root().resolve("docs/reference").resolve(name);
    if (Boolean.getBoolean("portcullis.regenerate")) {
      Files.createDirectories(page.getParent());
      Files.writeString(page, expected);
    }
    assertEquals(
        expected,
        Files.exists(page) ? Files.readString(page) : "",
        "docs/reference/"
            + name
            + " is out of date; write it again with: "
            + ReferencePages.COMMAND);
  }

  private static Path root() {
    Path module = Path.of("").toAbsolutePath();
    return Files.exists(module.resolve("core/pom.xml")) ? module : module.getParent();
  }
}
