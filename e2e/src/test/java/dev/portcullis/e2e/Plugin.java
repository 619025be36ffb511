package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** {@code kubectl portcullis} as it is installed: a file in a folder, beside the program. */
final class Plugin {

  private Plugin() {}

  /** Puts it into a folder, and returns it. */
  static Path in(Path folder) throws IOException {
    Path program = folder.resolve("portcullis");
    Files.writeString(
        program, "#!/bin/sh\nexec " + String.join(" ", Said.command("-Xmx256m")) + " \"$@\"\n");
    assertTrue(program.toFile().setExecutable(true));
    Path plugin = folder.resolve("kubectl-portcullis");
    Files.copy(
        Chart.ROOT.resolve("kubectl-portcullis"), plugin, StandardCopyOption.REPLACE_EXISTING);
    return plugin;
  }
}
