package dev.portcullis.operator;

import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Liveness;
import org.eclipse.microprofile.health.Readiness;
import org.eclipse.microprofile.health.Startup;

/** What the process tells those who watch it. */
final class OperatorHealth {

  @Produces
  @Singleton
  @Liveness
  HealthCheck itHearsOfChanges(OperatorApplication.Process process) {
    return () -> answer("it hears of changes", process.live());
  }

  @Produces
  @Singleton
  @Startup
  HealthCheck itIsStarted(OperatorApplication.Process process) {
    return () -> answer("it is started", process.started());
  }

  @Produces
  @Singleton
  @Readiness
  HealthCheck itLeadsOrWaits(OperatorApplication.Process process) {
    return () -> answer("it leads or waits", process.started() && process.live());
  }

  private static HealthCheckResponse answer(String name, boolean up) {
    return HealthCheckResponse.named(name).status(up).build();
  }
}
