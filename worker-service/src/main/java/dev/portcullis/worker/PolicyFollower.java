package dev.portcullis.worker;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.link.BatchHandler;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.Directive;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.process.ModuleFiles;
import dev.portcullis.core.topology.Topology;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The worker of this process, with the policy that management hands out: that of its own file until
 * the first directive, then that of the directive. A policy that changes later is taken when the
 * module starts again; until then it is said.
 *
 * <p>Thread: {@link #follow} on the loop of lane 0, before the first table and so before the first
 * packet where it exchanges the worker; the rest on any.
 */
final class PolicyFollower implements BatchHandler {

  private final ModuleId self;
  private final int shards;
  private final EventSink log;
  private final Consumer<String> problems;
  private GatewayConfig config;
  private @Nullable Wiring wiring;
  private @Nullable String digest;
  private volatile Worker worker;

  PolicyFollower(
      ModuleId self, GatewayConfig config, int shards, EventSink log, Consumer<String> problems) {
    this.self = self;
    this.config = config;
    this.shards = shards;
    this.log = log;
    this.problems = problems;
    this.worker = new Worker(self, config, Topology.of(config.gateway()), shards, log);
  }

  /** Connects the worker with its threads and channels. */
  void start(Wiring links) {
    wiring = links;
    worker.start(links);
  }

  Worker worker() {
    return worker;
  }

  /** Takes the policy of a directive and returns its table. */
  DistributionTable follow(Directive directive) {
    if (digest == null) {
      digest = directive.policyDigest();
      GatewayConfig told = ModuleFiles.configOf(directive);
      if (told != null && !told.equals(config)) {
        config = told;
        Worker next = new Worker(self, told, Topology.of(told.gateway()), shards, log);
        next.start(Objects.requireNonNull(wiring));
        worker = next;
      }
    } else if (!digest.equals(directive.policyDigest())) {
      problems.accept(
          self
              + ": the configuration has changed; this version takes it when the module starts again");
    }
    return directive.table(config.gateway());
  }

  @Override
  public void onBatch(int lane, ModuleId source, int epoch, PacketBatch batch) {
    worker.onBatch(lane, source, epoch, batch);
  }
}
