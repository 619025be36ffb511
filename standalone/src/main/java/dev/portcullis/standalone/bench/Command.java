package dev.portcullis.standalone.bench;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Programs of the system that a benchmark needs. */
final class Command {

  private static final List<String> SYSTEM_FOLDERS =
      List.of("/usr/sbin", "/sbin", "/usr/local/sbin");

  private Command() {}

  /**
   * Checks that the programs are there.
   *
   * @param benchmark id that the sentence begins with
   * @throws UnavailableException when one is missing; the sentence names all that are
   */
  static void require(String benchmark, List<String> programs) throws UnavailableException {
    List<String> missing = programs.stream().filter(it -> !isThere(it)).toList();
    if (!missing.isEmpty()) {
      throw new UnavailableException(
          "%s needs %s, which %s not installed or not in PATH."
              .formatted(
                  benchmark, String.join(", ", missing), missing.size() == 1 ? "is" : "are"));
    }
  }

  /**
   * Checks that this process may make network namespaces.
   *
   * @throws UnavailableException when the user is not root
   */
  static void requireRoot(String benchmark, String what) throws IOException {
    if (!(Files.getAttribute(Path.of("/proc/self"), "unix:uid") instanceof Integer uid)
        || uid != 0) {
      throw new UnavailableException(
          "%s needs root (%s); start it as root or with sudo.".formatted(benchmark, what));
    }
  }

  private static boolean isThere(String program) {
    String path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
    for (String folder : path.split(File.pathSeparator)) {
      if (Files.isExecutable(Path.of(folder, program))) {
        return true;
      }
    }
    return SYSTEM_FOLDERS.stream().anyMatch(it -> Files.isExecutable(Path.of(it, program)));
  }

  /**
   * Runs a program to its end and returns what it printed to standard output.
   *
   * @throws IOException when it ends with anything but 0 or takes longer than {@code seconds}; the
   *     message has the end of what it said
   */
  static String run(List<String> command, int seconds) throws IOException, InterruptedException {
    Path errors = Files.createTempFile("portcullis-bench", ".err");
    try {
      Process process = builder(command).redirectError(errors.toFile()).start();
      try {
        process.getOutputStream().close();
        // read by a thread of its own, so that a program that hangs is noticed; a virtual one would
        // wait for a core that readers of other pipes hold
        StringBuffer output = new StringBuffer();
        Thread reader =
            Thread.ofPlatform()
                .daemon()
                .start(
                    () -> {
                      try {
                        output.append(
                            new String(
                                process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
                      } catch (IOException _) {
                        // the program was ended; what it printed is of no use
                      }
                    });
        if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
          throw new IOException(
              "%s did not end within %d s.".formatted(command.getFirst(), seconds));
        }
        reader.join();
        if (process.exitValue() != 0) {
          String said = Files.readString(errors).strip() + " " + output.toString().strip();
          throw new IOException(
              "%s failed with exit code %d: %s"
                  .formatted(String.join(" ", command), process.exitValue(), said.strip()));
        }
        return output.toString();
      } finally {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
    } finally {
      Files.deleteIfExists(errors);
    }
  }

  /** Returns a builder with the folders of system programs in its PATH. */
  static ProcessBuilder builder(List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder
        .environment()
        .compute(
            "PATH",
            (_, path) ->
                (path == null ? "/usr/bin:/bin" : path)
                    + File.pathSeparator
                    + String.join(File.pathSeparator, SYSTEM_FOLDERS));
    return builder;
  }
}
