package dev.portcullis.core.process;

import dev.portcullis.core.counters.MetricsSource;
import org.jspecify.annotations.Nullable;

/** A module that does what another one does; who extends it adds to that. Any thread. */
public class WrappedModule implements RunningModule {

  private final RunningModule module;

  /** Wraps a module that was started. */
  protected WrappedModule(RunningModule module) {
    this.module = module;
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
    return module.metrics();
  }

  @Override
  public FlowPage flows(FlowFilter filter) {
    return module.flows(filter);
  }

  @Override
  public String scaleEvents() {
    return module.scaleEvents();
  }

  @Override
  public String controlStatus() {
    return module.controlStatus();
  }

  @Override
  public void hangUp() {
    module.hangUp();
  }

  @Override
  public void leave() {
    module.leave();
  }

  @Override
  public void stop() {
    module.stop();
  }
}
