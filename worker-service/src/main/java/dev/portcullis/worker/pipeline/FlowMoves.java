package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Function;
import dev.portcullis.core.policy.GatewaySpec.Pool;
import dev.portcullis.core.policy.GatewaySpec.TrafficClass;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Vector;
import java.util.List;

/**
 * Flows that live at another worker than the one that began them, because a look at their first
 * bytes has told another class (ADR 37). The worker that began one sends its whole entry ahead
 * ({@link FlowRecord}) and keeps a <em>shadow</em>: it goes on following the connection, so the
 * shadow lives exactly as long as the flow, keeps its translated tuple taken, and can take the flow
 * back when the other worker has it no more. All packets of both directions come by it, in order,
 * before they go on to where the flow is, its <em>guest</em>.
 *
 * <p>Thread: one shard.
 */
final class FlowMoves {

  /** Bits of the lane in the word {@link FlowTable#NEXT_HOP} of a shadow; the owner is above. */
  private static final int LANE_BITS = 8;

  private final FlowTable flows;
  private final Ownership ownership;
  private final LivePolicy policy;
  private final Mail mail;
  private final boolean[] translates;
  private final FlowRecord record = new FlowRecord();
  private final FlowKey key = new FlowKey();
  private final Tuple tuple = new Tuple();
  private long left;
  private long stayed;
  private long taken;
  private long refused;
  private long returned;

  FlowMoves(FlowTable flows, Ownership ownership, LivePolicy policy, GatewaySpec spec, Mail mail) {
    this.flows = flows;
    this.ownership = ownership;
    this.policy = policy;
    this.mail = mail;
    List<TrafficClass> classes = spec.distribution().classes();
    translates = new boolean[classes.size() + 1];
    for (int i = 0; i < classes.size(); i++) {
      String pool = classes.get(i).pool();
      translates[i + 1] =
          spec.pools().stream()
              .filter(it -> it.name().equals(pool))
              .allMatch((Pool it) -> it.can(Function.NAT));
    }
  }

  /** Flows that were sent to another worker. Any thread; the same holds for all counts here. */
  long left() {
    return left;
  }

  /** Flows that belong to another pool and stayed because they could not be sent. */
  long stayed() {
    return stayed;
  }

  /** Flows that another worker had sent. */
  long taken() {
    return taken;
  }

  /** Messages that were not understood, or for whose flow there was no room. */
  long refused() {
    return refused;
  }

  /** Flows that another worker did not have any more, and that are served here again. */
  long returned() {
    return returned;
  }

  /**
   * Sends the flow of a packet to where a class is served, as it is before that packet; false where
   * that is here, or the flow cannot move: it has state besides its entry, needs what the pool does
   * not do, or the channel is full.
   */
  boolean leave(int flow, int trafficClass, Vector v, int i) {
    if (!ownership.table().leadsAway(trafficClass, ownership.self())) {
      return false;
    }
    int flags = flows.flags(flow);
    boolean translated = (flags & (FlowTable.DNAT | FlowTable.SNAT)) != 0;
    boolean movable = (flags & ~FlowRecord.WHOLE) == 0 && (translates[trafficClass] || !translated);
    int owner = owner(flow, trafficClass);
    int lane = Lanes.laneOf(key.vHigh, key.vLow);
    if (!movable
        || !mail.send(
            owner,
            ownership.linkLane(owner, lane),
            record.write(
                flows,
                flow,
                key,
                policy.now().rules().name(flows.rule(flow)),
                ownership.table().epoch(),
                v.batch,
                i))) {
      stayed++;
      return false;
    }
    flows.set(flow, FlowTable.LOOK, trafficClass);
    flows.set(flow, FlowTable.NEXT_HOP, hop(owner, lane));
    flows.leave(flow);
    left++;
    return true;
  }

  /** Owner of a flow if it is of this class; {@link #key} is what it is owned by. */
  private int owner(int flow, int trafficClass) {
    tuple.read(flows.words(flow), flows.at(flow) + FlowTable.FORWARD);
    return ownership.ownerOf(tuple, trafficClass, key);
  }

  /** Whether the flow of a shadow is served elsewhere, by the present table too. */
  boolean isAway(int flow) {
    boolean isSameTable =
        (int) (flows.get(flow, FlowTable.NEXT_HOP) >>> 32) == ownership.table().epoch() + 1;
    return isSameTable
        || ownership.table().leadsAway((int) flows.get(flow, FlowTable.LOOK), ownership.self());
  }

  private long hop(int owner, int lane) {
    return (long) (ownership.table().epoch() + 1) << 32 | owner << LANE_BITS | lane;
  }

  /** Passes a packet of a shadow on to where the flow is; it is followed here first. */
  void passOn(Vector v, int i, int reference) {
    int flow = reference >>> 1;
    int trafficClass = (int) flows.get(flow, FlowTable.LOOK);
    long hop = flows.get(flow, FlowTable.NEXT_HOP);
    if ((int) (hop >>> 32) != ownership.table().epoch() + 1) {
      int owner = owner(flow, trafficClass);
      hop = hop(owner, Lanes.laneOf(key.vHigh, key.vLow));
      flows.set(flow, FlowTable.NEXT_HOP, hop);
    }
    int owner = (int) hop >>> LANE_BITS;
    v.flow[i] = reference;
    v.kind[i] = Vector.MOVED;
    v.worker[i] = owner;
    v.lane[i] = ownership.linkLane(owner, (int) hop & (1 << LANE_BITS) - 1);
    v.looked[i] = trafficClass;
    v.batch.flags[i] |= PacketFlags.REDIRECTED | PacketFlags.MOVED;
    keyOfBeginning(v, i, flow);
  }

  /** Gives a row the key of the worker that began its flow. */
  private void keyOfBeginning(Vector v, int i, int flow) {
    v.key(
        i,
        flows.trafficClass(flow),
        flows.get(flow, FlowTable.V_HIGH),
        flows.get(flow, FlowTable.V_LOW));
  }

  /**
   * Sends a packet of a guest that has come another way to the worker that began the flow, which
   * every packet of it is to see first.
   */
  void toBeginning(Vector v, int i, int flow) {
    keyOfBeginning(v, i, flow);
    back(v, i, PacketFlags.REDIRECTED);
    v.did[i] |= Vector.DID_PATH;
  }

  /** Gives a packet back whose flow should be here and is not; its row has the key for that. */
  void giveBack(Vector v, int i) {
    back(v, i, PacketFlags.REDIRECTED | PacketFlags.RECORD);
    v.did[i] |= Vector.DID_EXPIRED;
  }

  private void back(Vector v, int i, int flags) {
    long vHigh = v.batch.vHigh[i];
    long vLow = v.batch.vLow[i];
    int owner = ownership.table().owner(v.batch.trafficClass[i], vHigh, vLow);
    ownership.passOn(v, i, owner, Lanes.laneOf(vHigh, vLow), flags);
  }

  /** A packet of a shadow was given back, or its pool is gone: the flow lives here, and stays. */
  void takeBack(int flow) {
    flows.takeBack(flow);
    flows.set(flow, FlowTable.NEXT_HOP, 0);
    returned++;
  }

  /**
   * Takes in the flow that a message brings, if it is one and there is room.
   *
   * @param source number of the worker that sent it
   */
  void receive(int source, PacketBatch batch, int i, HandOver handOver) {
    DistributionTable table = ownership.table;
    long nowNs = batch.captureTimeNs[i];
    if (table == null || !record.read(batch, i, policy.now().egress())) {
      refused++;
      return;
    }
    handOver.counted(source, record.lane(), batch, i);
    FlowKey to = record.key;
    boolean isHere =
        ownership.owns(table.owner(to.trafficClass, to.vHigh, to.vLow), to.vHigh, to.vLow);
    int flow = isHere ? install(batch, i, table, record.lane()) : -1;
    if (flow < 0) {
      refused++;
      return;
    }
    if (flows.has(flow, FlowTable.GUEST)) {
      taken++;
    }
    handOver.taken(flow, nowNs);
  }

  /** Takes in a flow of another worker, of whose flows this is a copy; see {@link #receive}. */
  void copy(PacketBatch batch, int i, FtpMoves ftp) {
    DistributionTable table = ownership.table;
    if (table == null || !record.read(batch, i, policy.now().egress())) {
      refused++;
      return;
    }
    tuple.read(record.words, FlowTable.FORWARD);
    flows.forget(tuple, batch.captureTimeNs[i]);
    int flow = install(batch, i, table, record.laneOfEntry());
    if (flow < 0) {
      refused++;
    } else {
      ftp.taken(flow);
    }
  }

  /** Takes in the flow that was just read; -1 where there is no room. */
  private int install(PacketBatch batch, int i, DistributionTable table, int lane) {
    long nowNs = batch.captureTimeNs[i];
    long[] words = record.words;
    long marks = words[FlowTable.META] & FlowTable.MARKS;
    boolean hasClass = (marks & (FlowTable.GUEST | FlowTable.MOVED)) != 0;
    boolean isKnown = !hasClass || isClass(words[FlowTable.LOOK], table);
    int flow = isKnown ? flows.install(words, lane, nowNs) : -1;
    if (flow >= 0) {
      flows.rule(flow, policy.ruleNamed(FlowRecord.ruleName(batch, i)));
      long stamp = flows.get(flow, FlowTable.POLICY);
      flows.set(flow, FlowTable.POLICY, policy.adopted(stamp, nowNs));
    }
    return flow;
  }

  private static boolean isClass(long it, DistributionTable table) {
    return it >= 0 && it < table.classNames().size();
  }
}
