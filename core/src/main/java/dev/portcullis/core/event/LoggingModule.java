package dev.portcullis.core.event;

import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.process.RunningModule;
import dev.portcullis.core.process.WrappedModule;
import java.util.ArrayList;
import java.util.List;

/** A module with a log of events of its own, which ends after it. Any thread. */
public final class LoggingModule extends WrappedModule {

  private final EventLog log;

  /** Adds a log to a module that was started with it; it gets the module's figures as well. */
  public LoggingModule(RunningModule module, EventLog log, GatewaySpec.Log spec) {
    super(module);
    this.log = log;
    if (writesStats(spec)) {
      log.stats(spec.statsIntervalNs(), module.metrics());
    }
  }

  /** Returns whether events of type {@code stats} are wanted. */
  public static boolean writesStats(GatewaySpec.Log spec) {
    return spec.events().isEmpty() || spec.events().contains(GatewaySpec.EventType.STATS);
  }

  @Override
  public MetricsSource metrics() {
    MetricsSource ofModule = super.metrics();
    return () -> {
      List<Reading> all = new ArrayList<>(ofModule.readings());
      all.addAll(log.readings());
      return all;
    };
  }

  @Override
  public void hangUp() {
    log.reopen();
    super.hangUp();
  }

  @Override
  public void stop() {
    super.stop();
    log.close();
  }
}
