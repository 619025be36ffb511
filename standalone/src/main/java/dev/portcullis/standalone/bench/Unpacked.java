package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Resources of this package as files of their own, until the benchmark ends. Any thread. */
final class Unpacked {

  private Unpacked() {}

  /** Writes a resource to a file; {@code cleanup} deletes it. */
  static Path file(String resource, Cleanup cleanup) throws IOException {
    Path folder = Files.createTempDirectory("portcullis-bench");
    Path file = folder.resolve(resource);
    cleanup.add(() -> delete(List.of(file, folder)));
    try (InputStream in = Unpacked.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IOException("The program was built without its resource " + resource + ".");
      }
      Files.copy(in, file);
    }
    return file;
  }

  /** Compiles a resource by gcc and returns the program; {@code cleanup} deletes it. */
  static Path program(String source, Cleanup cleanup) throws IOException, InterruptedException {
    Path file = file(source, cleanup);
    Path program = Path.of(file.toString().replaceFirst("\\.c$", ""));
    cleanup.add(() -> delete(List.of(program)));
    Command.run(List.of("gcc", "-O2", "-o", program.toString(), file.toString()), 60);
    return program;
  }

  private static void delete(List<Path> paths) {
    for (Path path : paths) {
      try {
        Files.deleteIfExists(path);
      } catch (IOException e) {
        System.err.println("The file " + path + " could not be deleted: " + e.getMessage());
      }
    }
  }
}
