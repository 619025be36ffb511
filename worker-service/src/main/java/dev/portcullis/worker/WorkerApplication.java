package dev.portcullis.worker;

import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.ModuleProcess;
import dev.portcullis.core.process.RunningModule;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import org.eclipse.microprofile.config.ConfigProvider;

/** Runs the worker between the start and the end of Quarkus. */
public final class WorkerApplication implements QuarkusApplication {

  private final WorkerConfig config;
  private final WorkerRunner runner;
  private final WorkerMetrics metrics;
  private final WorkerFlows flows;
  private final ModuleProcess process;

  WorkerApplication(
      WorkerConfig config,
      WorkerRunner runner,
      WorkerMetrics metrics,
      WorkerFlows flows,
      ModuleProcess process) {
    this.config = config;
    this.runner = runner;
    this.metrics = metrics;
    this.flows = flows;
    this.process = process;
  }

  @Override
  public int run(String... args) {
    return process.run(
        config::settings,
        runner,
        this::started,
        Quarkus::waitForExit,
        Quarkus::asyncExit,
        System.err);
  }

  private void started(RunningModule module) {
    metrics.follow(module.metrics());
    flows.follow(module);
    HostPort links = module.links();
    String host = ConfigProvider.getConfig().getValue("quarkus.http.host", String.class);
    int port = ConfigProvider.getConfig().getValue("quarkus.http.port", Integer.class);
    System.out.println(
        "worker "
            + config.number.orElse("")
            + (links == null ? "" : ": links on " + links)
            + (links == null ? ": " : ", ")
            + "health and metrics on "
            + new HostPort(host, port));
  }
}
