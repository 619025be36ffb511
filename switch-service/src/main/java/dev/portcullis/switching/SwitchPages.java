package dev.portcullis.switching;

import dev.portcullis.core.process.ModuleProcess;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a switch tells who asks, as JSON: GET {@code /q/portcullis/status}, the table and who works
 * by it, and {@code /q/portcullis/scale}, the last changes of table. Changes nothing.
 */
@Singleton
final class SwitchPages {

  private final ModuleProcess process;

  SwitchPages(ModuleProcess process) {
    this.process = process;
  }

  void route(@Observes Router router) {
    page(router, "/q/portcullis/status", process::controlStatus);
    page(router, "/q/portcullis/scale", process::scaleEvents);
  }

  private static void page(Router router, String path, Supplier<@Nullable String> json) {
    router.get(path).handler(context -> answer(context, json.get()));
  }

  private static void answer(RoutingContext context, @Nullable String json) {
    if (json == null) {
      context.response().setStatusCode(503).end();
    } else {
      context.response().putHeader("Content-Type", "application/json").end(json);
    }
  }
}
