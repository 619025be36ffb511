package dev.portcullis.standalone.bench;

import java.io.IOException;

/**
 * The two sides of a benchmark, ready to be measured window by window. Thread: one, that of the
 * benchmark.
 */
interface Rig extends AutoCloseable {

  /** Which side a window measures. */
  enum Side {
    /** The gateway, or a part of it. */
    OURS,
    /** What it is held against. */
    REFERENCE
  }

  /**
   * Measures one window of one side; both sides are idle before and afterwards.
   *
   * @return the figure, in the same unit for both sides, above 0
   * @throws IOException when the side did not run
   */
  double measure(Side side) throws IOException, InterruptedException;

  /** What else the line says of all windows together, such as {@code broken=0}; may be empty. */
  default String remark() throws IOException, InterruptedException {
    return "";
  }

  /** Ends every process and removes every namespace of the rig. */
  @Override
  void close();
}
