package dev.portcullis.worker.pipeline;

import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.stage.Vector;
import dev.portcullis.worker.stage.stateful.StatefulStage;

/**
 * Decides about packets whose flow has a mark: it is looked at ({@link ClassLook}), lives elsewhere
 * or has come from elsewhere ({@link FlowMoves}).
 *
 * <p>Thread: one shard.
 */
final class MarkedLookup {

  private final FlowTable flows;
  private final PolicyReview review;
  private final ClassLook look;
  private final FlowMoves moves;

  MarkedLookup(FlowTable flows, PolicyReview review, ClassLook look, FlowMoves moves) {
    this.flows = flows;
    this.review = review;
    this.look = look;
    this.moves = moves;
  }

  /** Whether a row was passed on for a flow that has moved here, and not given back. */
  static boolean isForGuest(int flags) {
    return (flags & (PacketFlags.MOVED | PacketFlags.RECORD)) == PacketFlags.MOVED;
  }

  /**
   * Decides about a packet without changing what another packet of the run may see; false: it must
   * be alone.
   */
  boolean resolve(Vector v, int i, int reference) {
    int flow = reference >>> 1;
    int flags = v.batch.flags[i];
    PacketHeader h = v.header[i];
    if ((flags & PacketFlags.RECORD) != 0 || FlowLookup.isFirstSyn(h)) {
      return false;
    }
    if (flows.has(flow, FlowTable.MOVED)) {
      if (!moves.isAway(flow)) {
        return false;
      }
      toGuest(v, i, reference);
      return true;
    }
    if (flows.has(flow, FlowTable.GUEST) && !isForGuest(flags)) {
      moves.toBeginning(v, i, flow);
      return true;
    }
    if (isLookedAt(v, i, flow) || review.isDue(flow, v.batch.captureTimeNs[i])) {
      return false;
    }
    v.flow[i] = reference;
    v.kind[i] = Vector.KNOWN;
    return true;
  }

  private void toGuest(Vector v, int i, int reference) {
    moves.passOn(v, i, reference);
    v.did[i] |= Vector.DID_CLASS;
  }

  private boolean isLookedAt(Vector v, int i, int flow) {
    return flows.has(flow, FlowTable.LOOKING) && ClassLook.concerns(v.header[i], v.batch.bytes);
  }

  /**
   * Whether a flow, marked or not, is no more because of this packet: a SYN opens a new one in its
   * place, or the worker that began it does not know it any more. Where a guest ends decides the
   * worker that began it.
   */
  boolean isReplaced(Vector v, int i, int reference) {
    int flow = reference >>> 1;
    PacketHeader h = v.header[i];
    if (flows.has(flow, FlowTable.GUEST)) {
      return (v.batch.flags[i] & (PacketFlags.MOVED | PacketFlags.RECORD)) == PacketFlags.RECORD;
    }
    return FlowLookup.isFirstSyn(h)
        && StatefulStage.opensAnew(flows, flow, reference & 1, h, v.batch.bytes);
  }

  /**
   * Passes a packet that is alone in its run on, where its flow, marked or not, is not to be served
   * here; a flow that was given back is served here again, one whose class it tells may leave.
   */
  boolean goesElsewhere(Vector v, int i, int reference) {
    int flow = reference >>> 1;
    int flags = v.batch.flags[i];
    if (flows.has(flow, FlowTable.GUEST) && !isForGuest(flags)) {
      moves.toBeginning(v, i, flow);
      return true;
    }
    if (flows.has(flow, FlowTable.MOVED)) {
      boolean isGivenBack = (flags & PacketFlags.MOVED) != 0;
      if (!isGivenBack && moves.isAway(flow)) {
        toGuest(v, i, reference);
        return true;
      }
      moves.takeBack(flow);
    }
    return isLookedAt(v, i, flow) && leaves(v, i, reference);
  }

  private boolean leaves(Vector v, int i, int reference) {
    int flow = reference >>> 1;
    int told = look.look(flow, reference & 1, v.header[i], v.batch.bytes);
    if (told <= 0) {
      return false;
    }
    v.did[i] |= Vector.DID_LOOK;
    v.looked[i] = told;
    if (!moves.leave(flow, told, v, i)) {
      return false;
    }
    moves.passOn(v, i, reference);
    return true;
  }
}
