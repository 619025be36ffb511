package dev.portcullis.switching;

import dev.portcullis.core.process.ModuleProcess;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Liveness;
import org.eclipse.microprofile.health.Readiness;
import org.eclipse.microprofile.health.Startup;

/** What the process tells those who watch it. */
final class SwitchHealth {

  @Produces
  @Singleton
  ModuleProcess process() {
    return new ModuleProcess("switch");
  }

  @Produces
  @Singleton
  @Liveness
  HealthCheck nothingHasFailed(ModuleProcess process) {
    return () -> answer("nothing has failed", process.live());
  }

  @Produces
  @Singleton
  @Startup
  HealthCheck moduleIsStarted(ModuleProcess process) {
    return () -> answer("the module is started", process.started());
  }

  @Produces
  @Singleton
  @Readiness
  HealthCheck moduleHasTable(ModuleProcess process) {
    return () -> answer("the module has a table", process.ready());
  }

  private static HealthCheckResponse answer(String name, boolean up) {
    return HealthCheckResponse.named(name).status(up).build();
  }
}
