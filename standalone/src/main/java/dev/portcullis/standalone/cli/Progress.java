package dev.portcullis.standalone.cli;

import dev.portcullis.standalone.replay.Tally;
import java.io.PrintWriter;
import java.util.function.Consumer;

/**
 * Shows how far a long command is: on a terminal in place, elsewhere a plain line every few
 * seconds.
 */
final class Progress implements Consumer<Tally> {

  private static final long TERMINAL_NS = 200_000_000L;
  private static final long PLAIN_NS = 5_000_000_000L;

  private final PrintWriter err;
  private final boolean terminal = System.console() != null && System.console().isTerminal();
  private long lastNs = System.nanoTime();

  Progress(PrintWriter err) {
    this.err = err;
  }

  @Override
  public void accept(Tally tally) {
    reached(tally.received(), "frames");
  }

  /** So much is done. */
  void reached(long count, String unit) {
    long now = System.nanoTime();
    if (now - lastNs < (terminal ? TERMINAL_NS : PLAIN_NS)) {
      return;
    }
    lastNs = now;
    if (terminal) {
      err.print("\r" + count + " " + unit + " ");
      err.flush();
    } else {
      err.println(count + " " + unit);
    }
  }
}
