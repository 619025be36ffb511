package dev.portcullis.worker.pipeline;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.policy.GatewaySpec.PathMode;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.QuotedPacket;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Finds the flow of an ICMP error by the packet that it quotes. The error came to a worker by its
 * own addresses; it goes the way that a reply to the quoted packet would go:
 *
 * <ol>
 *   <li>to the owner of that reply ({@link PacketFlags#RELATED}), who knows the flow, or
 *   <li>knows where it is, by a path record (W2), by the port of an endpoint-independent mapping,
 *       or by computation (W5), and passes the error on ({@link PacketFlags#RELATED} and {@link
 *       PacketFlags#REDIRECTED}); the receiver knows the flow, or nobody does.
 * </ol>
 *
 * <p>So an error makes two hops at most, and where it goes depends on keys alone, never on which
 * flows happen to be at hand. An error about no known flow is dropped, or goes back to the owner of
 * its own addresses, who treats it as any other packet. Redirects are always such: they tell a host
 * about its first hop, which no gateway lies behind.
 *
 * <p>Thread: one shard.
 */
final class RelatedLookup {

  private static final int REDIRECT = 5;

  private final NatLookup nat;
  private final FlowMoves moves;
  private final FlowTable flows;
  private final PathTable paths;
  private final Ownership ownership;
  private final PathMode mode;
  private final ExceptionAction unrelated;
  private final QuotedPacket quote = new QuotedPacket();
  private final Tuple tuple = new Tuple();

  RelatedLookup(
      NatLookup nat,
      FlowMoves moves,
      FlowTable flows,
      PathTable paths,
      Ownership ownership,
      PathMode mode,
      ExceptionAction unrelated) {
    this.nat = nat;
    this.moves = moves;
    this.flows = flows;
    this.paths = paths;
    this.ownership = ownership;
    this.mode = mode;
    this.unrelated = unrelated;
  }

  /** Whether a row is an ICMP error whose flow is to be found. */
  static boolean concerns(PacketHeader h, int flags) {
    return (h.protocol == PacketHeader.ICMP || h.protocol == PacketHeader.ICMPV6)
        && (flags & PacketFlags.RECORD) == 0
        && QuotedPacket.isError(h);
  }

  /**
   * Decides about an error without changing what another packet of the run may see; false: it is to
   * be treated as any other packet.
   */
  boolean resolve(Vector v, int i) {
    PacketHeader h = v.header[i];
    boolean isRedirect = h.protocol == PacketHeader.ICMP && h.icmpType == REDIRECT;
    if (isRedirect || !quote.parse(v.batch.bytes, h)) {
      return unrelated(v, i, h);
    }
    PacketHeader reply = quote.reply;
    int flags = v.batch.flags[i];
    if ((flags & PacketFlags.RELATED) == 0 && toOwnerOfReply(v, i, reply)) {
      return true;
    }
    tuple.of(reply);
    long hash = tuple.hash();
    long nowNs = v.batch.captureTimeNs[i];
    int reference = flows.peek(tuple, hash, nowNs);
    int flow = reference >>> 1;
    if (reference >= 0 && flows.has(flow, FlowTable.MOVED) && moves.isAway(flow)) {
      moves.passOn(v, i, reference);
      v.kind[i] = Vector.PASSED_ON;
      v.batch.flags[i] |= PacketFlags.RELATED;
      v.did[i] |= Vector.DID_CLASS;
      return true;
    }
    if (reference >= 0) {
      v.flow[i] = reference;
      v.kind[i] = Vector.RELATED;
      return true;
    }
    boolean last = (flags & PacketFlags.REDIRECTED) != 0;
    boolean passed = !last && alongRecord(v, i, hash, nowNs);
    if (!passed) {
      passed =
          mode == PathMode.RECORD
              ? !last && nat.toMapping(v, i, reply, TO_FLOW)
              : last
                  ? nat.toClaimant(v, i, reply, hash, TO_FLOW)
                  : nat.computed(v, i, reply, hash, TO_FLOW);
    }
    return passed || unrelated(v, i, h);
  }

  private static final int TO_FLOW = PacketFlags.RELATED | PacketFlags.REDIRECTED;

  private boolean toOwnerOfReply(Vector v, int i, PacketHeader reply) {
    FlowKey key = ownership.key;
    int owner = ownership.table().assign(reply, key);
    if (ownership.isHere(owner, key.trafficClass, key.vHigh, key.vLow)) {
      return false;
    }
    v.key(i, key.trafficClass, key.vHigh, key.vLow);
    ownership.passOn(v, i, owner, Lanes.laneOf(key.vHigh, key.vLow), PacketFlags.RELATED);
    v.did[i] |= Vector.DID_RELATED;
    return true;
  }

  private boolean alongRecord(Vector v, int i, long hash, long nowNs) {
    int record = paths.peek(tuple, hash, nowNs);
    if (record < 0) {
      return false;
    }
    long vHigh = paths.vHigh(record);
    long vLow = paths.vLow(record);
    int owner = ownership.table().owner(paths.trafficClass(record), vHigh, vLow);
    if (ownership.isHere(owner, paths.trafficClass(record), vHigh, vLow)) {
      return false;
    }
    v.key(i, paths.trafficClass(record), vHigh, vLow);
    ownership.passOn(v, i, owner, Lanes.laneOf(vHigh, vLow), TO_FLOW);
    v.did[i] |= Vector.DID_PATH;
    return true;
  }

  private boolean unrelated(Vector v, int i, PacketHeader h) {
    if (unrelated == ExceptionAction.DROP) {
      v.drop(i, StageName.LOOKUP, DropReason.ICMP_UNRELATED);
      return true;
    }
    FlowKey key = ownership.key;
    int owner = ownership.table().assign(h, key);
    v.key(i, key.trafficClass, key.vHigh, key.vLow);
    // like a packet whose flow has gone: whoever gets it begins anew
    v.batch.flags[i] =
        v.batch.flags[i] & ~PacketFlags.RELATED | PacketFlags.REDIRECTED | PacketFlags.RECORD;
    if (ownership.isHere(owner, key.trafficClass, key.vHigh, key.vLow)) {
      return false;
    }
    ownership.passOn(v, i, owner, Lanes.laneOf(key.vHigh, key.vLow), 0);
    return true;
  }
}
