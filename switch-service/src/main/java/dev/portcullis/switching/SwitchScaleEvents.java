package dev.portcullis.switching;

import dev.portcullis.core.process.ModuleProcess;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

/**
 * Answers who asks for the last changes of table: GET {@code /q/portcullis/scale}. Changes nothing.
 */
@Singleton
final class SwitchScaleEvents {

  private final ModuleProcess process;

  SwitchScaleEvents(ModuleProcess process) {
    this.process = process;
  }

  void route(@Observes Router router) {
    router.get("/q/portcullis/scale").handler(this::answer);
  }

  private void answer(RoutingContext context) {
    String events = process.scaleEvents();
    if (events == null) {
      context.response().setStatusCode(503).end();
    } else {
      context.response().putHeader("Content-Type", "application/json").end(events);
    }
  }
}
