package dev.portcullis.worker.stage.emit;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FragmentTable;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.stage.DropListener;
import dev.portcullis.worker.stage.Outlets;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Sends every packet of the run where the stages said: tagged for its IO module, or on to another
 * worker or shard; and says what became of those that the port of entry asks about. Routed packets
 * lose a hop of TTL, the link-layer header and padding; others leave as they came. What is larger
 * than the port of exit takes, or was fragmented when it came, leaves in pieces (ADR 12).
 */
public final class EmitStage implements Stage {

  /** A packet is passed on between workers at most this often. */
  public static final int HOP_LIMIT = 4;

  private static final VarHandle CARRIER =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final int SLOTS = 16;

  private final Egress egress;
  private final Ownership ownership;
  private final Outlets outlets;
  private final TraceText trace;
  private final PortReplicas replicas;
  private final InlineFragments inlineFragments;
  private final Fragmenter fragmenter;
  private final PacketBatch outcome = new PacketBatch(Long.BYTES);
  private final PacketBatch answer = new PacketBatch(0);
  private @Nullable Outlet[] toIo = new Outlet[16];
  private @Nullable Outlet[] toWorker = new Outlet[16 * SLOTS];
  private DropListener drops = (v, i) -> false;
  private final byte[] noTrace = new byte[0];
  private final byte[] carrier = new byte[Long.BYTES];
  private long forwarded;
  private long passed;
  private long[] redistributed = new long[16];
  private long outcomesLost;
  private long originated;

  /**
   * Makes the stage.
   *
   * @param fragments has the frames of datagrams that were put together on an inline pair
   */
  public EmitStage(
      Egress egress,
      Ownership ownership,
      Outlets outlets,
      TraceText trace,
      FragmentTable fragments) {
    this.egress = egress;
    this.ownership = ownership;
    this.outlets = outlets;
    this.trace = trace;
    this.replicas = new PortReplicas(egress);
    this.inlineFragments = new InlineFragments(fragments);
    this.fragmenter = new Fragmenter(egress);
    outcome.count = 1;
    answer.count = 1;
  }

  /** Packets that left for an IO module or another worker. */
  public long forwarded() {
    return forwarded;
  }

  /** Packets that were given to another shard of this worker. */
  public long passed() {
    return passed;
  }

  /** Frames that had left do not, after all: they waited, and their channel is full. */
  public void refused(int frames) {
    forwarded -= frames;
  }

  /** Frames of the packets that left for the worker with this identification number. */
  public long redistributedTo(int number) {
    long[] counts = redistributed;
    return number < counts.length ? counts[number] : 0;
  }

  /** Packets that left and were made here. */
  public long originated() {
    return originated;
  }

  /** Outcomes that found the queue full. */
  public long outcomesLost() {
    return outcomesLost;
  }

  /** Sends what is gathered and forgets which channels lead where; with a new table. */
  public void forgetOutlets() {
    flush();
    Arrays.fill(toIo, null);
    Arrays.fill(toWorker, null);
  }

  /** A stream of an IO module to this shard is open, or has ended. */
  public void ioStream(int io, boolean open) {
    replicas.stream(io, open);
  }

  /** An IO module is about to end: packets leave by another one that has the port, if there is. */
  public void ioLeaves(int io) {
    replicas.leaves(io);
  }

  /** Sends what the channels have gathered. */
  public void flush() {
    for (Outlet it : toIo) {
      if (it != null) {
        it.flush();
      }
    }
    for (Outlet it : toWorker) {
      if (it != null) {
        it.flush();
      }
    }
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.datagram[i] >= 0) {
        process(inlineFragments.insteadOf(v, i));
      }
      switch (v.kind[i]) {
        case Vector.DROPPED, Vector.CONSUMED -> {}
        case Vector.HELD -> {
          // one that was passed on has been reported as held before
          boolean again = (v.batch.flags[i] & PacketFlags.REASSEMBLED) != 0 && v.caused[i] == 0;
          if ((v.batch.flags[i] & PacketFlags.REPORT) != 0 && !again) {
            report(v, i, 0, PacketFlags.HELD);
          }
        }
        case Vector.JOINED -> {
          if ((v.batch.flags[i] & PacketFlags.REPORT) != 0) {
            report(v, i, 0, PacketFlags.JOINED);
          }
        }
        case Vector.PASSED_ON -> passOn(v, i, v.batch.flags[i]);
        case Vector.KNOWN, Vector.STATELESS -> {
          if (v.routed[i]) {
            route(v.batch, i, v.header[i]);
          }
          if (v.worker[i] >= 0) {
            v.batch.tag[i] = v.egress[i];
            passOn(v, i, v.batch.flags[i] & ~PacketFlags.REDIRECTED | PacketFlags.RECORD);
          } else {
            leave(v, i);
          }
        }
        case Vector.RECORDED -> leave(v, i);
        default ->
            throw new IllegalStateException("no stage decided about a packet: kind " + v.kind[i]);
      }
      if (v.kind[i] == Vector.DROPPED) {
        reportDropped(v, i);
      }
    }
  }

  /** From now on {@code it} is told of every drop. */
  public void listen(DropListener it) {
    drops = it;
  }

  /**
   * Sends the answer to a dropped row, and says that it was dropped, where the port of entry or the
   * listener asks.
   */
  public void reportDropped(Vector v, int i) {
    int pieces = v.answerLength[i] > 0 ? answer(v, i) : 0;
    boolean told = drops.dropped(v, i);
    if ((v.batch.flags[i] & PacketFlags.REPORT) != 0) {
      report(v, i, pieces, told ? PacketFlags.EVENT : 0);
    }
  }

  /** Sends the answer back to where the row came from; returns in how many pieces it left. */
  private int answer(Vector v, int i) {
    PacketBatch batch = v.batch;
    int tag = batch.ingressTag[i];
    Outlet outlet = io(egress.at(tag).io().number());
    answer.clearRow(0);
    answer.bytes = batch.bytes;
    answer.captureTimeNs[0] = batch.captureTimeNs[i];
    answer.number[0] = batch.number[i];
    answer.vHigh[0] = v.assignedHigh[i];
    answer.vLow[0] = v.assignedLow[i];
    answer.trafficClass[0] = v.assignedClass[i];
    answer.flags[0] = PacketFlags.ORIGINATED;
    answer.ingressTag[0] = tag;
    answer.tag[0] = tag;
    answer.l2Offset[0] = v.answerOffset[i];
    answer.l2Length[0] = v.answerL2Length[i];
    answer.linkType[0] = egress.partner(tag) >= 0 ? batch.linkType[i] : 0;
    answer.dataOffset[0] = v.answerOffset[i] + v.answerL2Length[i];
    answer.dataLength[0] = v.answerLength[i];
    if (outlet == null) {
      return 0;
    }
    int pieces = fragmenter.answer(answer, outlet);
    if (pieces > 0) {
      originated += pieces;
      v.did[i] |= Vector.DID_ANSWER;
    }
    return pieces;
  }

  /**
   * Sends the only row of a batch, a {@link PacketFlags#MESSAGE}, to a lane of links of a worker,
   * before all that is sent there later; it leaves with the next {@link #flush}. False where there
   * is no way or no room.
   */
  public boolean message(int worker, int linkLane, PacketBatch row) {
    Outlet outlet = worker(worker, linkLane);
    return outlet != null && outlet.offer(row, 0);
  }

  /**
   * Answers a row of time, after all that it caused.
   *
   * @param batch the row, with {@link PacketFlags#TICK} and {@link PacketFlags#REPORT}
   * @param caused frames that waited for this time
   * @param more whether another tick is needed until all is done
   * @param eventsLost events that could not be kept until a tick came
   */
  public void answerTick(PacketBatch batch, int i, int caused, boolean more, long eventsLost) {
    int tag = batch.ingressTag[i];
    Outlet outlet = egress.exists(tag) ? io(egress.at(tag).io().number()) : null;
    outcome.clearRow(0);
    outcome.captureTimeNs[0] = batch.captureTimeNs[i];
    outcome.number[0] = batch.number[i];
    outcome.flags[0] = PacketFlags.OUTCOME | PacketFlags.TICK;
    outcome.pieces[0] = more ? 1 : 0;
    outcome.vLow[0] = eventsLost;
    outcome.ingressTag[0] = tag;
    outcome.tag[0] = tag;
    outcome.frameLength[0] = caused;
    if (outlet == null || !outlet.offer(outcome, 0)) {
      outcomesLost++;
    }
  }

  /**
   * Sends an event to the IO module of a port; see {@link PacketFlags#EVENT}.
   *
   * @return false when there is no room now
   */
  public boolean event(
      int ingressTag, long number, long timeNs, long flowId, byte[] bytes, int at, int length) {
    if (!egress.exists(ingressTag)) {
      return true;
    }
    Outlet outlet = io(egress.at(ingressTag).io().number());
    outcome.clearRow(0);
    outcome.captureTimeNs[0] = timeNs;
    outcome.number[0] = number;
    outcome.vLow[0] = flowId;
    outcome.flags[0] = PacketFlags.EVENT;
    outcome.ingressTag[0] = ingressTag;
    outcome.tag[0] = ingressTag;
    outcome.bytes = bytes;
    outcome.dataOffset[0] = at;
    outcome.dataLength[0] = length;
    boolean taken = outlet != null && outlet.offer(outcome, 0);
    outcome.clearRow(0);
    outcome.bytes = noTrace;
    return taken;
  }

  private static void route(PacketBatch batch, int i, PacketHeader h) {
    byte[] bytes = batch.bytes;
    if (h.version == 4) {
      int at = h.offset + 8;
      int before = PacketHeader.u16(bytes, at);
      bytes[at]--;
      Checksum.apply(bytes, h.offset + 10, Checksum.change(before, before - 256));
    } else {
      bytes[h.offset + 7]--;
    }
    int ipLength =
        h.version == 4
            ? PacketHeader.u16(bytes, h.offset + 2)
            : 40 + PacketHeader.u16(bytes, h.offset + 4);
    batch.dataLength[i] = h.end - h.offset;
    if ((batch.flags[i] & PacketFlags.REASSEMBLED) == 0) {
      batch.frameLength[i] = h.truncated ? ipLength : 0;
    }
    batch.l2Length[i] = 0;
    batch.linkType[i] = 0;
  }

  private void leave(Vector v, int i) {
    PacketBatch batch = v.batch;
    int flags = batch.flags[i];
    int tag = replicas.of(v.egress[i], batch.vLow[i]);
    Outlet outlet = io(egress.at(tag).io().number());
    if (outlet == null) {
      v.drop(i, StageName.EMIT, DropReason.PORT_CLOSED);
      return;
    }
    int traceLength = batch.traceLength[i];
    int limit = fragmenter.limit(v, i);
    batch.tag[i] = tag;
    batch.pieces[i] = 0;
    batch.flags[i] = flags & (PacketFlags.ORIGINATED | PacketFlags.CHECKSUM_MISSING);
    batch.traceLength[i] = 0;
    v.key(i, 0, 0, 0);
    int pieces =
        limit > 0
            ? fragmenter.send(batch, i, v.header[i], limit, outlet)
            : outlet.offer(batch, i) ? 1 : 0;
    batch.flags[i] = flags;
    batch.traceLength[i] = traceLength;
    if (pieces == 0) {
      v.drop(i, StageName.EMIT, DropReason.LINK_QUEUE_FULL);
      return;
    }
    forwarded += batch.frames(i);
    if ((flags & PacketFlags.REPORT) != 0) {
      report(v, i, pieces, 0);
    }
  }

  private void passOn(Vector v, int i, int flags) {
    PacketBatch batch = v.batch;
    int worker = v.worker[i];
    boolean isSelf = worker == ownership.self();
    if (!isSelf && PacketFlags.hops(flags) >= HOP_LIMIT) {
      v.drop(i, StageName.EMIT, DropReason.HOP_LIMIT);
      return;
    }
    Outlet outlet = worker(worker, v.lane[i]);
    if (outlet == null) {
      v.drop(i, StageName.EMIT, DropReason.WORKER_UNREACHABLE);
      return;
    }
    int flagsBefore = batch.flags[i];
    int traceOffset = batch.traceOffset[i];
    int traceLength = batch.traceLength[i];
    byte[] traceBytes = batch.traceBytes;
    if ((flags & PacketFlags.TRACE) != 0 && !(isSelf && isUntouched(v, i))) {
      batch.traceLength[i] = trace.write(v, i);
      batch.traceOffset[i] = 0;
      batch.traceBytes = trace.bytes();
    }
    batch.flags[i] = isSelf ? flags : PacketFlags.withOneHopMore(flags);
    boolean taken = outlet.offer(batch, i);
    batch.flags[i] = flagsBefore;
    batch.traceOffset[i] = traceOffset;
    batch.traceLength[i] = traceLength;
    batch.traceBytes = traceBytes;
    if (!taken) {
      v.drop(i, StageName.EMIT, DropReason.LINK_QUEUE_FULL);
    } else if (isSelf) {
      passed += batch.frames(i);
    } else {
      forwarded += batch.frames(i);
      redistributed[worker] += batch.frames(i);
    }
  }

  /** Whether the packet was only looked up here. */
  private static boolean isUntouched(Vector v, int i) {
    return v.kind[i] == Vector.PASSED_ON && (v.did[i] & Vector.DID_STATEFUL) == 0;
  }

  private void report(Vector v, int i, int pieces, int flags) {
    PacketBatch batch = v.batch;
    int tag = batch.ingressTag[i];
    Outlet outlet = egress.exists(tag) ? io(egress.at(tag).io().number()) : null;
    outcome.captureTimeNs[0] = batch.captureTimeNs[i];
    outcome.number[0] = batch.number[i];
    outcome.vHigh[0] = v.assignedHigh[i];
    outcome.vLow[0] = v.assignedLow[i];
    outcome.trafficClass[0] = v.assignedClass[i];
    boolean traced = (batch.flags[i] & PacketFlags.TRACE) != 0;
    outcome.flags[0] =
        PacketFlags.OUTCOME
            | flags
            | batch.flags[i] & PacketFlags.WAS_HELD
            | (traced ? PacketFlags.TRACE : 0);
    outcome.ingressTag[0] = tag;
    outcome.tag[0] = tag;
    outcome.reason[0] = v.reason[i];
    outcome.pieces[0] = pieces;
    outcome.frameLength[0] = v.caused[i] + batch.reason[i];
    outcome.dataLength[0] = 0;
    if ((flags & PacketFlags.JOINED) != 0) {
      CARRIER.set(carrier, 0, v.carrier[i]);
      outcome.bytes = carrier;
      outcome.dataOffset[0] = 0;
      outcome.dataLength[0] = Long.BYTES;
    }
    outcome.traceLength[0] = traced ? trace.write(v, i) : 0;
    outcome.traceOffset[0] = 0;
    outcome.traceBytes = traced ? trace.bytes() : noTrace;
    if (outlet == null || !outlet.offer(outcome, 0)) {
      outcomesLost++;
    }
  }

  private @Nullable Outlet io(int number) {
    if (number >= toIo.length) {
      toIo = Arrays.copyOf(toIo, Math.max(number + 1, toIo.length * 2));
    }
    Outlet outlet = toIo[number];
    if (outlet == null) {
      outlet = outlets.to(ModuleId.io(number), 0);
      toIo[number] = outlet;
    }
    return outlet;
  }

  private @Nullable Outlet worker(int number, int lane) {
    if (number >= redistributed.length) {
      redistributed = Arrays.copyOf(redistributed, Math.max(number + 1, redistributed.length * 2));
    }
    int slot = number * SLOTS + lane;
    if (slot >= toWorker.length) {
      toWorker = Arrays.copyOf(toWorker, Math.max(slot + 1, toWorker.length * 2));
    }
    Outlet outlet = toWorker[slot];
    if (outlet == null) {
      outlet = outlets.to(ModuleId.worker(number), lane);
      toWorker[slot] = outlet;
    }
    return outlet;
  }
}
