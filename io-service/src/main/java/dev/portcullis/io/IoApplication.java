package dev.portcullis.io;

import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.Meters;
import dev.portcullis.core.process.ModuleProcess;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import org.eclipse.microprofile.config.Config;

/** Runs the IO module between the start and the end of Quarkus. */
public final class IoApplication implements QuarkusApplication {

  private final IoConfig config;
  private final IoRunner runner;
  private final Meters meters;
  private final ModuleProcess process;
  private final Config http;

  IoApplication(
      IoConfig config, IoRunner runner, Meters meters, ModuleProcess process, Config http) {
    this.config = config;
    this.runner = runner;
    this.meters = meters;
    this.process = process;
    this.http = http;
  }

  @Override
  public int run(String... args) {
    return process.run(
        config::settings,
        runner,
        meters,
        new HostPort(
            http.getValue("quarkus.http.host", String.class),
            http.getValue("quarkus.http.port", Integer.class)),
        Quarkus::waitForExit,
        Quarkus::asyncExit,
        System.out,
        System.err);
  }
}
