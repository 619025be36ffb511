package dev.portcullis.worker.stage.defragment;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.policy.GatewaySpec.Exceptions;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FragmentTable;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;
import java.util.function.Consumer;

/**
 * Keeps fragments until their datagram is complete, which then takes the place of the fragment that
 * completed it (ADR 11). Works on one row, {@link Vector#from}, whose kind is {@link
 * Vector#FRAGMENT}; all rows before it have left. Afterwards it is held, dropped, or goes on: as
 * the whole, or as it is where the configuration lets it pass.
 *
 * <p>What was kept and waits no longer goes through the pipeline aside: dropped, or each fragment
 * as a packet without ports. A row that causes this always ends here - it is held, if only to be
 * let go at once - so that its outcome can say how many others it causes.
 */
public final class DefragmentStage implements Stage {

  /** Fragments of one datagram may come in by several ports of a zone, or by one inline port. */
  private static final int INLINE = 1 << 16;

  private static final int LARGEST = 65_535;

  private static final int PASSED =
      PacketFlags.REASSEMBLED
          | PacketFlags.REDIRECTED
          | PacketFlags.RECORD
          | PacketFlags.RELATED
          | PacketFlags.MOVED;

  private final Exceptions exceptions;
  private final Egress egress;
  private final Ownership ownership;
  private final FragmentTable table;
  private final Consumer<Vector> resume;
  private boolean inPassing = true;

  /**
   * Makes the stage.
   *
   * @param resume takes a vector of packets that were kept through the stages behind this one
   */
  public DefragmentStage(
      Exceptions exceptions,
      Egress egress,
      Ownership ownership,
      FragmentTable table,
      Consumer<Vector> resume) {
    this.exceptions = exceptions;
    this.egress = egress;
    this.ownership = ownership;
    this.table = table;
    this.resume = resume;
  }

  /** Whether fragments let go what waits too long in passing; otherwise ticks and lack of room. */
  public void inPassing(boolean it) {
    inPassing = it;
  }

  @Override
  public void process(Vector v) {
    int i = v.from;
    v.current = i;
    PacketHeader h = v.header[i];
    if (isMalformed(h)) {
      v.kind[i] = Vector.PARSED;
      if (exceptions.malformed() == ExceptionAction.DROP) {
        v.drop(i, StageName.DEFRAGMENT, DropReason.MALFORMED);
      }
      return;
    }
    int lane = lane(v.batch, i);
    int scope = scope(v.batch, i);
    long nowNs = v.batch.captureTimeNs[i];
    int datagram = table.find(h, scope, lane);
    if (datagram >= 0 && table.expired(datagram, nowNs)) {
      v.caused[i] += letGo(v, datagram, DropReason.FRAGMENT_TIMEOUT);
      remove(datagram);
      datagram = -1;
    }
    if (datagram >= 0 && table.doom(datagram) != 0) {
      goTheWayOfTheOthers(v, i, DropReason.byId(table.doom(datagram)));
      return;
    }
    int result = FragmentTable.NO_ROOM;
    if (datagram >= 0) {
      result = add(v, i, datagram);
    } else {
      if (inPassing || table.isFull(lane)) {
        v.caused[i] += expire(v, lane, nowNs);
      }
      datagram = table.open(h, scope, lane, nowNs);
      if (datagram >= 0) {
        result = add(v, i, datagram);
      }
    }
    switch (result) {
      case FragmentTable.COMPLETE -> complete(v, i, datagram);
      case FragmentTable.KEPT -> {
        v.hold(i);
        table.lastWasHeld(datagram);
        if (inPassing) {
          v.caused[i] += expire(v, lane, nowNs);
        }
      }
      case FragmentTable.OVERLAP -> refuse(v, i, datagram, DropReason.FRAGMENT_OVERLAP);
      default -> refuse(v, i, datagram, DropReason.FRAGMENT_LIMIT);
    }
  }

  /**
   * Nothing behind the fragment header; a fragment that others follow with a length that is no
   * multiple of 8; more than a datagram can have (RFC 791 section 3.2, RFC 8200 section 4.5).
   */
  private static boolean isMalformed(PacketHeader h) {
    int payloadAt = FragmentTable.payloadAt(h);
    int length = h.end - payloadAt;
    int headers = payloadAt - h.offset - (h.version == 4 ? 0 : 40);
    return length <= 0
        || h.moreFragments && (length & 7) != 0
        || headers + h.fragmentOffset + length > LARGEST;
  }

  /** Fragments that another worker or shard has put together already meet among themselves. */
  private static int lane(PacketBatch batch, int i) {
    return (batch.flags[i] & PacketFlags.REASSEMBLED) != 0
        ? FragmentTable.PASSING
        : Lanes.laneOf(batch.vHigh[i], batch.vLow[i]);
  }

  private int scope(PacketBatch batch, int i) {
    int tag = batch.ingressTag[i];
    return egress.partner(tag) >= 0 ? INLINE | tag : egress.zone(tag);
  }

  private int add(Vector v, int i, int datagram) {
    return table.add(
        datagram, v.batch, i, v.header[i], v.assignedClass[i], v.assignedHigh[i], v.assignedLow[i]);
  }

  private ExceptionAction action(DropReason reason) {
    return switch (reason) {
      case FRAGMENT_OVERLAP -> exceptions.fragmentOverlap();
      case FRAGMENT_TIMEOUT -> exceptions.fragmentTimeout();
      default -> exceptions.fragmentLimit();
    };
  }

  /** A fragment of a datagram of which the others were dropped, or went on each for itself. */
  private void goTheWayOfTheOthers(Vector v, int i, DropReason reason) {
    if (action(reason) == ExceptionAction.DROP) {
      v.drop(i, StageName.DEFRAGMENT, reason);
    } else {
      v.kind[i] = Vector.PARSED;
    }
  }

  /** A fragment that cannot be kept takes the others of its datagram with it, also later ones. */
  private void refuse(Vector v, int i, int datagram, DropReason reason) {
    if (datagram < 0) {
      if (v.caused[i] == 0 || action(reason) == ExceptionAction.DROP) {
        goTheWayOfTheOthers(v, i, reason);
      } else {
        letGoAlone(v, i);
      }
      return;
    }
    if (action(reason) == ExceptionAction.DROP) {
      v.caused[i] += letGo(v, datagram, reason);
      v.drop(i, StageName.DEFRAGMENT, reason);
    } else {
      keepAnyway(v, i, datagram);
      v.caused[i] += letGo(v, datagram, reason);
    }
    table.doom(datagram, reason.id());
  }

  private void keepAnyway(Vector v, int i, int datagram) {
    table.addAnyway(
        datagram, v.batch, i, v.header[i], v.assignedClass[i], v.assignedHigh[i], v.assignedLow[i]);
    v.hold(i);
    table.lastWasHeld(datagram);
  }

  /** There is no place for another datagram, and the row may not go on itself. */
  private void letGoAlone(Vector v, int i) {
    PacketBatch batch = v.batch;
    int lane = lane(batch, i);
    int datagram = table.openAnyway(v.header[i], scope(batch, i), lane, batch.captureTimeNs[i]);
    keepAnyway(v, i, datagram);
    v.caused[i] += letGo(v, datagram, DropReason.FRAGMENT_LIMIT);
    remove(datagram);
  }

  private void remove(int datagram) {
    table.detach(datagram);
    table.release(datagram);
  }

  /** All that has waited too long in a lane is let go; returns how many frames. */
  private int expire(Vector v, int lane, long nowNs) {
    int frames = 0;
    for (int it = table.nextExpired(lane, nowNs); it >= 0; it = table.nextExpired(lane, nowNs)) {
      frames += letGo(v, it, DropReason.FRAGMENT_TIMEOUT);
      remove(it);
    }
    return frames;
  }

  /** Time has come: what waits too long by then is let go. Returns how many frames. */
  public int tick(Vector v, long nowNs) {
    int frames = 0;
    for (int lane = 0; lane <= FragmentTable.PASSING; lane++) {
      frames += expire(v, lane, nowNs);
    }
    return frames;
  }

  /** Takes the frames of a datagram out and drops them or lets them go on; returns how many. */
  private int letGo(Vector v, int datagram, DropReason reason) {
    Vector aside = v.aside();
    int frames = unload(aside, datagram);
    v.released(frames);
    boolean drop = action(reason) == ExceptionAction.DROP;
    for (int i = 0; i < frames; i++) {
      PacketBatch batch = aside.batch;
      batch.flags[i] &= ~PASSED;
      aside.header[i].parse(batch.bytes, batch.dataOffset[i], batch.dataLength[i]);
      if (drop) {
        aside.current = i;
        aside.drop(i, StageName.DEFRAGMENT, reason);
      }
    }
    if (frames > 0) {
      resume.accept(aside);
    }
    return frames;
  }

  private int unload(Vector aside, int datagram) {
    int frames = table.unload(datagram, aside.batch);
    aside.begin(aside.batch, false);
    return frames;
  }

  /**
   * The datagram takes the place of its last fragment. On an inline pair its frames stay in the
   * table until it is known what comes of it, and go the same way.
   */
  private void complete(Vector v, int i, int datagram) {
    int others = table.count(datagram) - 1;
    int length = table.wholeLength(datagram);
    int largest = table.largest(datagram);
    int at = v.room(length);
    PacketBatch batch = v.batch;
    table.writeWhole(datagram, batch.bytes, at);
    table.detach(datagram);
    v.released(others);
    if (egress.partner(batch.ingressTag[i]) >= 0) {
      v.datagram[i] = datagram;
    } else {
      join(v, i, datagram);
    }
    batch.dataOffset[i] = at;
    batch.dataLength[i] = length;
    batch.frameLength[i] = largest;
    batch.reason[i] = others;
    batch.flags[i] |= PacketFlags.REASSEMBLED;
    v.did[i] |= Vector.DID_FRAGMENT;
    v.kind[i] = Vector.PARSED;
    v.header[i].parse(batch.bytes, at, length);
  }

  private void join(Vector v, int i, int datagram) {
    Vector aside = v.aside();
    int frames = unload(aside, datagram);
    table.release(datagram);
    for (int other = 0; other < frames - 1; other++) {
      aside.kind[other] = Vector.JOINED;
      aside.carrier[other] = v.batch.number[i];
      aside.did[other] |= Vector.DID_FRAGMENT;
    }
    aside.kind[frames - 1] = Vector.CONSUMED;
    resume.accept(aside);
  }

  /**
   * Assigns a datagram that was put together here by all of its headers, and passes it on where
   * another worker or shard owns it.
   */
  public void distribute(Vector v, int i) {
    boolean assigned = (v.batch.flags[i] & (PacketFlags.REDIRECTED | PacketFlags.RELATED)) != 0;
    if (v.kind[i] != Vector.PARSED || assigned) {
      return;
    }
    FlowKey key = ownership.key;
    int owner = ownership.table().assign(v.header[i], key);
    v.key(i, key.trafficClass, key.vHigh, key.vLow);
    if (!ownership.isHere(owner, key.trafficClass, key.vHigh, key.vLow)) {
      ownership.passOn(v, i, owner, Lanes.laneOf(key.vHigh, key.vLow), 0);
    }
  }
}
