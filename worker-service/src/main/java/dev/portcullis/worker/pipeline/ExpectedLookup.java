package dev.portcullis.worker.pipeline;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.Expectations;
import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Finds the first packet of a connection that another one has announced. It begins where that one
 * lives, under the same key: a shard that gets it and is not that one records the path and passes
 * it on, so further packets need no expectation.
 *
 * <p>Thread: one shard.
 */
final class ExpectedLookup {

  private final Expectations expectations;
  private final FlowTable flows;
  private final PathTable paths;
  private final Ownership ownership;
  private final PolicyReview review;
  private long met;

  ExpectedLookup(
      Expectations expectations,
      FlowTable flows,
      PathTable paths,
      Ownership ownership,
      PolicyReview review) {
    this.expectations = expectations;
    this.flows = flows;
    this.paths = paths;
    this.ownership = ownership;
    this.review = review;
  }

  /** Expected connections that have begun. Any thread. */
  long met() {
    return met;
  }

  /** Whether a packet that has no flow is expected. Changes nothing. */
  boolean concerns(PacketHeader h, long nowNs) {
    return find(h, nowNs) >= 0;
  }

  private int find(PacketHeader h, long nowNs) {
    boolean opens = expectations.size() > 0 && Tuple.usesPorts(h) && FlowLookup.isFirstSyn(h);
    return opens ? expectations.find(h, nowNs) : -1;
  }

  /**
   * Decides about a packet that is alone in its run and has no flow: it opens the connection that
   * is expected here, or is passed on to where it is. False where it is neither.
   *
   * @param tuple its tuple
   */
  boolean resolve(Vector v, int i, Tuple tuple) {
    PacketHeader h = v.header[i];
    long nowNs = v.batch.captureTimeNs[i];
    int entry = find(h, nowNs);
    if (entry < 0) {
      return false;
    }
    Expected expected = v.opening.expected;
    expectations.read(entry, expected);
    expectations.remove(entry);
    int owner = ownership.table().owner(expected.trafficClass, expected.vHigh, expected.vLow);
    boolean isHere = ownership.owns(owner, expected.vHigh, expected.vLow);
    if (isHere) {
      return expected.owner >= 0 && begins(v, i, tuple, expected, nowNs);
    }
    passOn(v, i, tuple, expected, owner, nowNs);
    return true;
  }

  /** A policy that no longer accepts the connection that announced this one leaves it to rules. */
  private boolean begins(Vector v, int i, Tuple tuple, Expected expected, long nowNs) {
    if (review.isDue(expected.owner, nowNs) && !review.accepts(expected.owner, nowNs)) {
      return false;
    }
    met++;
    if ((v.batch.flags[i] & PacketFlags.REDIRECTED) == 0) {
      record(v, i, tuple, expected, nowNs); // a new table may take the flow away from here
    }
    v.key(i, expected.trafficClass, expected.vHigh, expected.vLow);
    FlowLookup.opens(v, i);
    v.opening.isExpected = true;
    v.opening.rule = flows.rule(expected.owner);
    v.opening.helper =
        Tuple.sourcePort(flows.get(expected.owner, FlowTable.REVERSE + 4)) << 1
            | (expected.reversed ? 1 : 0);
    v.did[i] |= Vector.DID_EXPECTED;
    return true;
  }

  private void passOn(Vector v, int i, Tuple tuple, Expected expected, int owner, long nowNs) {
    if (!record(v, i, tuple, expected, nowNs)) {
      v.drop(i, StageName.LOOKUP, DropReason.PATH_TABLE_FULL);
      return;
    }
    v.key(i, expected.trafficClass, expected.vHigh, expected.vLow);
    v.batch.flags[i] &= ~PacketFlags.RECORD;
    ownership.passOn(
        v,
        i,
        owner,
        Lanes.laneOf(expected.vHigh, expected.vLow),
        PacketFlags.REDIRECTED | PacketFlags.ANNOUNCED);
    v.did[i] |= Vector.DID_PATH;
  }

  /** Records where packets with the tuple of a row go, whose own key is the row's. */
  private boolean record(Vector v, int i, Tuple tuple, Expected expected, long nowNs) {
    int lane = Lanes.laneOf(v.batch.vHigh[i], v.batch.vLow[i]);
    return paths.put(tuple, lane, expected.trafficClass, expected.vHigh, expected.vLow, nowNs);
  }
}
