package dev.portcullis.standalone.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * Ties processes to cores by {@code taskset}, so that both sides of a benchmark use the same ones.
 */
final class Pinning {

  /** Cores that the benchmarks use. */
  static final int CORES = 2;

  private Pinning() {}

  /**
   * Returns the command line that runs {@code command} on core {@code core} only, as the same
   * process.
   */
  static List<String> onCore(int core, List<String> command) {
    List<String> line = new ArrayList<>(List.of("taskset", "-c", Integer.toString(core)));
    line.addAll(command);
    return line;
  }
}
