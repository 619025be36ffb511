package dev.portcullis.worker;

import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.RunningModule;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import org.jspecify.annotations.Nullable;

/** Answers who asks for live flows: GET {@code /q/portcullis/flows}. Changes nothing. */
@Singleton
final class WorkerFlows {

  private volatile @Nullable RunningModule module;

  /** From now on answers with flows of {@code running}. */
  void follow(RunningModule running) {
    module = running;
  }

  void route(@Observes Router router) {
    router.get(FlowPage.PATH).blockingHandler(this::answer);
  }

  private void answer(RoutingContext context) {
    RunningModule running = module;
    try {
      FlowFilter filter = FlowFilter.ofQuery(context.request().query());
      FlowPage page = running == null ? FlowPage.NONE : running.flows(filter);
      context.response().putHeader("Content-Type", "application/json").end(page.toJson());
    } catch (ModuleException e) {
      context.response().setStatusCode(400).end(e.sentence() + "\n");
    }
  }
}
