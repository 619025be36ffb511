package dev.portcullis.io;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.link.BatchHandler;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.management.ChangeWire;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.io.egress.Egress;
import dev.portcullis.io.ingress.Ingress;
import dev.portcullis.io.port.FrameSink;
import dev.portcullis.io.port.Port;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An IO module: ports on one side, links to all workers on the other. It keeps no state per flow.
 *
 * <p>Thread: everything happens on the loop of the module; {@link #table} and {@link #close} may be
 * called from any thread and go there.
 */
public final class IoModule implements AutoCloseable, FrameSink, IoChange.Host {

  /** Time between two ticks of a live port. */
  static final long TICK_NS = 100_000_000L;

  private final ModuleId self;
  private final LinkLoop loop;
  private final ModuleLinks links;
  private final List<Port> ports;
  private final Ingress ingress;
  private final Egress egress;
  private final IoCounts counts;
  private final Runnable flush = this::flush;
  private final IoChange change;
  private final Consumer<Answer> answers;
  private final Set<Integer> linked = new HashSet<>();
  private final Consumer<List<Life>> linksUp;
  private List<Member> joining = List.of();
  private List<Life> told = List.of();
  private @Nullable DistributionTable table;
  private volatile boolean ready;
  private volatile boolean leaving;
  private volatile boolean left;
  private final AtomicInteger workerStreams = new AtomicInteger();
  private int blockingBytes;
  private boolean started;
  private boolean closed;
  private final PacketBatch time = new PacketBatch(0);
  private long nowNs;

  /** Makes the links of the module, given who handles what they bring. */
  @FunctionalInterface
  public interface LinksFactory {

    /** Returns links whose batches go to {@code handler}. */
    ModuleLinks create(BatchHandler handler);
  }

  /**
   * Makes the module; nothing flows before {@link #start}.
   *
   * @param self which IO module this is
   * @param generation which life of it
   * @param topology tags and pairs
   * @param loop thread of the module
   * @param linksFactory makes its links, with the loop as their only lane
   * @param portsFactory makes its ports
   * @param answers takes what the switch module is to know of changes of table
   * @param linksUp takes the workers without a place in the table to which all links are up
   */
  public IoModule(
      ModuleId self,
      long generation,
      Topology topology,
      LinkLoop loop,
      LinksFactory linksFactory,
      BiFunction<ModuleLinks, LinkLoop, List<Port>> portsFactory,
      Consumer<Answer> answers,
      Consumer<List<Life>> linksUp) {
    this.self = self;
    this.linksUp = linksUp;
    this.answers = answers;
    this.change = new IoChange(new Life(self, generation, 1), this);
    this.loop = loop;
    this.links = linksFactory.create(this::onBatch);
    this.ports = new ArrayList<>(portsFactory.apply(links, loop));
    this.counts = new IoCounts(self.toString(), ports);
    this.ingress =
        new Ingress(
            topology,
            links,
            new Ingress.IngressCounts() {
              @Override
              public void passedOn() {
                counts.passedOn();
              }

              @Override
              public void dropped(PacketBatch batch, int i, DropReason reason) {
                droppedAtIngress(batch, i, reason);
              }

              @Override
              public void failed(PacketBatch batch, int i, RuntimeException fault) {
                counts.failed(batch, i, fault);
              }
            });
    this.egress = new Egress(ports, counts);
    ports.forEach(port -> port.report(counts));
  }

  /** Which IO module this is. */
  public ModuleId self() {
    return self;
  }

  /** What the module has counted. */
  public MetricsSource metrics() {
    return counts;
  }

  /** Whether the module has a table, and is not about to end. */
  public boolean ready() {
    return ready && !leaving;
  }

  /**
   * The module is about to end: from now on it is not {@link #ready}, so that who chooses between
   * IO modules chooses others. It goes on with what comes until a table without it is due.
   */
  void leave() {
    leaving = true;
  }

  /** Whether a table without this module holds, and all that it had is where it belongs. */
  boolean hasLeft() {
    return left;
  }

  /** Links of the module. */
  public ModuleLinks links() {
    return links;
  }

  /** Starts the ports; does nothing when they are started. Thread: the loop. */
  public void start() {
    if (!started) {
      started = true;
      ports.forEach(port -> port.start(this));
      loop.schedule(this::tick, TICK_NS);
    }
  }

  /**
   * From now on assigns by {@code next}; opens links to workers that are new or live elsewhere now,
   * and closes those to workers that are gone.
   *
   * @param then runs on the loop when that is done
   */
  public void table(DistributionTable next, Runnable then) {
    loop.execute(
        () -> {
          DistributionTable previous = table;
          if (closed || previous != null && next.epoch() < previous.epoch()) {
            return;
          }
          if (previous == null || next.epoch() > previous.epoch()) {
            change.abandon();
            open(next);
            switchTo(next);
            closeUnused();
          } else {
            change.complete(next.epoch());
          }
          left = change.hasLeft();
          ready = true;
          then.run();
        });
  }

  /**
   * A step of a change of table.
   *
   * @param coming the table that is coming; with {@code prepare}
   */
  public void order(Order order, @Nullable DistributionTable coming) {
    loop.execute(
        () -> {
          if (!closed) {
            change.order(order, coming);
            left = change.hasLeft();
          }
        });
  }

  /**
   * Opens links to workers that have no place in the table, so that they can have one, and closes
   * those to workers that are none of these any more.
   */
  public void joining(List<Member> workers) {
    loop.execute(
        () -> {
          if (!closed) {
            joining = workers;
            open(workers);
            if (!change.inProgress()) {
              closeUnused();
            }
            told = up();
            linksUp.accept(told);
          }
        });
  }

  /** Whether there is a worker to which what the module has can go. */
  boolean hasWorkers() {
    return workerStreams.get() > 0;
  }

  /** A stream to a worker has come up or gone down. Thread: the loop. */
  void linkChanged(boolean isUp) {
    workerStreams.addAndGet(isUp ? 1 : -1);
    List<Life> now = up();
    if (!now.equals(told)) {
      told = now;
      linksUp.accept(now);
    }
  }

  private List<Life> up() {
    List<Life> lives = new ArrayList<>();
    for (Member member : joining) {
      ModuleId worker = ModuleId.worker(member.number());
      boolean all = true;
      for (int lane = 0; lane < member.shards() && all; lane++) {
        all = links.isUp(0, worker, lane, member.generation());
      }
      if (all) {
        lives.add(ChangeWire.life(member));
      }
    }
    return lives;
  }

  @Override
  public void open(DistributionTable coming) {
    open(coming.workers());
  }

  private void open(List<Member> workers) {
    for (Member member : workers) {
      for (int lane = 0; lane < member.shards(); lane++) {
        links.connect(ModuleId.worker(member.number()), lane, 0, member.host(), member.port());
      }
      linked.add(member.number());
    }
  }

  @Override
  public void switchTo(DistributionTable next) {
    if (table != next) {
      ingress.flush();
      links.epoch(0, next.epoch());
      ingress.table(next);
      table = next;
      counts.epoch(next.epoch());
    }
  }

  @Override
  public void closeUnused() {
    DistributionTable present = table;
    linked.removeIf(
        it -> {
          boolean gone =
              present != null
                  && present.worker(it) == null
                  && joining.stream().noneMatch(worker -> worker.number() == it);
          if (gone) {
            links.disconnect(ModuleId.worker(it));
          }
          return gone;
        });
  }

  @Override
  public void send(ShardId to, PacketBatch row) {
    Outlet outlet = links.outlet(0, to.module(), to.shard());
    outlet.offer(row, 0);
    outlet.flush();
  }

  @Override
  public void eager(boolean it) {
    links.watch(0, it ? (destination, lane, number) -> {} : null);
  }

  @Override
  public void answer(Answer answer) {
    answers.accept(answer);
  }

  /** Tells all workers what time it is, where a port has a clock; then again and again. */
  private void tick() {
    if (closed) {
      return;
    }
    for (Port port : ports) {
      nowNs = Math.max(nowNs, port.nowNs());
    }
    if (nowNs > 0 && change.mayTakeIn()) {
      time.clearRow(0);
      time.count = 1;
      time.captureTimeNs[0] = nowNs;
      time.flags[0] = PacketFlags.TICK;
      time.tag[0] = ports.getFirst().tag();
      ingress.take(time);
      flush(); // ports, too: what one had no room for is known after the last frame that it had
    }
    loop.schedule(this::tick, TICK_NS);
  }

  /** Tells the ports of another policy. */
  public void configure(GatewayConfig config) {
    loop.execute(
        () -> {
          if (!closed) {
            ports.forEach(port -> port.configure(config));
          }
        });
  }

  /**
   * From now on ports that can wait do so while the queue to a worker has no room ({@code
   * limits.linkFull: block}), and what they then have no room for is the kernel's to drop. Before
   * {@link #start}.
   *
   * @param queueBytes bound of a queue
   */
  public void blockWhenFull(int queueBytes) {
    blockingBytes = queueBytes;
  }

  @Override
  public boolean mayTake() {
    return change.mayTakeIn() && (blockingBytes == 0 || ingress.hasRoom(blockingBytes));
  }

  /** Takes frames of a port. Thread: the loop. */
  @Override
  public void take(PacketBatch batch) {
    counts.received(batch);
    if (change.mayTakeIn()) {
      ingress.take(batch);
      links.afterBatches(0, flush);
    } else {
      for (int i = 0; i < batch.count; i++) {
        droppedAtIngress(batch, i, DropReason.SHUTDOWN);
      }
    }
  }

  private void onBatch(int lane, ModuleId source, int epoch, PacketBatch batch) {
    if (source.kind() == ModuleId.Kind.FEED) {
      fromFeed(batch);
    } else {
      change.heard(epoch);
      egress.take(batch);
      links.afterBatches(0, flush);
    }
  }

  /** Frames of a replay; a batch with a row for a port that is not here is not taken. */
  private void fromFeed(PacketBatch batch) {
    for (int i = 0; i < batch.count; i++) {
      if (!egress.has(batch.tag[i])) {
        for (int dropped = 0; dropped < batch.count; dropped++) {
          counts.droppedAtIngress(DropReason.UNKNOWN_TAG);
        }
        return;
      }
    }
    take(batch);
  }

  /** Counts packets that a worker had when it died. Thread: the loop. */
  void lost(long packets) {
    counts.lost(packets);
  }

  private void flush() {
    counts.expressionFailures(ingress.expressionFailures());
    ingress.flush();
    egress.flush();
  }

  private void droppedAtIngress(PacketBatch batch, int i, DropReason reason) {
    counts.droppedAtIngress(reason);
    if ((batch.flags[i] & PacketFlags.REPORT) != 0) {
      batch.flags[i] |= PacketFlags.OUTCOME;
      batch.reason[i] = reason.id();
      batch.pieces[i] = 0;
      batch.l2Length[i] = 0;
      batch.dataLength[i] = 0;
      egress.settled(batch, i);
    }
  }

  /** Stops the ports, sends what is gathered and finishes the links. */
  @Override
  public void close() {
    loop.execute(
        () -> {
          if (!closed) {
            closed = true;
            ports.forEach(Port::close);
            flush();
          }
        });
    links.close();
  }
}
