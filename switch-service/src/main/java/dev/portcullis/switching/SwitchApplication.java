package dev.portcullis.switching;

import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.ModuleProcess;
import dev.portcullis.core.process.RunningModule;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import org.eclipse.microprofile.config.ConfigProvider;

/** Runs the switch between the start and the end of Quarkus. */
public final class SwitchApplication implements QuarkusApplication {

  private final SwitchConfig config;
  private final SwitchRunner runner;
  private final SwitchMetrics metrics;
  private final ModuleProcess process;

  SwitchApplication(
      SwitchConfig config, SwitchRunner runner, SwitchMetrics metrics, ModuleProcess process) {
    this.config = config;
    this.runner = runner;
    this.metrics = metrics;
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
    HostPort links = module.links();
    String host = ConfigProvider.getConfig().getValue("quarkus.http.host", String.class);
    int port = ConfigProvider.getConfig().getValue("quarkus.http.port", Integer.class);
    System.out.println(
        "switch"
            + (links == null ? "" : ": links on " + links)
            + (links == null ? ": " : ", ")
            + "health and metrics on "
            + new HostPort(host, port));
  }
}
