package dev.portcullis.worker;

import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleProcess;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

/** Answers who asks for live flows: GET {@code /q/portcullis/flows}. Changes nothing. */
@Singleton
final class WorkerFlows {

  private final ModuleProcess process;

  WorkerFlows(ModuleProcess process) {
    this.process = process;
  }

  void route(@Observes Router router) {
    router.get(FlowPage.PATH).blockingHandler(this::answer);
  }

  private void answer(RoutingContext context) {
    try {
      FlowFilter filter = FlowFilter.ofQuery(context.request().query());
      String page = process.flows(filter).toJson();
      context.response().putHeader("Content-Type", "application/json").end(page);
    } catch (ModuleException e) {
      context.response().setStatusCode(400).end(e.sentence() + "\n");
    }
  }
}
