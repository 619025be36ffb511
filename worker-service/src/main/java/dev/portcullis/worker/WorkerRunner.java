package dev.portcullis.worker;

import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.event.EventLog;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.event.LoggingModule;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleFiles;
import dev.portcullis.core.process.ModuleRunner;
import dev.portcullis.core.process.ModuleSettings;
import dev.portcullis.core.process.RunningModule;
import dev.portcullis.core.topology.Topology;
import jakarta.inject.Singleton;
import java.util.function.Consumer;

/** Puts the worker together out of plain objects and starts it. */
@Singleton
public class WorkerRunner implements ModuleRunner {

  @Override
  public RunningModule start(ModuleSettings settings, Consumer<ModuleException> failed)
      throws ModuleException {
    GatewayConfig config = ModuleFiles.load(settings.files()).config();
    LinkSecurity security = ModuleFiles.security(settings.identity());
    int shards = config.gateway().workers().shards();
    LinkLoops loops = LinkLoops.start(shards, "worker-" + settings.name());
    EventLog log = null;
    try {
      log = EventLog.open(config.gateway().log(), "worker-" + settings.name(), System.err::println);
      RunningModule running =
          start(
              settings,
              config,
              shards,
              security,
              loops,
              System.currentTimeMillis(),
              log == null ? EventSink.NONE : log,
              failed);
      RunningModule following = ModuleFiles.following(running, settings.identity(), security);
      return ModuleFiles.closing(
          log == null ? following : new LoggingModule(following, log, config.gateway().log()),
          loops::close);
    } catch (ModuleException | RuntimeException e) {
      if (log != null) {
        log.close();
      }
      loops.close();
      throw e;
    }
  }

  /**
   * Starts the module on loops of somebody else.
   *
   * @param settings name (the number K), listen, advertise and switches are used
   * @param config configuration of the gateway
   * @param shards threads: 1 to 16
   * @param security encryption and identity of the links
   * @param loops threads; not closed here
   * @param generation which life of the module this is
   * @param events takes events; not closed here
   */
  public static RunningModule start(
      ModuleSettings settings,
      GatewayConfig config,
      int shards,
      LinkSecurity security,
      LinkLoops loops,
      long generation,
      EventSink events)
      throws ModuleException {
    return start(settings, config, shards, security, loops, generation, events, e -> {});
  }

  private static RunningModule start(
      ModuleSettings settings,
      GatewayConfig config,
      int shards,
      LinkSecurity security,
      LinkLoops loops,
      long generation,
      EventSink events,
      Consumer<ModuleException> failed)
      throws ModuleException {
    ModuleId self = ModuleId.worker(Integer.parseInt(settings.name()));
    LinkLoop[] lanes = new LinkLoop[shards];
    for (int i = 0; i < shards; i++) {
      lanes[i] = loops.next();
    }
    PolicyFollower follower = new PolicyFollower(self, config, shards, events, System.err::println);
    return new WorkerProcess(
            settings, Topology.of(config.gateway()), security, lanes, events, failed)
        .start(
            new Life(self, generation, shards),
            follower,
            links -> follower.start(new LinkWiring(lanes, links)));
  }
}
