package dev.portcullis.worker;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.link.BatchHandler;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.ChangeShare;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.worker.event.FlowListing;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.pipeline.Shard;
import dev.portcullis.worker.pipeline.ShardChange;
import dev.portcullis.worker.policy.CompiledPolicy;
import dev.portcullis.worker.policy.SourceNatTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A worker module: enforces the policy on the packets whose keys it owns, with one thread per
 * shard. A plain object: links, threads and table come from outside.
 *
 * <p>Until {@link #start} it takes no packets; until the first table it drops all of them ({@code
 * no-table}).
 */
public final class Worker implements BatchHandler {

  private final ModuleId self;
  private volatile GatewayConfig config;
  private final Topology topology;
  private final int shardCount;
  private final EventSink log;
  private Shard[] shards = {};
  private Runnable[] flushes = {};
  private @Nullable Wiring wiring;
  private @Nullable PortBlocks blocks;
  private @Nullable CompiledPolicy policy;

  /**
   * Makes a worker.
   *
   * @param shards threads: 1 to 16
   */
  public Worker(ModuleId self, GatewayConfig config, Topology topology, int shards) {
    this(self, config, topology, shards, EventSink.NONE);
  }

  /**
   * Makes a worker that logs events.
   *
   * @param shards threads: 1 to 16
   * @param log takes events
   */
  public Worker(ModuleId self, GatewayConfig config, Topology topology, int shards, EventSink log) {
    if (shards < 1 || shards > 16) {
      throw new IllegalArgumentException("a worker has 1 to 16 shards, not " + shards);
    }
    this.self = self;
    this.config = config;
    this.topology = topology;
    this.shardCount = shards;
    this.log = log;
  }

  /** Connects the worker with its threads and channels; once, before the first batch. */
  public void start(Wiring links) {
    PortBlocks claims = CompiledPolicy.blocks(config);
    CompiledPolicy compiled = CompiledPolicy.of(config, topology, claims);
    Shard[] made = new Shard[shardCount];
    Runnable[] flush = new Runnable[shardCount];
    for (int i = 0; i < shardCount; i++) {
      int number = i;
      Shard shard =
          new Shard(
              self,
              i,
              shardCount,
              config,
              topology,
              compiled,
              claims,
              task -> links.execute(number, task),
              links.outlets(i),
              new Shard.Stamps() {
                @Override
                public void epoch(int epoch) {
                  links.epoch(number, epoch);
                }

                @Override
                public void watch(boolean it) {
                  links.watch(number, it ? shards[number]::acknowledged : null);
                }

                @Override
                public long generation() {
                  return links.generation();
                }
              },
              log);
      made[i] = shard;
      flush[i] = shard::flush;
    }
    for (Shard shard : made) {
      shard.join(made, config.gateway().limits().linkQueueBytes());
    }
    blocks = claims;
    policy = compiled;
    wiring = links;
    shards = made;
    flushes = flush;
  }

  /**
   * Works by a new policy, of a configuration that {@code LiveChange} allows: it is compiled on the
   * calling thread, and each shard takes it between two batches. Thread: one at a time, none of a
   * shard.
   *
   * @return why it is not taken, null when it is
   */
  public @Nullable String onPolicy(GatewayConfig next) {
    Wiring links = started();
    PortBlocks claims = Objects.requireNonNull(blocks);
    if (claims.pools() + SourceNatTable.addresses(next).size() > PortBlocks.MAX_POOLS) {
      return "the policies of this worker have named more than "
          + PortBlocks.MAX_POOLS
          + " addresses to translate to; a restart forgets those of the earlier ones";
    }
    CompiledPolicy compiled = Objects.requireNonNull(policy).next(next, claims);
    config = next;
    policy = compiled;
    for (int i = 0; i < shards.length; i++) {
      Shard shard = shards[i];
      links.execute(i, () -> shard.onPolicy(compiled));
    }
    return null;
  }

  /** Whether a change of table hands flows over: not where gateways compute paths. */
  boolean handsOver() {
    return config.gateway().path() == GatewaySpec.PathMode.RECORD;
  }

  /** Number of this worker. */
  int number() {
    return self.number();
  }

  /** The policy that was compiled last. Any thread. */
  public PolicySpec policy() {
    return config.policy();
  }

  /** Works by a new table: each shard from its next batch on. Any thread. */
  public void onTable(DistributionTable table) {
    onTable(table, () -> {});
  }

  /**
   * Works by a new table: each shard from its next batch on; no state moves by it. Any thread.
   *
   * @param then run when every shard does so; on a shard
   */
  public void onTable(DistributionTable table, Runnable then) {
    Wiring links = started();
    AtomicInteger missing = new AtomicInteger(shards.length);
    for (int i = 0; i < shards.length; i++) {
      Shard shard = shards[i];
      links.execute(
          i,
          () -> {
            shard.onTable(table);
            if (missing.decrementAndGet() == 0) {
              then.run();
            }
          });
    }
  }

  /**
   * A step of a change of table, for every shard. Any thread.
   *
   * @param now the table before, with {@code prepare}
   * @param next the table that is coming, likewise
   * @param reports told how far each shard is
   */
  public void onOrder(
      Order order,
      @Nullable DistributionTable now,
      @Nullable DistributionTable next,
      ShardChange.Reports reports) {
    Wiring links = started();
    for (int i = 0; i < shards.length; i++) {
      Shard shard = shards[i];
      links.execute(i, () -> shard.onOrder(order, now, next, reports));
    }
    if (order instanceof Retire retire) {
      Objects.requireNonNull(blocks).claims().settled(retire.epoch());
    }
  }

  /** What an earlier life of this worker had is not here, or not all of it. Any thread. */
  void flowsWereLost() {
    onShards(Shard::flowsWereLost);
  }

  /** A stream of an IO module to a shard is open, or has ended. Any thread. */
  void onIoStream(int shard, ModuleId io, boolean open) {
    started().execute(shard, () -> shards[shard].onIoStream(io.number(), open));
  }

  /** Tells every shard something. Any thread. */
  void onShards(Consumer<Shard> news) {
    Wiring links = started();
    for (int i = 0; i < shards.length; i++) {
      Shard shard = shards[i];
      links.execute(i, () -> news.accept(shard));
    }
  }

  /**
   * Flows and packets that changes of table moved and held so far, and how long the last one, or
   * the one in progress, has blocked a class. Any thread.
   */
  ChangeShare changes() {
    ChangeShare all = ChangeShare.NONE;
    for (Shard shard : shards) {
      all = all.and(shard.changes());
    }
    return all;
  }

  @Override
  public void onBatch(int lane, ModuleId source, int epoch, PacketBatch batch) {
    shards[lane].onBatch(source, epoch, batch);
    started().afterBatches(lane, flushes[lane]);
  }

  /**
   * Lists live flows without stopping traffic; what a shard has not told within 5 seconds is left
   * out. Any thread but those of shards.
   */
  FlowPage flows(FlowFilter filter) {
    if (filter.worker() >= 0 && filter.worker() != self.number()) {
      return FlowPage.NONE;
    }
    List<CompletableFuture<FlowListing>> listings = new ArrayList<>();
    for (Shard shard : shards) {
      CompletableFuture<FlowListing> listing = new CompletableFuture<>();
      shard.list(filter, listing::complete);
      listings.add(listing.completeOnTimeout(null, 5, TimeUnit.SECONDS));
    }
    FlowPage page = FlowPage.NONE;
    for (CompletableFuture<FlowListing> it : listings) {
      FlowListing listing = it.join();
      page =
          listing == null
              ? new FlowPage(page.lines(), true)
              : page.and(new FlowPage(listing.lines(), listing.more()), filter.limit());
    }
    return page;
  }

  /**
   * Ends live flows without stopping traffic: their translated ports are free again, and an event
   * tells of each. Any thread.
   *
   * @param filter which; its limit does not count
   * @return how many there were
   */
  CompletableFuture<Long> clear(FlowFilter filter) {
    CompletableFuture<Long> all = CompletableFuture.completedFuture(0L);
    if (filter.worker() >= 0 && filter.worker() != self.number()) {
      return all;
    }
    for (Shard shard : shards) {
      CompletableFuture<Long> cleared = new CompletableFuture<>();
      shard.clear(filter, cleared::complete);
      all = all.thenCombine(cleared, Long::sum);
    }
    return all;
  }

  /** Writes an event of every flow that there still is; takes a few seconds at most. */
  void tellOfFlows() {
    CountDownLatch done = new CountDownLatch(shards.length);
    Wiring links = started();
    for (int i = 0; i < shards.length; i++) {
      Shard shard = shards[i];
      links.execute(
          i,
          () -> {
            shard.tellOfFlows();
            done.countDown();
          });
    }
    try {
      done.await(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Wiring started() {
    if (wiring == null) {
      throw new IllegalStateException("the worker was not started");
    }
    return wiring;
  }

  /** The shards, for counters and tables. */
  public List<Shard> shards() {
    return new ArrayList<>(List.of(shards));
  }
}
