package dev.portcullis.worker.pipeline;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.management.ChangeShare;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.Replication;
import dev.portcullis.core.process.Faults;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.worker.event.FlowClearing;
import dev.portcullis.worker.event.FlowListing;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.policy.CompiledPolicy;
import dev.portcullis.worker.stage.Outlets;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * One thread of a worker with all that it owns: pipeline, flows, path records. Shards share nothing
 * but the claims of translated tuples.
 *
 * <p>Counted at each shard, in frames ({@link PacketBatch#frames}): {@code received + passedIn =
 * forwarded + passedOut + dropped + held}.
 */
public final class Shard implements ShardChange.Host {

  /** Stamps and acknowledgements of the links of a shard. */
  public interface Stamps {

    /** What is sent from now on goes by this table. Thread: the shard. */
    void epoch(int epoch);

    /** Whether to tell {@link #acknowledged} from now on. Thread: the shard. */
    void watch(boolean it);

    /** Which life of the worker this is. */
    long generation();
  }

  /** The most that waits for a guardian: what is more is dropped. */
  private static final long RELEASE_BYTES = 16L << 20;

  private final Executor loop;
  private final int number;
  private final Stamps stamps;
  private final ShardChange change;
  private final WorkerPipeline pipeline;
  private final Vector vector = new Vector();
  private final ShardChannel[] siblings;
  private final ModuleId self;
  private final Outlets links;
  private long received;
  private long receivedBytes;
  private long passedIn;
  private long lastTickNs;
  private long lastSeenNs;
  private final @Nullable ReplicaFeed feed;
  private final @Nullable Release release;
  private final ReplicaCopy copy;
  private Guardian guardian = Guardian.NONE;

  /** Keeps replicas of other workers. */
  public interface Guardian {

    /** Keeps none. */
    Guardian NONE =
        new Guardian() {
          @Override
          public void take(int worker, int shard, PacketBatch batch, int i) {}

          @Override
          public void answer(int shard) {}
        };

    /** A row about the replica of a worker has come. Thread: the shard. */
    void take(int worker, int shard, PacketBatch batch, int i);

    /** A batch with such rows is through. Thread: the shard. */
    void answer(int shard);
  }

  /**
   * Makes a shard.
   *
   * @param loop runs what other threads give to this shard, in order
   * @param links channels to other modules
   * @param log takes events
   */
  public Shard(
      ModuleId self,
      int number,
      int shards,
      GatewayConfig config,
      Topology topology,
      CompiledPolicy policy,
      PortBlocks blocks,
      Executor loop,
      Outlets links,
      Stamps stamps,
      EventSink log) {
    this.self = self;
    this.number = number;
    this.stamps = stamps;
    this.loop = loop;
    this.links = links;
    this.siblings = new ShardChannel[shards];
    Replication replication = config.gateway().replication();
    this.pipeline =
        new WorkerPipeline(
            config,
            topology,
            policy,
            new Ownership(self.number(), shards, number),
            blocks,
            this::outlet,
            new Faults(self + ": a stage")::failed,
            log);
    this.change =
        new ShardChange(
            new ShardId(self, number),
            shards,
            config.gateway().limits().scaleHoldBytes() / shards,
            pipeline,
            vector,
            this);
    pipeline.change(change);
    pipeline.replicas(this::replicaRow);
    StateJournal journal = pipeline.journal();
    feed =
        journal == null
            ? null
            : new ReplicaFeed(stamps::generation, number, shards, journal, links, this::replicated);
    release =
        feed == null || replication != Replication.SYNC
            ? null
            : new Release(RELEASE_BYTES, feed, this::stampNow, frames -> refused(frames));
    copy = new ReplicaCopy(pipeline.rows());
  }

  private void refused(int frames) {
    pipeline.emit().refused(frames);
    vector.countDropped(StageName.EMIT, DropReason.LINK_QUEUE_FULL, frames);
  }

  /** Connects the shards of a worker with each other; before the first packet. */
  public void join(Shard[] all, long limitBytes) {
    for (int i = 0; i < all.length; i++) {
      siblings[i] = new ShardChannel(self, this, all[i], limitBytes);
    }
  }

  private @Nullable Outlet outlet(ModuleId destination, int lane) {
    if (destination.equals(self) && lane == number) {
      return itself;
    }
    Outlet to = destination.equals(self) ? siblings[lane] : links.to(destination, lane);
    return release == null || to == null ? to : release.gate(to);
  }

  /** What is passed on to this shard itself waits, where it is for a flow that has not come. */
  private final Outlet itself =
      new Outlet() {
        @Override
        public boolean offer(PacketBatch batch, int i) {
          return change.isToCome(batch, i)
              ? change.keepPassed(batch, i)
              : siblings[number].offer(batch, i);
        }

        @Override
        public void flush() {
          siblings[number].flush();
        }

        @Override
        public long pendingBytes() {
          return siblings[number].pendingBytes();
        }

        @Override
        public ModuleId destination() {
          return self;
        }
      };

  /** Number of this shard at its worker. */
  int number() {
    return number;
  }

  @Override
  public @Nullable Outlet outlet(ShardId to) {
    return outlet(to.module(), to.shard());
  }

  @Override
  public void switchTo(DistributionTable table) {
    pipeline.switchTo(table);
    stamp(table.epoch());
  }

  private void stamp(int epoch) {
    if (release == null) {
      stampNow(epoch);
    } else {
      release.stamp(epoch);
    }
  }

  private void stampNow(int epoch) {
    for (ShardChannel it : siblings) {
      it.epoch(epoch);
    }
    stamps.epoch(epoch);
  }

  @Override
  public void watch(boolean it) {
    stamps.watch(it);
  }

  @Override
  public void goOn() {
    pipeline.resumeAll(vector);
  }

  @Override
  public long replicate(int epoch, KeyClass of, boolean active) {
    return feed == null ? 0 : feed.record(epoch, of, active);
  }

  /** Guardians have all changes up to a number: what waited for them leaves. */
  private void replicated(long upTo) {
    if (release != null) {
      release.drain();
    }
    change.replicated(upTo);
  }

  /** A row about a replica: of this shard, how far its guardian is; else it is the guardian. */
  private void replicaRow(int source, PacketBatch batch, int i) {
    if (StateMessage.type(batch, i) != StateMessage.REPLICATED) {
      guardian.take(source, number, batch, i);
    } else if (feed != null && StateMessage.words(batch, i) == 2) {
      feed.acknowledged(
          ModuleId.worker(source), StateMessage.word(batch, i, 0), StateMessage.word(batch, i, 1));
    }
  }

  /** Tells guardians what has changed. */
  private void replicate() {
    if (feed != null) {
      feed.flush(lastSeenNs);
      if (release != null) {
        release.drain();
      }
      guardian.answer(number);
    }
  }

  /** Who should have the replica of this shard. Thread: the shard, as for all about guardians. */
  public void onGuard(Life it) {
    if (feed != null) {
      feed.guard(it);
      replicate();
    }
  }

  /** A guardian is known to have all: others need not. */
  public void onGuarded(Life it) {
    if (feed != null) {
      feed.guarded(it);
      replicate();
    }
  }

  @Override
  public void flowsWereLost() {
    pipeline.events().flowsWereLost();
  }

  /** A stream of an IO module to this shard is open, or has ended. */
  public void onIoStream(int io, boolean open) {
    pipeline.emit().ioStream(io, open);
  }

  @Override
  public void ioLeaves(int io) {
    pipeline.emit().ioLeaves(io);
  }

  /** A life has ended: nobody waits for it. */
  public void onEnded(Life it) {
    if (feed != null) {
      feed.ended(it);
      replicate();
    }
  }

  /** A module has this life now, and none before it. */
  public void onLife(ModuleId module, long generation) {
    if (feed != null) {
      feed.lives(module, generation);
      replicate();
    }
  }

  /**
   * What guardians were told.
   *
   * @param entries changes that were sent
   * @param bytes bytes of them
   * @param lag messages that have not been acknowledged
   * @param unprotected whether a crash now takes the flows along
   */
  public record Replicated(long entries, long bytes, long lag, boolean unprotected) {}

  /** What guardians were told. Any thread. */
  public Replicated replication() {
    return feed == null
        ? new Replicated(0, 0, 0, true)
        : new Replicated(feed.rows(), feed.bytes(), feed.lag(), feed.isUnprotected());
  }

  /** Says who keeps replicas of others. Thread: the shard. */
  public void guards(Guardian it) {
    guardian = it;
  }

  /** This shard takes entries and no packets: nothing ends here by itself. Thread: the shard. */
  public void passive() {
    pipeline.passive();
  }

  /** The state of this shard as the copy of another's. Thread: this shard. */
  public ReplicaCopy copy() {
    return copy;
  }

  @Override
  public void process(PacketBatch released) {
    vector.begin(released, false);
    pipeline.process(vector);
    vector.end();
  }

  @Override
  public void passedToItself(int frames) {
    passedIn += frames;
  }

  /** A step of a change of table. Thread: this shard. */
  public void onOrder(
      Order order,
      @Nullable DistributionTable now,
      @Nullable DistributionTable next,
      ShardChange.Reports reports) {
    change.order(order, now, next, lastSeenNs, reports);
    replicate();
    flush();
  }

  /** A lane of a module has handled all up to a number. Thread: this shard. */
  public void acknowledged(ModuleId module, int lane, long upTo) {
    change.acknowledged(new ShardId(module, lane), upTo);
    replicate();
    flush();
  }

  /** Runs a task on this shard. Any thread. */
  void execute(Runnable task) {
    loop.execute(task);
  }

  /**
   * Handles packets that came over a channel. Thread: this shard.
   *
   * @param epoch number of the table by which they were sent
   */
  public void onBatch(ModuleId source, int epoch, PacketBatch batch) {
    for (int i = 0; i < batch.count; i++) {
      int frames = batch.frames(i);
      received += frames;
      receivedBytes += frames == 0 ? 0 : batch.dataLength[i] + batch.l2Length[i];
    }
    if (batch.count > 0) {
      lastSeenNs = batch.captureTimeNs[batch.count - 1];
    }
    pipeline.source(source.number());
    process(batch, epoch, false);
    for (int i = 0; i < batch.count; i++) {
      if ((batch.flags[i] & PacketFlags.TICK) != 0) {
        tick(batch, i);
      }
    }
    vector.end();
    change.afterBatch();
    replicate();
  }

  private void tick(PacketBatch batch, int i) {
    vector.current = i;
    lastTickNs = Math.max(lastTickNs, batch.captureTimeNs[i]);
    int caused = pipeline.letGo(vector, batch.captureTimeNs[i]);
    boolean more = pipeline.tick(batch.captureTimeNs[i], batch.frameLength[i]);
    pipeline.resume(vector);
    if ((batch.flags[i] & PacketFlags.REPORT) != 0) {
      pipeline.emit().answerTick(batch, i, caused, more, pipeline.events().lost());
    }
  }

  /** Handles packets of another shard of this worker. Thread: this shard. */
  void onPassed(PacketBatch batch, int epoch) {
    for (int i = 0; i < batch.count; i++) {
      passedIn += batch.frames(i);
    }
    pipeline.source(self.number());
    process(batch, epoch, true);
    vector.end();
    change.afterBatch();
    replicate();
    flush();
  }

  /** What messages set free leaves at once. */
  private void process(PacketBatch batch, int epoch, boolean fromOwnWorker) {
    boolean changing = change.changing();
    if (changing) {
      change.before(epoch);
    }
    vector.begin(batch, fromOwnWorker);
    if (changing) {
      change.sift(vector, epoch);
    }
    pipeline.process(vector);
    if (vector.hasMessages) {
      pipeline.resume(vector);
    }
  }

  /**
   * Works by a new table from the next packet on; no state moves by it. One that is here already
   * changes nothing. Thread: this shard.
   */
  public void onTable(DistributionTable table) {
    DistributionTable before = pipeline.ownership().table;
    if (before == null || before.epoch() < table.epoch()) {
      change.abandon();
      pipeline.onTable(table);
      stamp(table.epoch());
    } else {
      change.complete(table.epoch());
    }
    replicate();
    flush();
  }

  /** Works by a new policy from the next packet on. Thread: this shard. */
  public void onPolicy(CompiledPolicy next) {
    pipeline.onPolicy(next);
  }

  /** The worker ends: tells of every flow that it still has. Thread: this shard. */
  public void tellOfFlows() {
    pipeline.events().shutdown();
  }

  /**
   * Lists flows, slice by slice between packets. Any thread.
   *
   * @param then takes the listing when it is complete; on this shard
   */
  public void list(FlowFilter filter, Consumer<FlowListing> then) {
    execute(() -> slice(pipeline.events().listing(filter, lastTickNs), then));
  }

  private void slice(FlowListing listing, Consumer<FlowListing> then) {
    if (listing.slice()) {
      then.accept(listing);
    } else {
      execute(() -> slice(listing, then));
    }
  }

  /**
   * Ends flows, slice by slice between packets. Any thread.
   *
   * @param then takes how many there were when all are ended; on this shard
   */
  public void clear(FlowFilter filter, LongConsumer then) {
    execute(() -> slice(pipeline.events().clearing(filter, lastTickNs), then));
  }

  private void slice(FlowClearing clearing, LongConsumer then) {
    if (clearing.slice()) {
      then.accept(clearing.cleared());
    } else {
      execute(() -> slice(clearing, then));
    }
  }

  /** Events that were more than the configuration allows. */
  public long eventsSuppressed() {
    return pipeline.events().suppressed();
  }

  /** Sends what is gathered. Thread: this shard. */
  public void flush() {
    pipeline.emit().flush();
    change.flush();
  }

  /** Packets that came from other modules. Any thread; the same holds for all counts here. */
  public long received() {
    return received;
  }

  /** Bytes of them, link-layer headers included. */
  public long receivedBytes() {
    return receivedBytes;
  }

  /** Packets that came from other shards of this worker. */
  public long passedIn() {
    return passedIn;
  }

  /** Packets that went to other shards of this worker. */
  public long passedOut() {
    return pipeline.emit().passed();
  }

  /** Packets that went to IO modules and other workers. */
  public long forwarded() {
    return pipeline.emit().forwarded();
  }

  /** Packets that went to the worker with this identification number. */
  public long redistributedTo(int worker) {
    return pipeline.emit().redistributedTo(worker);
  }

  /** Packets that this shard made itself and sent. */
  public long originated() {
    return pipeline.emit().originated();
  }

  /** ICMP errors and resets that were not made because there were too many. */
  public long errorsSuppressed() {
    return pipeline.errorsSuppressed();
  }

  /** Outcomes that could not be sent because a queue was full. */
  public long outcomesLost() {
    return pipeline.emit().outcomesLost();
  }

  /** Packets that a stage dropped for a reason. */
  public long dropped(StageName stage, DropReason reason) {
    return vector.dropped(stage, reason);
  }

  /** Frames that stages keep now. */
  public long held() {
    return vector.held();
  }

  /** All packets dropped. */
  public long dropped() {
    return vector.dropped();
  }

  /** What changes of table were for this shard; blocked: of the last one. */
  public ChangeShare changes() {
    return new ChangeShare(
        pipeline.flowsGiven(),
        pipeline.flowsNotGiven(),
        change.blockedNs(),
        change.held(),
        change.blocked());
  }

  /** The pipeline, for what looks at its tables. */
  public WorkerPipeline pipeline() {
    return pipeline;
  }
}
