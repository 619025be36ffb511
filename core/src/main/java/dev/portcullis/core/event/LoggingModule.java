package dev.portcullis.core.event;

import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.RunningModule;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A module with a log of events of its own, which ends after it. Any thread. */
public final class LoggingModule implements RunningModule {

  private final RunningModule module;
  private final EventLog log;

  /** Adds a log to a module that was started with it; it gets the module's figures as well. */
  public LoggingModule(RunningModule module, EventLog log, GatewaySpec.Log spec) {
    this.module = module;
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
  public boolean ready() {
    return module.ready();
  }

  @Override
  public @Nullable HostPort links() {
    return module.links();
  }

  @Override
  public MetricsSource metrics() {
    MetricsSource ofModule = module.metrics();
    return () -> {
      List<Reading> all = new ArrayList<>(ofModule.readings());
      all.addAll(log.readings());
      return all;
    };
  }

  @Override
  public FlowPage flows(FlowFilter filter) {
    return module.flows(filter);
  }

  @Override
  public void hangUp() {
    log.reopen();
    module.hangUp();
  }

  @Override
  public void stop() {
    module.stop();
    log.close();
  }
}
