package dev.portcullis.standalone.bench;

import java.io.IOException;

/**
 * Lets a side run until it gets no faster: the JIT compilers of its processes share the cores with
 * the work.
 */
final class WarmUp {

  private static final int LEAST_WINDOWS = 6;
  private static final int MOST_WINDOWS = 40;

  /** So many windows in a row without a new best one end the warm-up. */
  private static final int STEADY_WINDOWS = 5;

  /** A window is a new best one when it is better by this factor. */
  private static final double BETTER = 1.03;

  private WarmUp() {}

  /** Measures one window. */
  @FunctionalInterface
  interface Window {

    /** Returns the rate of a window of about a second. */
    double rate() throws IOException, InterruptedException;
  }

  /**
   * Runs windows until five in a row are no better than one before; at least 6, at most 40. Returns
   * how many.
   */
  static int run(Window window) throws IOException, InterruptedException {
    double best = 0;
    int sinceBest = 0;
    int windows = 0;
    while (windows < MOST_WINDOWS && (windows < LEAST_WINDOWS || sinceBest < STEADY_WINDOWS)) {
      double rate = window.rate();
      windows++;
      sinceBest++;
      if (rate > best * BETTER) {
        best = rate;
        sinceBest = 0;
      }
    }
    return windows;
  }
}
