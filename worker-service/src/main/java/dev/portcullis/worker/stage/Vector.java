package dev.portcullis.worker.stage;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A batch on its way through the pipeline: the packets, and what the stages have found out about
 * each, as columns. Made once per shard and used again. The stages work on runs of rows, {@link
 * #from} to {@link #to}: many packets of flows that are known, or one that opens a flow ({@link
 * #opening}).
 *
 * <p>Thread: one shard.
 */
public final class Vector {

  /** {@link #kind}: {@link #reason} says why. */
  public static final int DROPPED = 0;

  /** {@link #kind}: not looked up yet. */
  public static final int PARSED = 1;

  /** {@link #kind}: belongs to the flow {@link #flow}. */
  public static final int KNOWN = 2;

  /** {@link #kind}: opens a flow; alone in its run. */
  public static final int OPENING = 3;

  /** {@link #kind}: goes to {@link #egress} without a flow. */
  public static final int STATELESS = 4;

  /** {@link #kind}: another worker or shard has finished with it; its path is recorded here. */
  public static final int RECORDED = 5;

  /** {@link #kind}: is passed on, not looked at further, to {@link #worker} and {@link #lane}. */
  public static final int PASSED_ON = 6;

  /**
   * {@link #kind}: is kept by a stage, which has copied it; a later packet or time will decide. The
   * stage counts it with {@link #hold}.
   */
  public static final int HELD = 7;

  /** {@link #kind}: a stage has dealt with the row for good; nothing is left to be done or said. */
  public static final int CONSUMED = 8;

  /** {@link #kind}: a fragment; alone before its run, it meets the others of its datagram. */
  public static final int FRAGMENT = 9;

  /** {@link #kind}: has become part of the datagram that goes on as frame {@link #carrier}. */
  public static final int JOINED = 10;

  /**
   * {@link #kind}: an ICMP error about a packet of the flow {@link #flow}; the direction is that of
   * the error.
   */
  public static final int RELATED = 16;

  /** {@link #kind}: no packet but a message of another worker; alone in its run. */
  public static final int MESSAGE = 17;

  /**
   * {@link #kind}: belongs to the flow {@link #flow}, which lives elsewhere; it is followed here
   * and passed on to {@link #worker} and {@link #lane}.
   */
  public static final int MOVED = 18;

  /** Bits of {@link #did}, in the order in which a trace names them. */
  public static final int DID_RECORD = 1,
      DID_PATH = 2,
      DID_EXPIRED = 4,
      DID_DNAT = 8,
      DID_ACL = 16,
      DID_STATEFUL = 32,
      DID_SNAT = 64,
      DID_RELATED = 1 << 24,
      DID_ANSWER = 1 << 25,
      DID_EXPECTED = 1 << 28,
      DID_ANNOUNCE = 1 << 27,
      DID_LOOK = 1 << 29,
      DID_CLASS = 1 << 30;

  /** Bit of {@link #did}: the flow is known whose state did not let the packet through. */
  public static final int DID_REFUSE = 1 << 26;

  /** Shift of the state before the packet in {@link #state}. */
  public static final int BEFORE_SHIFT = 8;

  /**
   * Rows that go through the pipeline together, a power of two: so few that all that is known about
   * them stays in the first cache of a core.
   */
  public static final int SPAN = 128;

  /** {@link #did}: its fragments were put together. */
  public static final int DID_FRAGMENT = 1 << 20;

  private static final int N = PacketBatch.MAX_PACKETS;

  /** The packets. */
  public PacketBatch batch = new PacketBatch(0);

  /** Whether another shard of this worker passed the batch on. */
  public boolean fromOwnWorker;

  /** Whether the batch has messages between workers: rows that are no packets. */
  public boolean hasMessages;

  /** Whether events that the batch causes are for the port of entry: it is of a replay. */
  public boolean hasEvents;

  /** First row of the run. */
  public int from;

  /** Behind the last row of the run. */
  public int to;

  /** Behind the last row that is read already: runs end here. */
  public int end;

  /**
   * What the headers say; kept up to date by rewriting. Valid for rows of the span that the
   * pipeline works on; the rows of the next one use the same objects.
   */
  public final PacketHeader[] header = new PacketHeader[N];

  /** What is to be done with the packet. */
  public final int[] kind = new int[N];

  /** Id of the drop reason. */
  public final int[] reason = new int[N];

  /** {@link #kind} that the packet had when it was dropped. */
  public final int[] kindBefore = new int[N];

  /** Largest packet that the next link takes, of one dropped as {@code mtu-exceeded}. */
  public final int[] mtu = new int[N];

  /**
   * Start, in {@code batch.bytes}, of the packet that the gateway sends back to where row {@code i}
   * came from: link-layer header, then IP packet.
   */
  public final int[] answerOffset = new int[N];

  /** Length of the link-layer header of the answer. */
  public final int[] answerL2Length = new int[N];

  /** Length of the IP packet of the answer; 0: there is none. */
  public final int[] answerLength = new int[N];

  /** Hash of the tuple that the packet came in with. */
  public final long[] hash = new long[N];

  /** Flow and direction: {@code flow * 2 + direction}. */
  public final int[] flow = new int[N];

  /** Tag of the logical interface to leave by. */
  public final int[] egress = new int[N];

  /** Whether the packet is routed: TTL counts down, the link-layer header and padding go. */
  public final boolean[] routed = new boolean[N];

  /** Worker to pass the packet on to, -1: none, it goes to an IO module. */
  public final int[] worker = new int[N];

  /** Lane (shard) of {@link #worker}. */
  public final int[] lane = new int[N];

  /** What was done. */
  public final int[] did = new int[N];

  /** Rule, -1: the default action; for the trace. */
  public final int[] rule = new int[N];

  /**
   * State of the flow, and shifted by {@link #BEFORE_SHIFT} that before the packet, 0: there was
   * none; for the trace.
   */
  public final int[] state = new int[N];

  /** Class that a look at the first bytes has told; for the trace. */
  public final int[] looked = new int[N];

  /** Class that the IO module assigned. */
  public final int[] assignedClass = new int[N];

  /** V that the IO module assigned, upper half. */
  public final long[] assignedHigh = new long[N];

  /** V that the IO module assigned, lower half. */
  public final long[] assignedLow = new long[N];

  /** Frames held before whose outcomes come because of this row. */
  public final int[] caused = new int[N];

  /** Number of the frame that the datagram goes on as; with {@link #JOINED}. */
  public final long[] carrier = new long[N];

  /** Datagram of the fragment table whose frames go the way of this row instead of it; -1: none. */
  public final int[] datagram = new int[N];

  /**
   * Row that a stage works on at the moment: where a fault of the gateway is looked for. Every
   * stage sets it.
   */
  public int current;

  /** The flow that the only packet of the run opens. */
  public final NewFlow opening = new NewFlow();

  private final long[] held;
  private final long[] dropped;
  private final @Nullable Vector aside;
  private byte[] spill = new byte[0];
  private int spillUsed;
  private byte @Nullable [] ownBytes;

  /** Makes an empty vector. */
  public Vector() {
    this(new long[1], new long[StageName.values().length * DropReason.idLimit()], true);
  }

  private Vector(long[] held, long[] dropped, boolean withAside) {
    this.held = held;
    this.dropped = dropped;
    Arrays.setAll(header, i -> i < SPAN ? new PacketHeader() : header[i - SPAN]);
    aside = withAside ? new Vector(held, dropped, false) : null;
  }

  /**
   * The vector beside this one, emptied, which counts with it: what stages had kept goes through
   * it, {@link #SPAN} rows at the most, while this one waits. It has none itself.
   */
  public Vector aside() {
    if (aside == null) {
      throw new IllegalStateException("what goes aside holds nothing");
    }
    aside.end();
    aside.batch.count = 0;
    return aside;
  }

  /** Takes a batch in. */
  public void begin(PacketBatch packets, boolean ownWorker) {
    end();
    batch = packets;
    fromOwnWorker = ownWorker;
    from = 0;
    to = 0;
    end = 0;
    Arrays.fill(caused, 0, packets.count, 0);
    Arrays.fill(datagram, 0, packets.count, -1);
    int all = 0;
    for (int i = 0; i < packets.count; i++) {
      all |= packets.flags[i];
      kind[i] = kindOf(packets.flags[i]);
      reason[i] = 0;
      did[i] = 0;
      worker[i] = -1;
      egress[i] = -1;
      routed[i] = false;
      answerLength[i] = 0;
      assignedClass[i] = packets.trafficClass[i];
      assignedHigh[i] = packets.vHigh[i];
      assignedLow[i] = packets.vLow[i];
    }
    hasMessages = (all & PacketFlags.MESSAGE) != 0;
    hasEvents = (all & PacketFlags.EVENTS) != 0;
  }

  private static int kindOf(int flags) {
    if ((flags & (PacketFlags.TICK | PacketFlags.MESSAGE)) == 0) {
      return PARSED;
    }
    return (flags & PacketFlags.TICK) != 0 ? CONSUMED : MESSAGE;
  }

  /** Drops a packet and counts the frames that it stands for. */
  public void drop(int i, StageName stage, DropReason why) {
    kindBefore[i] = kind[i];
    kind[i] = DROPPED;
    reason[i] = why.id();
    countDropped(stage, why, batch.frames(i));
  }

  /** Counts frames as dropped that are no row of this vector: a stage had held them. */
  public void countDropped(StageName stage, DropReason why, int frames) {
    dropped[stage.ordinal() * DropReason.idLimit() + why.id()] += frames;
  }

  /** A stage has copied the packet and keeps it; it counts as held until {@link #released}. */
  public void hold(int i) {
    kind[i] = HELD;
    held[0] += batch.frames(i);
  }

  /** Frames that were held go on or were dropped. */
  public void released(int frames) {
    held[0] -= frames;
  }

  /** Frames that stages keep now. May be read by any thread. */
  public long held() {
    return held[0];
  }

  /**
   * Returns the offset of {@code length} bytes in {@code batch.bytes} that no row uses, for a
   * packet that grows. The buffer may be another one afterwards; offsets stay valid.
   */
  public int room(int length) {
    if (batch.bytes != spill) {
      ownBytes = batch.bytes;
      spillUsed = batch.bytes.length;
      if (spill.length < spillUsed + length) {
        spill = new byte[Math.max(spillUsed + length, 1 << 19)];
      }
      System.arraycopy(batch.bytes, 0, spill, 0, spillUsed);
    } else if (spill.length < spillUsed + length) {
      spill = Arrays.copyOf(spill, Math.max(spillUsed + length, spill.length * 2));
    }
    if (batch.traceBytes == batch.bytes) {
      batch.traceBytes = spill;
    }
    batch.bytes = spill;
    int at = spillUsed;
    spillUsed += length;
    return at;
  }

  /**
   * The batch is done with: it gets the buffer back that it came with. Batches are used again, by
   * other threads too.
   */
  public void end() {
    if (ownBytes != null) {
      if (batch.traceBytes == batch.bytes) {
        batch.traceBytes = ownBytes;
      }
      batch.bytes = ownBytes;
      ownBytes = null;
    }
  }

  /** Sets what the IO module assigned, where the row has another key by now. */
  public void assigned(int i, int trafficClass, long vHigh, long vLow) {
    assignedClass[i] = trafficClass;
    assignedHigh[i] = vHigh;
    assignedLow[i] = vLow;
  }

  /** Gives the row the key that it is to be owned by. */
  public void key(int i, int trafficClass, long vHigh, long vLow) {
    batch.trafficClass[i] = trafficClass;
    batch.vHigh[i] = vHigh;
    batch.vLow[i] = vLow;
  }

  /** Number of drops of a stage for a reason since the start. May be read by any thread. */
  public long dropped(StageName stage, DropReason why) {
    return dropped[stage.ordinal() * DropReason.idLimit() + why.id()];
  }

  /** Number of all drops since the start. May be read by any thread. */
  public long dropped() {
    long sum = 0;
    for (long count : dropped) {
      sum += count;
    }
    return sum;
  }
}
