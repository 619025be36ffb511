package dev.portcullis.standalone.bench;

import java.io.IOException;

/**
 * Finds how many packets per second a path carries with a loss below {@value #MOST_LOSS}: the
 * generator sends at a rate that goes up after a window that was good and down after one that was
 * not. Thread: one.
 */
final class Throughput {

  /** The most that may get lost: RFC 2544 wants nothing lost, which no shared machine gives. */
  static final double MOST_LOSS = 0.01;

  private static final double UP = 1.03;
  private static final double DOWN = 0.93;
  private static final int MOST_TRIES = 12;
  private static final int SETTLING_WINDOWS = 8;

  /** The compilers get no core while everything is sent that can be. */
  private static final int COMPILE_MS = 500;

  /** The generator sends as fast as it can. */
  private static final double UNLIMITED = 0;

  private final KernelRouter router;
  private final KernelRouter.Traffic traffic;
  private final double seconds;
  private final Forgetting before;
  private double rate;

  /** What is done before each window. */
  @FunctionalInterface
  interface Forgetting {

    /** Makes the path forget what the last window has left. */
    void run() throws IOException, InterruptedException;
  }

  /**
   * Prepares.
   *
   * @param seconds length of a window
   * @param before done before each window
   */
  Throughput(KernelRouter router, KernelRouter.Traffic traffic, double seconds, Forgetting before) {
    this.router = router;
    this.traffic = traffic;
    this.seconds = seconds;
    this.before = before;
  }

  /** Lets the code be compiled under as much as can be sent; then looks for the rate. */
  void warmUp() throws IOException, InterruptedException {
    WarmUp.run(
        () -> {
          double arrived = window(UNLIMITED).rate();
          rate = Math.max(rate, arrived);
          Thread.sleep(COMPILE_MS);
          return arrived;
        });
    for (int i = 0; i < SETTLING_WINDOWS; i++) {
      rate *= window(rate).loss() < MOST_LOSS ? UP : DOWN;
    }
  }

  /** The rate that {@link #warmUp} has found, in packets per second. */
  double rate() {
    return rate;
  }

  /** Returns the packets per second that arrived in a window with little loss. */
  double measure() throws IOException, InterruptedException {
    double worst = 0;
    for (int i = 0; i < MOST_TRIES; i++) {
      KernelRouter.Window window = window(rate);
      if (window.loss() < MOST_LOSS) {
        rate *= UP;
        return window.rate();
      }
      worst = Math.max(worst, window.loss());
      rate *= DOWN;
    }
    throw new IOException(
        "in %d windows up to %.0f %% of the packets got lost, allowed is less than %.0f %%."
            .formatted(MOST_TRIES, worst * 100, MOST_LOSS * 100));
  }

  private KernelRouter.Window window(double sent) throws IOException, InterruptedException {
    before.run();
    return router.measure(seconds, traffic, sent);
  }
}
