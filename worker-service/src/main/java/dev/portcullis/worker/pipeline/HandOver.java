package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.LentTuples;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.stage.Ownership;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Gives all state whose key another worker owns by a new table to that worker, and takes in what
 * others give. Every piece of state has one key: a flow that of its packets before NAT, a path
 * record that of the reply. Messages of a channel come in the order of sending, so what is sent
 * behind {@link StateMessage#DONE} finds all state in place.
 *
 * <p>It moves whole lanes between two packets: it relies on no packet being under way, as between
 * two rounds of a replay. Thread: one shard.
 */
final class HandOver implements LentTuples.Registry {

  private final FlowTable flows;
  private final PathTable paths;
  private final Ownership ownership;
  private final LivePolicy policy;
  private final Mail mail;
  private final LentTuples lent;
  private final FtpMoves ftp;
  private final FlowRecord record = new FlowRecord();
  private final StateMessage message = new StateMessage();
  private final FlowKey key = new FlowKey();
  private final Tuple tuple = new Tuple();
  private final long[] words = new long[PathTable.RECORD_WORDS];
  private final Set<Long> awaited = new HashSet<>();
  private final Set<Long> done = new HashSet<>();
  private int doneEpoch;
  private @Nullable Runnable settled;
  private long nowNs;
  private long moved;
  private long broken;

  HandOver(
      FlowTable flows,
      PathTable paths,
      Ownership ownership,
      LivePolicy policy,
      LentTuples lent,
      FtpMoves ftp,
      Mail mail) {
    this.flows = flows;
    this.paths = paths;
    this.ownership = ownership;
    this.policy = policy;
    this.lent = lent;
    this.ftp = ftp;
    this.mail = mail;
    lent.register(this);
  }

  /** Flows that were given to other workers. Any thread. */
  long moved() {
    return moved;
  }

  /** Flows that could not be given. Any thread. */
  long broken() {
    return broken;
  }

  private static boolean isChange(@Nullable DistributionTable previous, DistributionTable next) {
    return previous != null
        && previous.epoch() < next.epoch()
        && !previous.workers().stream()
            .map(Member::number)
            .toList()
            .equals(next.workers().stream().map(Member::number).toList());
  }

  /**
   * The present table has taken the place of {@code previous}: sends what is not this shard's any
   * more.
   *
   * @param whenSettled run when all others have done so as well; at once where nothing moves
   */
  void begin(@Nullable DistributionTable previous, long nowNs, Runnable whenSettled) {
    DistributionTable next = ownership.table();
    this.nowNs = nowNs;
    settled = whenSettled;
    awaited.clear();
    if (previous != null && isChange(previous, next) && isMember(previous, next)) {
      for (int lane = 0; lane < Lanes.COUNT; lane++) {
        if (ownership.runs(lane)) {
          giveFlows(lane, next.epoch());
          givePaths(lane, next.epoch());
        }
      }
      await(previous);
      await(next);
      awaited.remove(place(ownership.self(), ownership.shard()));
      message.begin(StateMessage.DONE).add(place(ownership.self(), ownership.shard()));
      for (long place : awaited) {
        mail.send((int) (place >>> 8), (int) place & 0xff, message.row(next.epoch(), nowNs));
      }
      if (doneEpoch == next.epoch()) {
        awaited.removeAll(done);
      }
    }
    settleIfDone();
  }

  private boolean isMember(DistributionTable previous, DistributionTable next) {
    return previous.worker(ownership.self()) != null || next.worker(ownership.self()) != null;
  }

  private void await(DistributionTable table) {
    for (Member it : table.workers()) {
      for (int shard = 0; shard < it.shards(); shard++) {
        awaited.add(place(it.number(), shard));
      }
    }
  }

  private static long place(int worker, int shard) {
    return (long) worker << 8 | shard;
  }

  private void settleIfDone() {
    Runnable then = settled;
    if (then != null && awaited.isEmpty()) {
      settled = null;
      then.run();
    }
  }

  private void giveFlows(int lane, int epoch) {
    int next;
    for (int flow = flows.firstOfLane(lane); flow >= 0; flow = next) {
      next = flows.nextOfLane(flow);
      int owner = owner(flow);
      if (flows.has(flow, FlowTable.GUEST) && !isLedAway(flow)) {
        flows.remove(flow, EndReason.HANDED_OVER, nowNs); // its shadow takes it back
      } else if (ownership.isHere(owner, key.vHigh, key.vLow)) {
        lent.stays(flow, nowNs);
        ftp.stays(flow);
      } else {
        giveFlow(flow, owner, lane, epoch);
      }
    }
  }

  /** Owner of a flow by the present table; {@link #key} is what it is owned by. */
  private int owner(int flow) {
    if (flows.has(flow, FlowTable.GUEST)) {
      tuple.read(flows.words(flow), flows.at(flow) + FlowTable.FORWARD);
      return ownership.ownerOf(tuple, (int) flows.get(flow, FlowTable.LOOK), key);
    }
    key.set(
        flows.trafficClass(flow),
        flows.get(flow, FlowTable.V_HIGH),
        flows.get(flow, FlowTable.V_LOW));
    return ownership.table().owner(key.trafficClass, key.vHigh, key.vLow);
  }

  /** Whether the worker that has the shadow of a guest still does not serve its class. */
  private boolean isLedAway(int guest) {
    DistributionTable table = ownership.table();
    int beginning =
        table.owner(
            flows.trafficClass(guest),
            flows.get(guest, FlowTable.V_HIGH),
            flows.get(guest, FlowTable.V_LOW));
    return table.leadsAway((int) flows.get(guest, FlowTable.LOOK), beginning);
  }

  private void giveFlow(int flow, int owner, int lane, int epoch) {
    int rule = policy.ruleNow(flows.get(flow, FlowTable.POLICY), flows.rule(flow));
    PacketBatch row = record.write(flows, flow, key, policy.now().rules().name(rule), epoch, nowNs);
    boolean sent =
        (flows.flags(flow) & FlowTable.MAPPED) == 0
            && mail.send(owner, ownership.linkLane(owner, lane), row);
    if (sent) {
      moved++;
      lent.leaves(flow, nowNs);
      ftp.leaves(flow, owner, lane, epoch, nowNs);
    } else {
      broken++;
    }
    flows.remove(flow, sent ? EndReason.HANDED_OVER : EndReason.EVICTED, nowNs);
  }

  private void givePaths(int lane, int epoch) {
    int next;
    for (int it = paths.firstOfLane(lane); it >= 0; it = next) {
      next = paths.nextOfLane(it);
      paths.tuple(it, tuple);
      int owner = ownership.ownerOf(tuple, key);
      if (!ownership.isHere(owner, key.vHigh, key.vLow)) {
        message.begin(StateMessage.PATHS);
        for (int word = 0; word < PathTable.RECORD_WORDS; word++) {
          message.add(paths.word(it, word));
        }
        mail.send(owner, ownership.linkLane(owner, lane), message.row(epoch, nowNs));
        paths.remove(it);
      }
    }
  }

  @Override
  public void tell(boolean ended, int worker, int lane, long hash, long nowNs) {
    message.begin(ended ? StateMessage.GIVEN_BACK : StateMessage.LENT).add(hash);
    mail.send(
        worker, ownership.linkLane(worker, lane), message.row(ownership.table().epoch(), nowNs));
  }

  /** Takes a message about a table that this shard works by. */
  void receive(PacketBatch batch, int i) {
    nowNs = batch.captureTimeNs[i];
    int epoch = StateMessage.epoch(batch, i);
    int count = StateMessage.words(batch, i);
    switch (StateMessage.type(batch, i)) {
      case StateMessage.PATHS -> {
        for (int at = 0; at + words.length <= count; at += words.length) {
          takePath(batch, i, at);
        }
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
        if (epoch > doneEpoch) {
          doneEpoch = epoch;
          done.clear();
        }
        if (epoch == doneEpoch && count == 1) {
          done.add(StateMessage.word(batch, i, 0));
          if (ownership.table().epoch() == epoch) {
            awaited.removeAll(done);
            settleIfDone();
          }
        }
      }
      case StateMessage.FTP_CONTROL -> ftp.receive(batch, i);
      default -> {}
    }
  }

  private void takePath(PacketBatch batch, int i, int at) {
    for (int word = 0; word < words.length; word++) {
      words[word] = StateMessage.word(batch, i, at + word);
    }
    tuple.read(words, 0);
    int owner = ownership.ownerOf(tuple, key);
    if (ownership.isHere(owner, key.vHigh, key.vLow)) {
      paths.install(tuple, words, Lanes.laneOf(key.vHigh, key.vLow), nowNs);
    }
  }

  /** A flow has been taken in. */
  void taken(int flow, long nowNs) {
    lent.stays(flow, nowNs);
    ftp.taken(flow);
  }
}
