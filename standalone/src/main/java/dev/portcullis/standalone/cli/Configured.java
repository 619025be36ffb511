package dev.portcullis.standalone.cli;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A configuration as a command uses it: read from files, with the quantities that options change.
 *
 * @param config the configuration
 * @param source its documents
 */
record Configured(GatewayConfig config, String source) {

  /** The most workers that an option can ask for. */
  static final int MAX_WORKERS = 64;

  static Configured load(List<Path> files, @Nullable Integer workers, @Nullable Integer shards)
      throws CommandException {
    if (workers != null && (workers < 1 || workers > MAX_WORKERS)) {
      throw new CommandException(2, "--workers is " + workers + "; allowed is 1 to " + MAX_WORKERS);
    }
    if (shards != null && (shards < 1 || shards > 16)) {
      throw new CommandException(2, "--shards is " + shards + "; allowed is 1 to 16");
    }
    try {
      ModuleFiles.Loaded loaded = ModuleFiles.load(files);
      GatewayConfig config = loaded.config();
      GatewaySpec spec = config.gateway();
      GatewaySpec.Workers now = spec.workers();
      GatewaySpec.Workers wanted =
          new GatewaySpec.Workers(
              workers == null ? now.replicas() : workers,
              workers == null ? now.quantity() : workers,
              shards == null ? now.shards() : shards);
      return new Configured(
          new GatewayConfig(config.name(), spec.withWorkers(wanted), config.policy()),
          loaded.source());
    } catch (ModuleException e) {
      throw new CommandException(e.exitCode(), e.sentence());
    }
  }

  /** Returns it with another number of workers in the table, and as many that run at least. */
  Configured withQuantity(int quantity) {
    GatewaySpec spec = config.gateway();
    GatewaySpec.Workers now = spec.workers();
    GatewaySpec.Workers wanted =
        new GatewaySpec.Workers(Math.max(now.replicas(), quantity), quantity, now.shards());
    return new Configured(
        new GatewayConfig(config.name(), spec.withWorkers(wanted), config.policy()), source);
  }

  /** The table that a gateway of this configuration begins with. */
  DistributionTable table() {
    return table(1);
  }

  /** The table of this configuration with a number. */
  DistributionTable table(int epoch) {
    GatewaySpec.Workers workers = config.gateway().workers();
    Integer quantity = workers.quantity();
    List<Member> members = new ArrayList<>();
    for (int i = 0; i < (quantity == null ? workers.replicas() : quantity); i++) {
      members.add(member(i, workers));
    }
    for (GatewaySpec.Pool pool : config.gateway().pools()) {
      for (int i = pool.base(); i < pool.base() + pool.replicas(); i++) {
        members.add(member(i, workers));
      }
    }
    return DistributionTable.of(config.gateway(), epoch, epoch - 1, members);
  }

  private static Member member(int number, GatewaySpec.Workers workers) {
    return new Member(number, 1, "127.0.0.1", 1, workers.shards());
  }
}
