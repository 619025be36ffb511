package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import java.util.Arrays;

/**
 * Fragments of a shard that wait for the rest of their datagram: whole frames, found by what RFC
 * 791 section 3.2 and RFC 8200 section 4.5 tell datagrams apart by - addresses, identification, in
 * IPv4 the protocol - and by where they came in. A datagram is a number from 0.
 *
 * <p>Time is the capture time of packets, from the first fragment on. Bounds are per lane, a
 * sixteenth of {@code limits.fragments} datagrams and {@code limits.fragmentBytes} bytes (in blocks
 * of {@link BlockStore#BLOCK}), and {@link #MAX_FRAGMENTS} frames a datagram; so what fits depends
 * on the packets of the lane alone.
 *
 * <p>Thread: one shard.
 */
public final class FragmentTable {

  /**
   * The most frames of one datagram, duplicates included: 65,535 bytes over the least MTU of IPv4
   * hosts (576) make 119; with the one that is too many they fill a span of the pipeline.
   */
  public static final int MAX_FRAGMENTS = 127;

  /** {@link #add}: kept. */
  public static final int KEPT = 0;

  /** {@link #add}: kept, and the datagram is complete. */
  public static final int COMPLETE = 1;

  /**
   * {@link #add}: not kept: covers bytes that another fragment covers, or contradicts it about the
   * end of the datagram.
   */
  public static final int OVERLAP = 2;

  /** {@link #add}: not kept: there is no room. */
  public static final int NO_ROOM = 3;

  /**
   * A lane more, for fragments whose datagram was complete at another worker or shard. They follow
   * each other closely, so that they only wait long where a link has lost some: it has the bounds
   * of the whole worker, and twice the time, since their capture times may lie as far apart as
   * fragments may.
   */
  public static final int PASSING = Lanes.COUNT;

  private static final int SOURCE_HIGH = 0,
      SOURCE_LOW = 1,
      DESTINATION_HIGH = 2,
      DESTINATION_LOW = 3,
      IDENTITY = 4,
      SCOPE = 5,
      FIRST_NS = 6,
      TOTAL = 7,
      RECEIVED = 8,
      ARRIVED_FIRST = 9,
      ARRIVED_LAST = 10,
      SORTED = 11,
      COUNT = 12,
      LARGEST = 13,
      LARGEST_DF = 14,
      ECN_SEEN = 15,
      DOOM = 16,
      PREVIOUS = 17,
      NEXT = 18,
      WORDS = 19;

  private static final int NONE = -1;

  private final FragmentFrames frames = new FragmentFrames();
  private final TupleIndex index = new TupleIndex();
  private final long timeoutNs;
  private final int limit;
  private final int limitBlocks;
  private long[] words = new long[WORDS << 4];
  private int used;
  private int free = NONE;
  private final int[] oldest = new int[Lanes.COUNT + 1];
  private final int[] newest = new int[Lanes.COUNT + 1];
  private final int[] datagrams = new int[Lanes.COUNT + 1];
  private final int[] blocks = new int[Lanes.COUNT + 1];
  private final long[] earliestNs = new long[Lanes.COUNT + 1];

  /**
   * Makes an empty table.
   *
   * @param timeoutNs how long a datagram may wait since its first fragment
   * @param limit most datagrams of the worker
   * @param limitBytes most bytes of the worker
   */
  public FragmentTable(long timeoutNs, int limit, int limitBytes) {
    this.timeoutNs = timeoutNs;
    this.limit = limit;
    limitBlocks = limitBytes / BlockStore.BLOCK;
    Arrays.fill(oldest, NONE);
    Arrays.fill(newest, NONE);
    Arrays.fill(earliestNs, Long.MAX_VALUE);
  }

  /** Returns the datagram that a fragment belongs to, -1 where it is the first of it. */
  public int find(PacketHeader h, int scope, int lane) {
    long identity = identity(h);
    long where = (long) scope << 8 | lane;
    long hash =
        hash(h.sourceHigh, h.sourceLow, h.destinationHigh, h.destinationLow, identity, where);
    int at = index.start(hash);
    for (long slot = index.slot(at); slot != 0; at = index.after(at), slot = index.slot(at)) {
      int base = TupleIndex.reference(slot) * WORDS;
      if (TupleIndex.sameHash(slot, hash)
          && words[base + SOURCE_LOW] == h.sourceLow
          && words[base + DESTINATION_LOW] == h.destinationLow
          && words[base + IDENTITY] == identity
          && words[base + SCOPE] == where
          && words[base + SOURCE_HIGH] == h.sourceHigh
          && words[base + DESTINATION_HIGH] == h.destinationHigh) {
        return TupleIndex.reference(slot);
      }
    }
    return NONE;
  }

  private static long identity(PacketHeader h) {
    int protocol = h.version == 4 ? h.protocol : 0;
    return (long) h.fragmentId << 32 | protocol << 8 | h.version;
  }

  private static long hash(
      long sourceHigh,
      long sourceLow,
      long destinationHigh,
      long destinationLow,
      long identity,
      long where) {
    return Tuple.hash(sourceHigh, sourceLow, destinationHigh, destinationLow, identity)
        + Lanes.mix(where);
  }

  private long hashOf(int datagram) {
    int base = datagram * WORDS;
    return hash(
        words[base + SOURCE_HIGH],
        words[base + SOURCE_LOW],
        words[base + DESTINATION_HIGH],
        words[base + DESTINATION_LOW],
        words[base + IDENTITY],
        words[base + SCOPE]);
  }

  /**
   * Returns a new datagram without fragments, -1 when the lane has as many as it may.
   *
   * @param scope what else tells datagrams apart, 24 bits: where they came in
   */
  public int open(PacketHeader h, int scope, int lane, long nowNs) {
    return isFull(lane) ? NONE : openAnyway(h, scope, lane, nowNs);
  }

  /** Whether a lane has as many datagrams as it may. */
  public boolean isFull(int lane) {
    return datagrams[lane] >= share(lane, limit);
  }

  private static int share(int lane, int ofWorker) {
    return lane == PASSING ? ofWorker : Math.max(1, ofWorker / Lanes.COUNT);
  }

  private long timeoutNs(int lane) {
    return lane == PASSING ? 2 * timeoutNs : timeoutNs;
  }

  /** Returns a new datagram, whether there is room or not: it is about to be taken out. */
  public int openAnyway(PacketHeader h, int scope, int lane, long nowNs) {
    int datagram = allocate();
    int base = datagram * WORDS;
    words[base + SOURCE_HIGH] = h.sourceHigh;
    words[base + SOURCE_LOW] = h.sourceLow;
    words[base + DESTINATION_HIGH] = h.destinationHigh;
    words[base + DESTINATION_LOW] = h.destinationLow;
    words[base + IDENTITY] = identity(h);
    words[base + SCOPE] = (long) scope << 8 | lane;
    words[base + FIRST_NS] = nowNs;
    words[base + PREVIOUS] = newest[lane];
    if (newest[lane] >= 0) {
      set(newest[lane], NEXT, datagram);
    } else {
      oldest[lane] = datagram;
    }
    newest[lane] = datagram;
    datagrams[lane]++;
    earliestNs[lane] = Math.min(earliestNs[lane], nowNs);
    index.add(hashOf(datagram), datagram);
    return datagram;
  }

  private int allocate() {
    int datagram = free;
    if (datagram >= 0) {
      free = (int) get(datagram, NEXT);
    } else {
      datagram = used++;
      if (words.length < used * WORDS) {
        words = Arrays.copyOf(words, words.length * 2);
      }
    }
    Arrays.fill(words, datagram * WORDS, datagram * WORDS + WORDS, 0);
    set(datagram, TOTAL, NONE);
    set(datagram, ARRIVED_FIRST, NONE);
    set(datagram, ARRIVED_LAST, NONE);
    set(datagram, SORTED, NONE);
    set(datagram, NEXT, NONE);
    return datagram;
  }

  /**
   * Keeps a copy of a fragment that fits to the others; an exact duplicate is kept as a frame and
   * adds nothing.
   *
   * @param h its headers: not truncated, with at least one byte behind the fragment header
   * @return {@link #KEPT}, {@link #COMPLETE}, {@link #OVERLAP} or {@link #NO_ROOM}
   */
  public int add(
      int datagram,
      PacketBatch batch,
      int i,
      PacketHeader h,
      int assignedClass,
      long assignedHigh,
      long assignedLow) {
    int payloadAt = payloadAt(h);
    int start = h.fragmentOffset;
    int end = start + h.end - payloadAt;
    int total = (int) get(datagram, TOTAL);
    if (!h.moreFragments ? total >= 0 && total != end : total >= 0 && end >= total) {
      return OVERLAP;
    }
    int before = NONE;
    int after = (int) get(datagram, SORTED);
    while (after >= 0 && frames.start(after) < start) {
      before = after;
      after = frames.nextSorted(after);
    }
    boolean duplicate =
        after >= 0
            && frames.start(after) == start
            && frames.end(after) == end
            && frames.samePayload(after, batch.bytes, payloadAt)
            && (h.moreFragments || total == end);
    if (!duplicate
        && (before >= 0 && frames.end(before) > start
            || after >= 0 && frames.start(after) < end
            || !h.moreFragments && after >= 0)) {
      return OVERLAP;
    }
    int lane = lane(datagram);
    if (get(datagram, COUNT) == MAX_FRAGMENTS
        || blocks[lane] + FragmentFrames.blocks(batch, i) > share(lane, limitBlocks)) {
      return NO_ROOM;
    }
    int frame = addAnyway(datagram, batch, i, h, assignedClass, assignedHigh, assignedLow);
    if (duplicate) {
      return KEPT;
    }
    frames.range(frame, start, end, payloadAt - h.offset);
    frames.nextSorted(frame, after);
    if (before >= 0) {
      frames.nextSorted(before, frame);
    } else {
      set(datagram, SORTED, frame);
    }
    if (!h.moreFragments) {
      set(datagram, TOTAL, end);
    }
    set(datagram, RECEIVED, get(datagram, RECEIVED) + end - start);
    learn(datagram, batch.bytes, h);
    return get(datagram, RECEIVED) == get(datagram, TOTAL) ? COMPLETE : KEPT;
  }

  /** What the whole will need to know of its fragments. */
  private void learn(int datagram, byte[] bytes, PacketHeader h) {
    int size = h.end - h.offset;
    set(datagram, LARGEST, Math.max(size, get(datagram, LARGEST)));
    boolean v4 = h.version == 4;
    if (v4 && (bytes[h.offset + 6] & 0x40) != 0) {
      set(datagram, LARGEST_DF, Math.max(size, get(datagram, LARGEST_DF)));
    }
    int ecn = (v4 ? bytes[h.offset + 1] : bytes[h.offset + 1] >>> 4) & 3;
    set(datagram, ECN_SEEN, get(datagram, ECN_SEEN) | 1L << ecn);
  }

  /** Offset of what a fragment carries of its datagram. */
  public static int payloadAt(PacketHeader h) {
    return h.version == 4 ? h.transportOffset : h.fragmentAt + 8;
  }

  /**
   * Keeps a frame with those of a datagram, whether there is room and whether it fits or not: it is
   * about to be taken out with them.
   *
   * @return number of the frame
   */
  public int addAnyway(
      int datagram,
      PacketBatch batch,
      int i,
      PacketHeader h,
      int assignedClass,
      long assignedHigh,
      long assignedLow) {
    int frame = frames.store(batch, i);
    frames.assigned(frame, assignedClass, assignedHigh, assignedLow);
    blocks[lane(datagram)] += FragmentFrames.blocks(batch, i);
    int last = (int) get(datagram, ARRIVED_LAST);
    if (last >= 0) {
      frames.nextArrived(last, frame);
    } else {
      set(datagram, ARRIVED_FIRST, frame);
    }
    set(datagram, ARRIVED_LAST, frame);
    set(datagram, COUNT, get(datagram, COUNT) + 1);
    return frame;
  }

  /** Frames of a datagram. */
  public int count(int datagram) {
    return (int) get(datagram, COUNT);
  }

  /** Length of the largest fragment, its IP headers included. */
  public int largest(int datagram) {
    return (int) get(datagram, LARGEST);
  }

  /** The last frame was held: what comes of it is to be said as of one that waited. */
  public void lastWasHeld(int datagram) {
    frames.addFlags((int) get(datagram, ARRIVED_LAST), PacketFlags.WAS_HELD);
  }

  /** Length of a complete datagram as one packet. */
  public int wholeLength(int datagram) {
    return frames.payloadAt((int) get(datagram, SORTED)) + (int) get(datagram, TOTAL);
  }

  /**
   * Writes a complete datagram as one packet. Its network header is that of the first fragment; an
   * IPv6 packet keeps the fragment header, which says that nothing precedes and nothing follows
   * (RFC 6946), so that its identification is known where it is fragmented again. An IPv4 packet
   * may not be fragmented where its largest fragment said so. Congestion that any fragment met is
   * marked (RFC 3168 section 5.3).
   *
   * @param to room for {@link #wholeLength} bytes
   */
  public void writeWhole(int datagram, byte[] to, int at) {
    int first = (int) get(datagram, SORTED);
    int headers = frames.payloadAt(first);
    frames.read(first, 0, to, at, headers);
    for (int frame = first; frame >= 0; frame = frames.nextSorted(frame)) {
      int start = frames.start(frame);
      frames.read(
          frame, frames.payloadAt(frame), to, at + headers + start, frames.end(frame) - start);
    }
    int length = headers + (int) get(datagram, TOTAL);
    long ecn = get(datagram, ECN_SEEN);
    boolean congested = (ecn & 1 << 3) != 0 && (ecn & 1) == 0;
    if (to[at] >>> 4 == 4) {
      to[at + 1] |= (byte) (congested ? 3 : 0);
      IpFragments.writeIpv4(
          to,
          at,
          headers,
          length,
          get(datagram, LARGEST_DF) == largest(datagram) ? IpFragments.DONT : 0);
    } else {
      to[at + 1] |= (byte) (congested ? 0x30 : 0);
      IpFragments.writeIpv6(to, at, headers, length, 0);
    }
  }

  /**
   * Moves all frames of a datagram behind the rows of a batch, in order of arrival, as they came.
   *
   * @return how many
   */
  public int unload(int datagram, PacketBatch to) {
    int count = 0;
    int frame = (int) get(datagram, ARRIVED_FIRST);
    while (frame >= 0) {
      int row = to.count++;
      frames.load(frame, to, row);
      blocks[lane(datagram)] -= FragmentFrames.blocks(to, row);
      int following = frames.nextArrived(frame);
      frames.free(frame);
      frame = following;
      count++;
    }
    set(datagram, ARRIVED_FIRST, NONE);
    set(datagram, ARRIVED_LAST, NONE);
    set(datagram, SORTED, NONE);
    set(datagram, COUNT, 0);
    return count;
  }

  /** No fragment finds the datagram any more; its frames stay until {@link #release}. */
  public void detach(int datagram) {
    int lane = lane(datagram);
    index.remove(hashOf(datagram), datagram);
    int previous = (int) get(datagram, PREVIOUS);
    int next = (int) get(datagram, NEXT);
    if (previous != NONE) {
      set(previous, NEXT, next);
    } else {
      oldest[lane] = next;
    }
    if (next != NONE) {
      set(next, PREVIOUS, previous);
    } else {
      newest[lane] = previous;
    }
    datagrams[lane]--;
  }

  /** Gives the number of a datagram back that is detached and has no frames. */
  public void release(int datagram) {
    set(datagram, NEXT, free);
    free = datagram;
  }

  /** What comes of a datagram will go the way of its other fragments, for this reason. */
  public void doom(int datagram, int reason) {
    set(datagram, DOOM, reason);
  }

  /** Why the datagram can no longer become whole: id of a drop reason; 0: it still can. */
  public int doom(int datagram) {
    return (int) get(datagram, DOOM);
  }

  /** Whether a datagram has waited too long. */
  public boolean expired(int datagram, long nowNs) {
    return nowNs - get(datagram, FIRST_NS) > timeoutNs(lane(datagram));
  }

  /** Returns a datagram of the lane that has waited too long, the oldest first; -1: none. */
  public int nextExpired(int lane, long nowNs) {
    if (earliestNs[lane] == Long.MAX_VALUE || nowNs - earliestNs[lane] <= timeoutNs(lane)) {
      return NONE;
    }
    long earliest = Long.MAX_VALUE;
    for (int it = oldest[lane]; it >= 0; it = (int) get(it, NEXT)) {
      if (expired(it, nowNs)) {
        return it;
      }
      earliest = Math.min(earliest, get(it, FIRST_NS));
    }
    earliestNs[lane] = earliest;
    return NONE;
  }

  /** Lane of a datagram. */
  public int lane(int datagram) {
    return (int) get(datagram, SCOPE) & 0xff;
  }

  /** Datagrams that wait, or whose rest is on its way to be dropped. */
  public int size() {
    int sum = 0;
    for (int it : datagrams) {
      sum += it;
    }
    return sum;
  }

  /** Bytes that are taken, in whole blocks. */
  public long bytes() {
    long sum = 0;
    for (int it : blocks) {
      sum += it;
    }
    return sum * BlockStore.BLOCK;
  }

  private long get(int datagram, int word) {
    return words[datagram * WORDS + word];
  }

  private void set(int datagram, int word, long value) {
    words[datagram * WORDS + word] = value;
  }
}
