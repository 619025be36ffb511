package dev.portcullis.worker;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.link.BatchHandler;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.Directive;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.process.ToldConfig;
import dev.portcullis.core.topology.Topology;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The worker of this process, with the policy that management hands out.
 *
 * <p>Thread: {@link #follow} on that of management, before the first table and so before the first
 * packet where it exchanges the worker; the rest on any.
 */
final class PolicyFollower implements BatchHandler {

  private final ModuleId self;
  private final int shards;
  private final EventSink log;
  private final Consumer<String> problems;
  private final ToldConfig told;
  private @Nullable Wiring wiring;
  private volatile Worker worker;

  PolicyFollower(
      ModuleId self, GatewayConfig config, int shards, EventSink log, Consumer<String> problems) {
    this.self = self;
    this.shards = shards;
    this.log = log;
    this.problems = problems;
    this.told = new ToldConfig(self, config, problems);
    this.worker = new Worker(self, config, Topology.of(config.gateway()), shards, log);
  }

  /** Connects the worker with its threads and channels. */
  void start(Wiring links) {
    wiring = links;
    worker.start(links);
  }

  /** The configuration in use. */
  GatewayConfig config() {
    return told.config();
  }

  Worker worker() {
    return worker;
  }

  /** Takes the policy of a directive, off the threads of packets, and returns its table. */
  DistributionTable follow(Directive directive) {
    switch (told.follow(directive)) {
      case NOTHING_NEW -> {}
      case ANOTHER_TO_BEGIN_WITH -> {
        GatewayConfig config = told.config();
        Worker next = new Worker(self, config, Topology.of(config.gateway()), shards, log);
        next.start(Objects.requireNonNull(wiring));
        worker = next;
      }
      case ANOTHER_POLICY -> {
        String refusal = worker.onPolicy(told.config());
        if (refusal != null) {
          problems.accept(self + ": " + refusal);
        }
      }
    }
    return directive.table(told.config().gateway());
  }

  /** Returns a table of the present configuration. */
  DistributionTable table(int epoch, int previousEpoch, List<Member> workers) {
    return DistributionTable.of(told.config().gateway(), epoch, previousEpoch, workers);
  }

  @Override
  public void onBatch(int lane, ModuleId source, int epoch, PacketBatch batch) {
    worker.onBatch(lane, source, epoch, batch);
  }
}
