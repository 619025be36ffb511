package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The reference of B2: the kernel forwards, tracks connections and masquerades between network
 * namespaces of its own, fed by an in-kernel generator on core 0. Needs root, gcc, ip, nft,
 * ethtool.
 */
final class KernelRouter {

  /** Programs that must be there. */
  static final List<String> PROGRAMS =
      List.of("bash", "gcc", "ip", "nft", "ethtool", "taskset", "sysctl");

  private final Path script;
  private final Path generator;
  private final String prefix;

  private KernelRouter(Path script, Path generator, String prefix) {
    this.script = script;
    this.generator = generator;
    this.prefix = prefix;
  }

  /** Compiles the generator and makes the namespaces; {@code cleanup} removes both. */
  static KernelRouter up(Cleanup cleanup) throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("portcullis-bench");
    Path script = folder.resolve("kernel-router.sh");
    Path source = folder.resolve("xgen.c");
    Path generator = folder.resolve("xgen");
    cleanup.add(() -> delete(List.of(script, source, generator, folder)));
    unpack("kernel-router.sh", script);
    unpack("xgen.c", source);
    Command.run(List.of("gcc", "-O2", "-o", generator.toString(), source.toString()), 60);
    Namespace.removeOrphans();
    KernelRouter router = new KernelRouter(script, generator, Namespace.uniqueName());
    cleanup.add(router::down);
    router.call(30, "up");
    router.call(30, "rules", "masquerade");
    return router;
  }

  /**
   * Measures one window.
   *
   * @param seconds how long
   * @param frameLength length of a frame without its check sequence: 60 to 1514
   * @param flows how many flows: a power of two
   * @return packets per second that reached the sink
   */
  double measure(double seconds, int frameLength, int flows)
      throws IOException, InterruptedException {
    String printed =
        call(
            (int) seconds + 30,
            "window",
            generator.toString(),
            Double.toString(seconds),
            Integer.toString(frameLength),
            Integer.toString(flows - 1));
    String[] field = printed.strip().split(" ");
    double packets = Double.parseDouble(field[0]);
    if (packets <= 0) {
      throw new IOException("The kernel router delivered no packet to its sink.");
    }
    return packets * 1e9 / Double.parseDouble(field[1]);
  }

  private String call(int seconds, String... arguments) throws IOException, InterruptedException {
    List<String> line = new ArrayList<>(List.of("bash", script.toString(), prefix));
    line.addAll(List.of(arguments));
    return Command.run(line, seconds);
  }

  private void down() {
    try {
      call(30, "down");
    } catch (IOException e) {
      System.err.println(
          "The network namespaces " + prefix + "-* could not be removed: " + e.getMessage());
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private static void unpack(String resource, Path to) throws IOException {
    try (InputStream in = KernelRouter.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IOException("The program was built without its resource " + resource + ".");
      }
      Files.copy(in, to);
    }
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
