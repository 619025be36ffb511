package dev.portcullis.core.process;

import java.util.function.BooleanSupplier;

/** How a module that is told to end waits until a table without it holds. */
public final class Leave {

  /** The longest that it waits: who supervises processes must grant them this much. */
  private static final long LONGEST_NS = 20_000_000_000L;

  private static final long LOOK_MS = 20;

  private Leave() {}

  /**
   * Asks for it, and returns when it holds, cannot come, or has not come in 20 s.
   *
   * @param ask tells the switch module
   * @param needed whether the present table has the module, and somebody is there who decides about
   *     the next one
   */
  public static void await(Runnable ask, BooleanSupplier needed) {
    if (!needed.getAsBoolean()) {
      return;
    }
    ask.run();
    long deadline = System.nanoTime() + LONGEST_NS;
    try {
      while (needed.getAsBoolean() && System.nanoTime() < deadline) {
        Thread.sleep(LOOK_MS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
