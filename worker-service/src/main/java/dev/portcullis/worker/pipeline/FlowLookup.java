package dev.portcullis.worker.pipeline;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.policy.GatewaySpec.PathMode;
import dev.portcullis.core.policy.GatewaySpec.Timeouts;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.Expectations;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.PathRecorder;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Finds the flow of every packet, and cuts a vector into runs such that the stages may work on a
 * run one after the other and yet everything is as if the packets had gone through one by one: a
 * packet that has no flow, that may take the place of a closed one (SYN), or whose flow is due for
 * review because the policy has changed, is a run of its own; a run spans less time than the
 * shortest timeout, so no flow of it can expire inside. Nothing else that the stages decide takes a
 * flow away.
 *
 * <p>A packet without a flow is: a reply whose path is recorded here (W2), or leads elsewhere by
 * computation (W5), which is passed on; one that was passed here for a flow that has gone, which is
 * sent to its own owner, who forgets the record; or the first of a flow, which under {@code
 * least-loaded} the worker that is chosen for it gets.
 *
 * <p>A flow with a mark is looked at, or lives elsewhere, or has come from elsewhere: {@link
 * MarkedLookup}.
 *
 * <p>Thread: one shard.
 */
final class FlowLookup {

  /** Flags of a packet that was passed on for a flow; none of that holds once it opens one. */
  private static final int PASSED =
      PacketFlags.REDIRECTED | PacketFlags.RECORD | PacketFlags.ANNOUNCED | PacketFlags.MOVED;

  private final FlowTable flows;
  private final PathTable paths;
  private final Ownership ownership;
  private final PathMode mode;
  private final PolicyReview review;
  private final NatLookup nat;
  private final LeastLoaded assigner;
  private final PathRecorder recorder;
  private final long shortestNs;
  private final RelatedLookup related;
  private final ExpectedLookup expected;
  private final MarkedLookup marked;
  private final FlowMoves moves;
  private final Tuple tuple = new Tuple();
  private long touched;
  private long mismatches;

  FlowLookup(
      FlowTable flows,
      PathTable paths,
      Ownership ownership,
      PathMode mode,
      PolicyReview review,
      NatLookup nat,
      Expectations expectations,
      PathRecorder recorder,
      ClassLook look,
      FlowMoves moves,
      Timeouts timeouts,
      ExceptionAction icmpUnrelated) {
    this.marked = new MarkedLookup(flows, review, look, moves);
    this.moves = moves;
    this.flows = flows;
    this.paths = paths;
    this.ownership = ownership;
    this.mode = mode;
    this.review = review;
    this.nat = nat;
    this.recorder = recorder;
    this.assigner = new LeastLoaded(paths, ownership, timeouts);
    this.shortestNs = FlowState.shortestTimeoutNs(timeouts);
    this.expected = new ExpectedLookup(expectations, flows, paths, ownership, review);
    this.related = new RelatedLookup(nat, moves, flows, paths, ownership, mode, icmpUnrelated);
  }

  /**
   * First pass: hashes, and touches what they lead to, so that the second one finds it in the
   * cache. Slots first, then entries: short loops without a chain in them, so that a core waits for
   * many at once.
   */
  void touch(Vector v) {
    for (int i = v.to; i < v.end; i++) {
      if (v.kind[i] == Vector.PARSED) {
        tuple.of(v.header[i]);
        v.hash[i] = tuple.hash();
      }
    }
    for (int i = v.to; i < v.end; i++) {
      v.flow[i] = v.kind[i] == Vector.PARSED ? flows.guess(v.hash[i]) : FlowTable.NONE;
    }
    long sum = 0;
    for (int i = v.to; i < v.end; i++) {
      if (v.flow[i] >= 0) {
        sum += flows.touch(v.flow[i]);
      }
    }
    touched = sum;
  }

  /** Hashes one row. */
  void touch(Vector v, int i) {
    tuple.of(v.header[i]);
    v.hash[i] = tuple.hash();
  }

  /** What the first pass read: keeps it from being optimized away. */
  long touched() {
    return touched;
  }

  /** Expected connections that have begun. Any thread. */
  long expectedMet() {
    return expected.met();
  }

  /** Replies that were passed here, or on from here, for a flow that is not here. Any thread. */
  long mismatches() {
    return mismatches;
  }

  /** Makes the next run; false at the end of the span. */
  boolean next(Vector v) {
    int end = v.end;
    if (v.to == end) {
      return false;
    }
    v.from = v.to;
    long startNs = v.batch.captureTimeNs[v.from];
    int i = v.from;
    while (i < end && Math.abs(v.batch.captureTimeNs[i] - startNs) < shortestNs) {
      if (!resolve(v, i)) {
        if (i == v.from) {
          alone(v, i);
          i++;
        }
        break;
      }
      i++;
    }
    if (i == v.from) {
      // every timeout is 0: nothing can share a run
      if (!resolve(v, i)) {
        alone(v, i);
      }
      i++;
    }
    v.to = i;
    return true;
  }

  /**
   * Decides about a packet without changing what another packet of the run may see; false: it must
   * be alone.
   */
  private boolean resolve(Vector v, int i) {
    v.current = i;
    if (v.kind[i] == Vector.RECORDED) {
      record(v, i);
      return true;
    }
    if (v.kind[i] != Vector.PARSED) {
      return v.kind[i] != Vector.FRAGMENT && v.kind[i] != Vector.MESSAGE;
    }
    PacketHeader h = v.header[i];
    if (RelatedLookup.concerns(h, v.batch.flags[i]) && related.resolve(v, i)) {
      return true;
    }
    tuple.of(h);
    int reference = flows.peek(tuple, v.hash[i], v.batch.captureTimeNs[i]);
    if (reference >= 0) {
      if (flows.isMarked(reference >>> 1)) {
        return marked.resolve(v, i, reference);
      }
      if (isFirstSyn(h) || review.isDue(reference >>> 1, v.batch.captureTimeNs[i])) {
        return false;
      }
      v.flow[i] = reference;
      v.kind[i] = Vector.KNOWN;
      return true;
    }
    if (reference == FlowTable.NONE
        && hasRecords()
        && (v.batch.flags[i] & PacketFlags.REDIRECTED) == 0
        && !expected.concerns(h, v.batch.captureTimeNs[i])) {
      return recorded(v, i)
          || mode == PathMode.RECORD && nat.toMapping(v, i, h, PacketFlags.REDIRECTED);
    }
    return false;
  }

  /** A gateway that computes paths has records of announced connections alone. */
  private boolean hasRecords() {
    return mode == PathMode.RECORD || paths.size() > 0;
  }

  static boolean isFirstSyn(PacketHeader h) {
    return h.protocol == PacketHeader.TCP
        && (h.tcpFlags & (PacketHeader.SYN | PacketHeader.ACK)) == PacketHeader.SYN;
  }

  private void record(Vector v, int i) {
    PacketHeader h = v.header[i];
    if (h.fragment && (v.batch.flags[i] & PacketFlags.REASSEMBLED) != 0) {
      return; // the first fragment has recorded the path
    }
    FlowKey key = ownership.key;
    ownership.table().assignReply(h, key);
    tuple.ofReply(h);
    DropReason wrong =
        recorder.record(
            tuple,
            Lanes.laneOf(key.vHigh, key.vLow),
            -1,
            v.batch.trafficClass[i],
            v.batch.vHigh[i],
            v.batch.vLow[i],
            v.batch.captureTimeNs[i]);
    if (wrong == DropReason.NONE) {
      v.did[i] |= Vector.DID_RECORD;
    } else {
      v.drop(i, StageName.LOOKUP, wrong);
    }
  }

  /** Passes a reply on along the recorded path; false where none leads away from here. */
  private boolean recorded(Vector v, int i) {
    int record = paths.find(tuple, v.hash[i], v.batch.captureTimeNs[i]);
    if (record < 0) {
      return false;
    }
    long vHigh = paths.vHigh(record);
    long vLow = paths.vLow(record);
    int owner = ownership.table().owner(paths.trafficClass(record), vHigh, vLow);
    if (ownership.isHere(owner, paths.trafficClass(record), vHigh, vLow)) {
      return false;
    }
    ownership.passOn(v, i, owner, Lanes.laneOf(vHigh, vLow), PacketFlags.REDIRECTED);
    v.key(i, paths.trafficClass(record), vHigh, vLow);
    v.did[i] |= Vector.DID_PATH;
    if (paths.isPin(record)) {
      assigner.seen(record, v.header[i]);
    }
    return true;
  }

  /** Decides about a packet that is alone in its run. */
  private void alone(Vector v, int i) {
    PacketHeader h = v.header[i];
    tuple.of(h);
    int reference = flows.find(tuple, v.hash[i], v.batch.captureTimeNs[i]);
    if (reference >= 0) {
      if (!marked.isReplaced(v, i, reference)) {
        if (!marked.goesElsewhere(v, i, reference)) {
          known(v, i, reference);
        }
        return;
      }
      flows.remove(reference >>> 1, EndReason.REPLACED, v.batch.captureTimeNs[i]);
    }
    if (MarkedLookup.isForGuest(v.batch.flags[i])) {
      moves.giveBack(v, i);
      return;
    }
    if (expected.resolve(v, i, tuple) || nat.mapped(v, i, h)) {
      return;
    }
    // what a pin or an expectation has led here begins here
    boolean ledHere =
        (v.batch.trafficClass[i] & DistributionTable.PINNED) != 0
            || (v.batch.flags[i] & PacketFlags.ANNOUNCED) != 0;
    if (!ledHere && leadsElsewhere(v, i, h)) {
      return;
    }
    opens(v, i);
  }

  /** Marks a row as the first packet of a flow that begins here. */
  static void opens(Vector v, int i) {
    v.batch.flags[i] &= ~PASSED;
    v.opening.clear();
    v.opening.forward.of(v.header[i]);
    v.kind[i] = Vector.OPENING;
  }

  /** Passes a packet without a flow on, where another worker or shard is to have it. */
  private boolean leadsElsewhere(Vector v, int i, PacketHeader h) {
    int flags = v.batch.flags[i];
    boolean redirected = (flags & PacketFlags.REDIRECTED) != 0;
    boolean isVoid = redirected && (flags & PacketFlags.RECORD) != 0;
    if (redirected && !isVoid && gone(v, i, h)) {
      return true;
    }
    if (!redirected && hasRecords() && recorded(v, i)) {
      return true;
    }
    if (mode == PathMode.RECOMPUTE) {
      return !redirected && nat.computed(v, i, h, v.hash[i], PacketFlags.REDIRECTED);
    }
    int record = paths.find(tuple, v.hash[i], v.batch.captureTimeNs[i]);
    if (record >= 0 && !paths.isPin(record)) {
      paths.remove(record);
      record = -1;
    }
    if (!assigner.assign(v, i, tuple, record)) {
      return false;
    }
    long vHigh = v.batch.vHigh[i];
    long vLow = v.batch.vLow[i];
    int trafficClass = v.batch.trafficClass[i];
    int owner = ownership.table().owner(trafficClass, vHigh, vLow);
    if (ownership.isHere(owner, trafficClass, vHigh, vLow)) {
      return false;
    }
    ownership.passOn(v, i, owner, Lanes.laneOf(vHigh, vLow), PacketFlags.REDIRECTED);
    v.did[i] |= Vector.DID_PATH;
    return true;
  }

  private void known(Vector v, int i, int reference) {
    long nowNs = v.batch.captureTimeNs[i];
    if (review.isDue(reference >>> 1, nowNs) && !review.accepts(reference >>> 1, nowNs)) {
      flows.remove(reference >>> 1, EndReason.POLICY, nowNs);
      v.drop(i, StageName.ACL, DropReason.POLICY_CHANGED);
      return;
    }
    v.flow[i] = reference;
    v.kind[i] = Vector.KNOWN;
  }

  /**
   * A packet that was passed here for a flow that is not here: false when this shard is its own
   * owner anyway.
   */
  private boolean gone(Vector v, int i, PacketHeader h) {
    if (mode == PathMode.RECOMPUTE && nat.toClaimant(v, i, h, v.hash[i], PacketFlags.REDIRECTED)) {
      return true;
    }
    mismatches++;
    FlowKey key = ownership.key;
    int owner = ownership.table().assign(h, key);
    v.key(i, key.trafficClass, key.vHigh, key.vLow);
    if (ownership.isHere(owner, key.trafficClass, key.vHigh, key.vLow)) {
      return false;
    }
    ownership.passOn(
        v,
        i,
        owner,
        Lanes.laneOf(key.vHigh, key.vLow),
        PacketFlags.REDIRECTED | PacketFlags.RECORD);
    v.did[i] |= Vector.DID_EXPIRED;
    return true;
  }
}
