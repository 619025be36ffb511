package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.Content;
import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.Members;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.LentTuples;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.stage.Ownership;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The state of a shard as a change of table moves it: a class goes at once, when no packet of it
 * comes any more, as messages behind a copy ({@link
 * dev.portcullis.core.elastic.ShardMessage.Copy}); nothing goes ahead.
 *
 * <p>Whose a translated port is follows from the table too, and who may get the first packet of an
 * announced connection. Before any class goes, each shard tells the new owners of ports which
 * tuples live, and again what is expected, then {@link StateMessage#DONE} to all; a worker uses the
 * blocks that it has gained when it has heard that of all, and those that it has lost no more once
 * it has said it.
 *
 * <p>Thread: one shard.
 */
final class HandOver implements Content, LentTuples.Registry {

  private final Ownership ownership;
  private final Mail mail;
  private final LentTuples lent;
  private final FtpMoves ftp;
  private final Announcements announcements;
  private final NatPorts ports;
  private final MovingFlows flows;
  private final MovingPaths paths;
  private final List<MovingState> parts;
  private final StateMessage message = new StateMessage();
  private final Set<Long> awaited = new HashSet<>();
  private final Set<KeyClass> given = new HashSet<>();
  private Sums incoming = new Sums(0);
  private Sums outgoing = new Sums(0);
  private @Nullable DistributionTable now;
  private @Nullable DistributionTable next;
  private boolean closed;
  private boolean portsKnown;
  private Runnable goOn = () -> {};
  private IntConsumer came = flow -> {};
  private long nowNs;

  /** Number and sum of the entries of classes, by the other worker and lane. */
  private static final class Sums {
    final long[] count;
    final long[] sum;

    Sums(int workers) {
      count = new long[workers * Lanes.COUNT];
      sum = new long[workers * Lanes.COUNT];
    }

    void clear(int at) {
      count[at] = 0;
      sum[at] = 0;
    }

    void add(int at, PacketBatch batch, int i) {
      if (at < count.length) {
        count[at]++;
        sum[at] += StateMessage.checksum(batch, i);
      }
    }
  }

  HandOver(
      Ownership ownership,
      MovingFlows flows,
      MovingPaths paths,
      LentTuples lent,
      FtpMoves ftp,
      Announcements announcements,
      NatPorts ports,
      Mail mail) {
    this.ownership = ownership;
    this.flows = flows;
    this.paths = paths;
    this.parts = List.of(flows, paths);
    this.lent = lent;
    this.ftp = ftp;
    this.announcements = announcements;
    this.ports = ports;
    this.mail = mail;
    lent.register(this);
  }

  /** Says what makes packets go on that wait for other shards: they leave before their flows. */
  void beforeClosing(Runnable it) {
    goOn = it;
  }

  /** Says which tables the next change is between; before the machine is told of it. */
  void tables(DistributionTable from, DistributionTable to, long timeNs) {
    now = from;
    next = to;
    nowNs = timeNs;
    announcements.alsoBy(from);
  }

  /** Whether all have said which tuples live: the blocks of the next table may be used. */
  boolean portsKnown() {
    return portsKnown;
  }

  @Override
  public void change(Members before, Members after) {
    awaited.clear();
    awaited.addAll(places(now));
    awaited.remove(place(ownership.self(), ownership.shard()));
    int workers = 1 + Math.max(highest(now), highest(next));
    incoming = new Sums(workers);
    outgoing = new Sums(workers);
    given.clear();
    closed = false;
    portsKnown = false;
  }

  private static int highest(@Nullable DistributionTable table) {
    return table == null ? -1 : table.workers().stream().mapToInt(Member::number).max().orElse(-1);
  }

  /** All shards of a table. */
  private static Set<Long> places(@Nullable DistributionTable table) {
    Set<Long> places = new HashSet<>();
    for (Member it : table == null ? List.<Member>of() : table.workers()) {
      for (int shard = 0; shard < it.shards(); shard++) {
        places.add(place(it.number(), shard));
      }
    }
    return places;
  }

  private static long place(int worker, int shard) {
    return (long) worker << 8 | shard;
  }

  @Override
  public void closed() {
    DistributionTable to = next;
    if (to == null) {
      return;
    }
    closed = true;
    goOn.run();
    announcements.alsoBy(null);
    lent.onTable(to);
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      if (ownership.runs(lane)) {
        flows.close(lane, nowNs);
      }
    }
    sayDone(to);
    shareBlocks();
  }

  private void sayDone(DistributionTable to) {
    Set<Long> all = places(now);
    all.addAll(places(next));
    long self = place(ownership.self(), ownership.shard());
    all.remove(self);
    message.begin(StateMessage.DONE).add(self);
    for (long place : all) {
      mail.send((int) (place >>> 8), (int) place & 0xff, message.row(to.epoch(), nowNs));
    }
  }

  /** Until all have said what lives, this shard uses what was its own before and is so now. */
  private void shareBlocks() {
    DistributionTable to = next;
    DistributionTable from = now;
    if (!closed || portsKnown || to == null || from == null) {
      return;
    }
    int workers = to.workers().size();
    int index = ownership.indexIn(to);
    if (awaited.isEmpty()) {
      portsKnown = true;
      ports.share(workers, index);
      return;
    }
    int workersBefore = from.workers().size();
    int indexBefore = ownership.indexIn(from);
    ports.share(
        workers,
        index,
        block ->
            PortBlocks.ownerIndex(block, workersBefore) == indexBefore
                && ownership.runs(PortBlocks.homeLane(block, workersBefore)));
  }

  @Override
  public void settle() {
    announcements.alsoBy(null);
    now = null;
    next = null;
  }

  @Override
  public void track(KeyClass of) {
    given.remove(of);
  }

  @Override
  public @Nullable Object export(KeyClass of, int maxBytes) {
    return closed && given.add(of) ? of : null;
  }

  @Override
  public long behindBytes(KeyClass of) {
    return 0;
  }

  /** Sends the entries of a class behind their copy, and takes them out. */
  void give(KeyClass of) {
    int at = of.to() * Lanes.COUNT + of.lane();
    int linkLane = ownership.linkLane(of.to(), of.lane());
    MovingState.Sink sink =
        row -> {
          boolean sent = mail.send(of.to(), linkLane, row);
          if (sent) {
            outgoing.add(at, row, 0);
          }
          return sent;
        };
    for (MovingState part : parts) {
      part.give(of.lane(), of.to(), nowNs, sink);
    }
  }

  @Override
  public void install(KeyClass of, Object entries) {
    // they come as messages of their own
  }

  @Override
  public void drop(KeyClass of) {
    if (of.to() == ownership.self()) {
      incoming.clear(of.from() * Lanes.COUNT + of.lane());
    }
  }

  @Override
  public void lost(KeyClass of, long entries) {
    flows.lost(entries);
  }

  @Override
  public long count(KeyClass of) {
    return of.to() == ownership.self()
        ? incoming.count[of.from() * Lanes.COUNT + of.lane()]
        : outgoing.count[of.to() * Lanes.COUNT + of.lane()];
  }

  @Override
  public long checksum(KeyClass of) {
    return of.to() == ownership.self()
        ? incoming.sum[of.from() * Lanes.COUNT + of.lane()]
        : outgoing.sum[of.to() * Lanes.COUNT + of.lane()];
  }

  /** Flows that were given to other workers. Any thread. */
  long moved() {
    return flows.moved();
  }

  /** Flows that could not be given, and messages that never came. Any thread. */
  long broken() {
    return flows.broken();
  }

  @Override
  public void tell(boolean ended, int worker, int lane, long hash, long nowNs) {
    message.begin(ended ? StateMessage.GIVEN_BACK : StateMessage.LENT).add(hash);
    mail.send(
        worker, ownership.linkLane(worker, lane), message.row(ownership.table().epoch(), nowNs));
  }

  /**
   * An entry of a class has come.
   *
   * @param source number of the worker that sent it
   */
  void counted(int source, int lane, PacketBatch batch, int i) {
    incoming.add(source * Lanes.COUNT + lane, batch, i);
  }

  /**
   * Takes a message about state.
   *
   * @param source number of the worker that sent it
   */
  void receive(int source, PacketBatch batch, int i) {
    nowNs = batch.captureTimeNs[i];
    int epoch = StateMessage.epoch(batch, i);
    int count = StateMessage.words(batch, i);
    switch (StateMessage.type(batch, i)) {
      case StateMessage.PATHS -> {
        counted(source, StateMessage.lane(batch, i), batch, i);
        paths.take(batch, i);
      }
      case StateMessage.FTP_CONTROL -> {
        counted(source, StateMessage.lane(batch, i), batch, i);
        ftp.receive(batch, i);
      }
      case StateMessage.LENT -> {
        for (int at = 0; at < count; at++) {
          lent.lend(StateMessage.word(batch, i, at), epoch, nowNs);
        }
      }
      case StateMessage.GIVEN_BACK -> {
        for (int at = 0; at < count; at++) {
          lent.givenBack(StateMessage.word(batch, i, at), nowNs);
        }
      }
      case StateMessage.DONE -> {
        DistributionTable to = next;
        if (to != null && epoch == to.epoch() && count == 1) {
          awaited.remove(StateMessage.word(batch, i, 0));
          if (awaited.isEmpty()) {
            shareBlocks();
          }
        }
      }
      default -> {}
    }
  }

  /** Says who is told of flows that are taken in. */
  void listen(IntConsumer it) {
    came = it;
  }

  /** A flow has been taken in. */
  void taken(int flow, long nowNs) {
    lent.stays(flow, nowNs);
    ftp.taken(flow);
    came.accept(flow);
  }
}
