package dev.portcullis.core.process;

import dev.portcullis.core.counters.MetricsSource;
import org.jspecify.annotations.Nullable;

/** A module that was started. Any thread may call. */
public interface RunningModule {

  /** Returns whether the module has a table and can do its work: the readiness of the process. */
  boolean ready();

  /** Returns where links are accepted, with the real port; null when the module accepts none. */
  @Nullable HostPort links();

  /** Returns the numbers of the module. */
  MetricsSource metrics();

  /** Returns live flows that a filter lets through; none where the module keeps no flows. */
  default FlowPage flows(FlowFilter filter) {
    return FlowPage.NONE;
  }

  /** Returns the last changes of table as JSON; none where the module does not decide them. */
  default String scaleEvents() {
    return "{\"scale_events\":[]}\n";
  }

  /** Returns the table and who works by it as JSON; nothing where the module does not decide it. */
  default String controlStatus() {
    return "{}\n";
  }

  /**
   * Does what SIGHUP asks for: opens again what it writes and somebody may have put aside, and
   * reads the configuration again where it is the one who hands it out.
   */
  default void hangUp() {}

  /**
   * The process is asked to end: gives away what others are to go on with. Returns when that is
   * done, or cannot be.
   */
  default void leave() {}

  /**
   * Takes nothing new, sends and writes what is on its way, ends the links and returns. Idempotent.
   */
  void stop();
}
