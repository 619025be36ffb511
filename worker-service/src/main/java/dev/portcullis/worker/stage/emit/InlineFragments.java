package dev.portcullis.worker.stage.emit;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.worker.flow.FragmentTable;
import dev.portcullis.worker.stage.Vector;

/**
 * The frames of datagrams that were put together on an inline pair, which wait for the verdict
 * about the whole (ADR 11). Thread: one shard.
 */
final class InlineFragments {

  private static final int TRANSLATED = Vector.DID_DNAT | Vector.DID_SNAT;

  private final FragmentTable fragments;

  /** Takes frames out of this table. */
  InlineFragments(FragmentTable fragments) {
    this.fragments = fragments;
  }

  /**
   * Fragments on an inline pair go the way that was found for the whole, as they came, each for
   * itself and in order of arrival; where addresses or ports of the whole were translated, it goes
   * and they are joined in it. Of one that was dropped the whole stands for the last frame, because
   * it has the answer to the sender.
   *
   * @param i row of the whole, which has a datagram; it is consumed unless it goes itself
   * @return rows to be sent, or reported, before it
   */
  Vector insteadOf(Vector v, int i) {
    Vector aside = v.aside();
    int frames = fragments.unload(v.datagram[i], aside.batch);
    fragments.release(v.datagram[i]);
    v.datagram[i] = -1;
    aside.begin(aside.batch, v.fromOwnWorker);
    boolean dropped = v.kind[i] == Vector.DROPPED;
    boolean whole = !dropped && (v.did[i] & TRANSLATED) != 0;
    for (int it = 0; it < frames; it++) {
      if (whole) {
        aside.kind[it] = it == frames - 1 ? Vector.CONSUMED : Vector.JOINED;
        aside.carrier[it] = v.batch.number[i];
        aside.did[it] = Vector.DID_FRAGMENT;
      } else {
        likeTheWhole(v, i, aside, it);
      }
    }
    aside.to = frames;
    if (dropped) {
      aside.kind[frames - 1] = Vector.CONSUMED;
    } else if (!whole) {
      aside.caused[frames - 1] = frames - 1;
      boolean recorded = v.kind[i] == Vector.KNOWN && v.worker[i] >= 0;
      aside.batch.frameLength[frames - 1] = recorded ? frames - 1 : 0;
      v.kind[i] = Vector.CONSUMED;
    }
    return aside;
  }

  private static void likeTheWhole(Vector v, int i, Vector aside, int it) {
    PacketBatch batch = aside.batch;
    aside.header[it].parse(batch.bytes, batch.dataOffset[it], batch.dataLength[it]);
    aside.kind[it] = v.kind[i];
    aside.reason[it] = v.reason[i];
    aside.egress[it] = v.egress[i];
    aside.worker[it] = v.worker[i];
    aside.lane[it] = v.lane[i];
    aside.did[it] = v.did[i];
    aside.rule[it] = v.rule[i];
    aside.state[it] = v.state[i];
    aside.key(it, v.batch.trafficClass[i], v.batch.vHigh[i], v.batch.vLow[i]);
    boolean passed = v.kind[i] == Vector.PASSED_ON || v.worker[i] >= 0;
    int way = PacketFlags.REDIRECTED | PacketFlags.RECORD | PacketFlags.RELATED | PacketFlags.MOVED;
    batch.flags[it] =
        batch.flags[it] & ~(way | PacketFlags.REASSEMBLED)
            | v.batch.flags[i] & way
            | (passed ? PacketFlags.REASSEMBLED : 0);
  }
}
