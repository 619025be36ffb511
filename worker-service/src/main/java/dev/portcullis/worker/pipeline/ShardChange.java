package dev.portcullis.worker.pipeline;

import dev.portcullis.core.change.ShardRow;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ChangeWorker;
import dev.portcullis.core.elastic.ControlMessage.Abort;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.elastic.ShardMessage;
import dev.portcullis.core.elastic.ShardMessage.Activate;
import dev.portcullis.core.elastic.ShardMessage.Barrier;
import dev.portcullis.core.elastic.ShardMessage.Copy;
import dev.portcullis.core.elastic.ShardMessage.Taken;
import dev.portcullis.core.elastic.Timing;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.management.ChangeShare.Blocked;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A change of table in a shard: runs {@link ChangeWorker} between the channels and the pipeline.
 * Outside of a change nothing of it is on the way of a packet. What others say of the change is
 * done when the batch that brought it is through. Thread: the shard.
 */
public final class ShardChange implements ChangeWorker.Actions, Ownership.Admission {

  /** What the shard does for it. */
  interface Host {

    /** The channel to a shard, null where there is none. */
    @Nullable Outlet outlet(ShardId to);

    /** From now on sends by this table. */
    void switchTo(DistributionTable table);

    /** Flows have not been handed over that were to be. */
    void flowsWereLost();

    /** An IO module takes nothing in any more and is about to end. */
    void ioLeaves(int io);

    /** Whether to be told at once of what others have handled. */
    void watch(boolean it);

    /** Writes down at the guardian that a class is active, or about to go; 0: there is none. */
    long replicate(int epoch, KeyClass of, boolean active);

    /** What waits for answers of other shards leaves. */
    void goOn();

    /** Takes packets that have waited through the pipeline. */
    void process(PacketBatch released);

    /** Frames of a packet that is passed on to this shard itself wait here. */
    void passedToItself(int frames);
  }

  /** Told how far the shard is; any order. Calls come on the shard. */
  public interface Reports {

    /** The table is known, and state has been copied if {@code copied}. */
    void prepared(int shard, int epoch, boolean copied);

    /** Nothing is left to do. */
    void done(int shard, int epoch);

    /** A barrier has not come in time. */
    void missing(int epoch, ModuleId member);
  }

  /** Flags of a packet that its key alone leads here. */
  private static final int LED =
      PacketFlags.RECORD
          | PacketFlags.REDIRECTED
          | PacketFlags.RELATED
          | PacketFlags.REASSEMBLED
          | PacketFlags.ANNOUNCED
          | PacketFlags.MOVED;

  /**
   * An IO module whose barrier is late is not awaited after 5 s and not after {@link
   * Timing#DEFAULT}'s 200 ms: nobody makes it begin anew, so its late packets would be dropped.
   * Packets are held as long as the change takes: the room for them and the switch module's
   * patience are the bounds.
   */
  private static final Timing TIMING =
      new Timing(Timing.DEFAULT.prepareNs(), 5_000_000_000L, Long.MAX_VALUE);

  private record Said(ShardId from, ShardMessage message) {}

  private final ShardId self;
  private final int shards;
  private final long holdBytes;
  private final Host host;
  private final HandOver content;
  private final Ownership ownership;
  private final Vector vector;
  private final ShardRow row = new ShardRow();
  private final HeldPackets held = new HeldPackets();
  private final PacketBatch released = new PacketBatch(PacketBatch.TARGET_BYTES);
  private final PacketHeader header = new PacketHeader();
  private final FlowKey key = new FlowKey();
  private final Set<Outlet> unsent = new HashSet<>();
  private final List<Said> said = new ArrayList<>();
  private final List<Said> deferred = new ArrayList<>();
  private @Nullable ChangeWorker machine;
  private @Nullable DistributionTable now;
  private @Nullable DistributionTable next;
  private @Nullable Reports reports;
  private List<Life> leaving = List.of();
  private int releasedBytes;
  private int heldFrames;
  private long[] blockedSince = {};
  private long blockedNs;
  private volatile List<Blocked> blocked = List.of();
  private long heldOfAll;
  private int ownerNow;

  ShardChange(
      ShardId self, int shards, long holdBytes, WorkerPipeline pipeline, Vector vector, Host host) {
    this.self = self;
    this.shards = shards;
    this.holdBytes = holdBytes;
    this.vector = vector;
    this.host = host;
    content = pipeline.handOver();
    ownership = pipeline.ownership();
    content.beforeClosing(host::goOn);
  }

  /** The longest that packets of a class waited in the last change. Any thread. */
  long blockedNs() {
    return blockedNs;
  }

  /** Classes for which packets waited here in the last change. Any thread. */
  List<Blocked> blocked() {
    return blocked;
  }

  /** Packets that have waited so far. Any thread. */
  long held() {
    return heldOfAll;
  }

  /** Whether a change is in progress. */
  boolean changing() {
    return machine != null;
  }

  /**
   * A step of a change.
   *
   * @param from the table before; with {@code prepare}
   * @param to the table that is coming; likewise
   * @param timeNs capture time of the packet or tick before
   */
  void order(
      Order order,
      @Nullable DistributionTable from,
      @Nullable DistributionTable to,
      long timeNs,
      Reports whom) {
    if (order instanceof Prepare prepare && from != null && to != null) {
      prepare(prepare, from, to, timeNs, whom);
      return;
    }
    ChangeWorker it = machine;
    if (it == null) {
      return;
    }
    it.tick(System.nanoTime());
    switch (order) {
      case Commit _ -> it.commit();
      case Abort _ -> {
        it.abort();
        end();
      }
      case Retire _ -> {
        it.retire();
        end();
      }
      case Generation generation -> it.generation(generation.ended(), generation.successor());
      default -> {}
    }
    afterSwitch();
    afterBatch();
  }

  /** What is sent by the next table leaves by no IO module that has no place in it. */
  private void afterSwitch() {
    ChangeWorker it = machine;
    DistributionTable coming = next;
    if (!leaving.isEmpty() && it != null && coming != null && it.epoch() == coming.epoch()) {
      leaving.forEach(io -> host.ioLeaves(io.module().number()));
      leaving = List.of();
    }
  }

  private void prepare(
      Prepare prepare, DistributionTable from, DistributionTable to, long timeNs, Reports whom) {
    abandon();
    now = from;
    next = to;
    reports = whom;
    content.tables(from, to, timeNs);
    leaving =
        prepare.now().lives().stream()
            .filter(it -> !it.isWorker() && !prepare.next().has(it.module()))
            .toList();
    blockedNs = 0;
    blocked = List.of();
    int highest = from.workers().stream().mapToInt(Member::number).max().orElse(0);
    blockedSince = new long[(highest + 1) * Lanes.COUNT];
    ChangeWorker it =
        new ChangeWorker(
            self, shards, Lanes.COUNT, holdBytes, TIMING, prepare.now(), content, this);
    machine = it;
    ownership.admission = this;
    host.watch(true);
    it.tick(System.nanoTime());
    it.prepare(prepare.now(), prepare.next(), false);
  }

  /** The change to a table is complete, if it is in progress: its last step has not come. */
  void complete(int epoch) {
    ChangeWorker it = machine;
    boolean isLast = next != null && next.epoch() == epoch;
    if (it != null && isLast && it.epoch() == epoch) {
      it.retire();
      end();
    }
  }

  /** A change that nobody goes on with: what waits is dropped. */
  void abandon() {
    ChangeWorker it = machine;
    if (it != null) {
      if (next != null && it.epoch() == next.epoch()) {
        host.flowsWereLost();
      }
      content.settle();
      vector.released(heldFrames);
      vector.countDropped(StageName.REDISTRIBUTE, DropReason.SCALE_HOLD, heldFrames);
      end();
    }
  }

  private void end() {
    machine = null;
    now = null;
    next = null;
    ownership.admission = null;
    heldFrames = 0;
    held.clear();
    said.clear();
    deferred.clear();
    host.watch(false);
  }

  /** Packets under a table are next. */
  void before(int epoch) {
    ChangeWorker it = machine;
    if (it != null) {
      it.tick(System.nanoTime());
      it.heard(epoch);
      afterSwitch();
    }
  }

  /** W2, for all packets of a batch that came under a table. */
  void sift(Vector v, int epoch) {
    DistributionTable before = now;
    if (before == null) {
      return;
    }
    int under = Math.max(epoch, before.epoch());
    for (int i = 0; i < v.batch.count; i++) {
      if (v.kind[i] == Vector.MESSAGE && isOfKey(v.batch, i)) {
        if (admit(v.batch, i, under) == ChangeWorker.HOLD) {
          keep(v.batch, i);
          v.kind[i] = Vector.CONSUMED;
        }
      } else if (v.kind[i] == Vector.PARSED) {
        v.current = i;
        int verdict = admit(v.batch, i, under);
        if (verdict == ChangeWorker.HOLD) {
          int frames = v.batch.frames(i);
          if (keep(v.batch, i)) {
            v.hold(i);
            heldFrames += frames;
          } else {
            v.drop(i, StageName.REDISTRIBUTE, DropReason.SCALE_HOLD);
          }
        } else if (verdict == ChangeWorker.NOT_OWNER && (v.batch.flags[i] & LED) == 0) {
          v.drop(i, StageName.REDISTRIBUTE, DropReason.NOT_OWNER);
        }
      }
    }
  }

  /** Whether a message is about one key, whose state it needs: it is treated like a packet. */
  private static boolean isOfKey(PacketBatch batch, int i) {
    return StateMessage.type(batch, i) == StateMessage.PATH_ENDED;
  }

  /** What becomes of a packet; sets {@link #key} and {@link #ownerNow}. */
  private int admit(PacketBatch batch, int i, int under) {
    ChangeWorker it = machine;
    int flags = batch.flags[i];
    if (it == null || (flags & PacketFlags.MOVED) != 0) {
      return ChangeWorker.PROCESS;
    }
    boolean isForRecord =
        (flags & (PacketFlags.RECORD | PacketFlags.REDIRECTED | PacketFlags.RELATED))
            == PacketFlags.RECORD;
    if (isForRecord) {
      header.parse(batch.bytes, batch.dataOffset[i], batch.dataLength[i]);
      if (!header.hasAddresses) {
        return ChangeWorker.PROCESS;
      }
      ownership.table().assignReply(header, key);
    } else {
      key.set(batch.trafficClass[i], batch.vHigh[i], batch.vLow[i]);
    }
    return admit(it, under);
  }

  private int admit(ChangeWorker it, int under) {
    DistributionTable before = now;
    DistributionTable coming = next;
    int lane = lane();
    if (before == null || coming == null || !ownership.runs(lane)) {
      return ChangeWorker.PROCESS;
    }
    ownerNow = before.owner(key.trafficClass, key.vHigh, key.vLow);
    int ownerNext = coming.owner(key.trafficClass, key.vHigh, key.vLow);
    return it.admit(under, ownerNow, ownerNext, lane);
  }

  private int lane() {
    return Lanes.laneOf(key.vHigh, key.vLow);
  }

  @Override
  public boolean isActive(int trafficClass, long vHigh, long vLow) {
    ChangeWorker it = machine;
    if (it == null) {
      return true;
    }
    key.set(trafficClass, vHigh, vLow);
    return admit(it, it.epoch()) == ChangeWorker.PROCESS;
  }

  private boolean keep(PacketBatch batch, int i) {
    ChangeWorker it = machine;
    int bytes = batch.rowBytes(i);
    long handle = held.keep(batch, i);
    if (it != null && it.hold(ownerNow, lane(), handle, bytes)) {
      int of = ownerNow * Lanes.COUNT + lane();
      blockedSince[of] = blockedSince[of] == 0 ? System.nanoTime() : blockedSince[of];
      heldOfAll++;
      return true;
    }
    held.gone(handle);
    return false;
  }

  /** Whether a packet that is passed on to this shard itself is for a flow that has not come. */
  boolean isToCome(PacketBatch batch, int i) {
    ChangeWorker it = machine;
    boolean isMessage = (batch.flags[i] & PacketFlags.MESSAGE) != 0;
    return it != null
        && (!isMessage || isOfKey(batch, i))
        && admit(batch, i, it.epoch()) == ChangeWorker.HOLD;
  }

  /**
   * Keeps a packet that was just found {@link #isToCome}.
   *
   * @return false where there is no room
   */
  boolean keepPassed(PacketBatch batch, int i) {
    if (!keep(batch, i)) {
      return false;
    }
    int frames = batch.frames(i);
    vector.released(-frames);
    heldFrames += frames;
    host.passedToItself(frames);
    return true;
  }

  /** A message of a change, in a batch that is being processed. */
  void received(PacketBatch batch, int i) {
    ChangeWorker it = machine;
    ShardId from = ShardRow.from(batch, i);
    if (it == null || from == null) {
      return;
    }
    ShardMessage message = ShardRow.read(batch, i);
    if (message instanceof Copy) {
      it.arrived(from, message); // its entries are next
    } else {
      said.add(new Said(from, message));
    }
  }

  /** A batch is through: does what was said in it. */
  void afterBatch() {
    if (!said.isEmpty()) {
      List<Said> all = List.copyOf(said);
      said.clear();
      for (Said one : all) {
        arrived(one);
      }
    }
    if (!deferred.isEmpty() && content.portsKnown()) {
      List<Said> all = List.copyOf(deferred);
      deferred.clear();
      for (Said one : all) {
        arrived(one);
      }
    }
  }

  /** A class begins here when it is known, too, which translated ports are in use. */
  private void arrived(Said it) {
    ChangeWorker to = machine;
    if (to == null) {
      return;
    }
    if (it.message() instanceof Activate && !content.portsKnown()) {
      deferred.add(it);
    } else {
      to.arrived(it.from(), it.message());
    }
  }

  /** The guardian has all changes up to a number. */
  void replicated(long upTo) {
    ChangeWorker it = machine;
    if (it != null) {
      it.replicated(upTo);
    }
  }

  /** A shard has handled all up to a number. */
  void acknowledged(ShardId by, long upTo) {
    ChangeWorker it = machine;
    if (it != null) {
      it.acknowledged(by, upTo);
    }
  }

  @Override
  public void send(ShardId to, ShardMessage message) {
    DistributionTable coming = next;
    if (message instanceof Barrier && coming != null && ownership.table != coming) {
      host.switchTo(coming);
    }
    if (message instanceof Taken taken) {
      goesOn(taken.of());
    }
    Outlet outlet = host.outlet(to);
    if (outlet != null) {
      outlet.offer(row.write(self, message), 0);
      unsent.add(outlet);
    }
    if (message instanceof Copy copy) {
      content.give(copy.of());
    }
  }

  /** A class has begun here. */
  private void goesOn(KeyClass of) {
    int at = of.from() * Lanes.COUNT + of.lane();
    if (at < blockedSince.length && blockedSince[at] != 0) {
      long ns = System.nanoTime() - blockedSince[at];
      blockedSince[at] = 0;
      blockedNs = Math.max(blockedNs, ns);
      List<Blocked> all = new ArrayList<>(blocked);
      all.add(new Blocked(of.from(), of.to(), of.lane(), ns));
      blocked = List.copyOf(all);
    }
  }

  /** Sends what has been said. */
  void flush() {
    if (!unsent.isEmpty()) {
      unsent.forEach(Outlet::flush);
      unsent.clear();
    }
  }

  @Override
  public long lastNumber(ShardId to) {
    Outlet outlet = host.outlet(to);
    return outlet == null ? 0 : outlet.lastNumber();
  }

  @Override
  public void process(long packet) {
    PacketBatch from = held.batch(packet);
    int i = HeldPackets.row(packet);
    int size = from.rowBytes(i);
    boolean full =
        released.count == Vector.SPAN
            || released.count > 0 && releasedBytes + size > PacketBatch.TARGET_BYTES;
    if (full) {
      processed();
    }
    releasedBytes = released.append(from, i, releasedBytes);
    held.gone(packet);
  }

  @Override
  public void processed() {
    if (released.count > 0) {
      int frames = 0;
      for (int i = 0; i < released.count; i++) {
        frames += released.frames(i);
      }
      vector.released(frames);
      heldFrames -= frames;
      host.process(released);
      released.count = 0;
      releasedBytes = 0;
    }
  }

  @Override
  public long replicate(KeyClass of, boolean active) {
    DistributionTable coming = next;
    return coming == null ? 0 : host.replicate(coming.epoch(), of, active);
  }

  @Override
  public void prepared(int epoch, boolean copied) {
    if (reports != null) {
      reports.prepared(self.shard(), epoch, copied);
    }
  }

  @Override
  public void done(int epoch) {
    if (reports != null) {
      reports.done(self.shard(), epoch);
    }
  }

  @Override
  public void missing(int epoch, ModuleId member) {
    if (reports != null) {
      reports.missing(epoch, member);
    }
  }
}
