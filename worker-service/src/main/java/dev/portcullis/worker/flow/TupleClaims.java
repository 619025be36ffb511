package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Which lane of this worker has which translated tuple, for the ports that no lane has to itself
 * ({@link PortBlocks#isShared}). The shards of a worker share it: asked once when a flow begins and
 * once when it has ended, never per packet. Nobody waits: what changes is exchanged by
 * compare-and-set.
 *
 * <p>Another lane may take a tuple {@link #QUARANTINE_NS} after it is known that its flow has
 * ended; the same lane at once. So what a lane is told does not depend on how far the others are,
 * as long as they are less than that apart in time: a round of a replay is.
 *
 * <p>A tuple is known by its 64-bit hash: two with the same hash are taken for one, and one of them
 * is refused. Bound: twice the flows of the worker, some 60 bytes each; a full table refuses. What
 * ended long ago is forgotten when a claim comes to the same bucket, or finds the table full. Any
 * thread.
 */
public final class TupleClaims {

  /** How long a tuple rests before another lane may have it. */
  public static final long QUARANTINE_NS = 30_000_000_000L;

  private static final int MAX_BUCKETS = 1 << 18;

  /** In place of a lane: the flow lives where its port does not ({@link #lend}). */
  private static final int LENT = Lanes.COUNT;

  /** Buckets that a claim looks into for something to forget when the table is full. */
  private static final int SWEEP = 256;

  /** When a flow that lives has ended. */
  private static final long LIVE = Long.MAX_VALUE;

  /** When a claim that nobody may use again has ended: there may be a new one of the tuple. */
  private static final long VOID = Long.MIN_VALUE;

  /** A claim: the value is when its flow has ended. */
  private static final class Claim extends AtomicLong {
    private static final long serialVersionUID = 1;

    final long hash;
    final int lane;

    /** Last table by which the tuple was lent. */
    volatile int epoch;

    Claim(long hash, int lane, int epoch) {
      super(LIVE);
      this.hash = hash;
      this.lane = lane;
      this.epoch = epoch;
    }
  }

  private record Link(Claim claim, @Nullable Link next) {}

  private final AtomicReferenceArray<@Nullable Link> buckets;
  private final AtomicInteger count = new AtomicInteger();
  private final AtomicInteger sweep = new AtomicInteger();
  private final AtomicInteger lent = new AtomicInteger();
  private final int limit;
  private volatile int epoch;

  /**
   * Makes an empty table.
   *
   * @param limit the most tuples, ended ones included
   */
  public TupleClaims(int limit) {
    this.limit = limit;
    int size = Integer.highestOneBit(Math.clamp(limit / 2, 64, MAX_BUCKETS));
    this.buckets = new AtomicReferenceArray<>(size);
  }

  private int bucket(long hash) {
    return (int) hash & buckets.length() - 1;
  }

  /** Takes a tuple for a lane; false when another lane has it, or there is no room. */
  public boolean claim(long hash, int lane, long nowNs) {
    int bucket = bucket(hash);
    while (true) {
      Link head = buckets.get(bucket);
      Claim known = find(head, hash);
      int answer =
          known == null
              ? add(bucket, head, new Claim(hash, lane, 0), nowNs)
              : askAgain(known, lane, nowNs);
      if (answer != AGAIN) {
        return answer == TAKEN;
      }
    }
  }

  private static final int AGAIN = 0, TAKEN = 1, REFUSED = 2;

  private int askAgain(Claim known, int lane, long nowNs) {
    long endNs = known.get();
    if (known.lane == lane) {
      boolean taken = endNs == LIVE || endNs != VOID && known.compareAndSet(endNs, LIVE);
      return taken ? TAKEN : AGAIN;
    }
    if (endNs == LIVE || endNs != VOID && nowNs - endNs < QUARANTINE_NS) {
      return REFUSED;
    }
    makeVoid(known, endNs);
    return AGAIN;
  }

  /**
   * A flow lives with this tuple where its port does not: nobody here may have it until that flow
   * has ended, or {@link #settled} says that a later table has come by which it was not lent again.
   *
   * @param epoch number of the table by which the port is this worker's and the flow is not here
   * @return false where there is no room
   */
  public boolean lend(long hash, int epoch, long nowNs) {
    return give(hash, LENT, epoch, nowNs);
  }

  /** The flow of a lane has come with a tuple, which is that lane's from now on. */
  public boolean take(long hash, int lane, long nowNs) {
    return give(hash, lane, 0, nowNs);
  }

  private boolean give(long hash, int to, int epoch, long nowNs) {
    while (true) {
      int bucket = bucket(hash);
      Link head = buckets.get(bucket);
      Claim known = find(head, hash);
      if (known != null && known.lane == to) {
        long endNs = known.get();
        if (endNs == LIVE || endNs != VOID && known.compareAndSet(endNs, LIVE)) {
          known.epoch = Math.max(known.epoch, epoch);
          return true;
        }
        continue;
      }
      if (known != null) {
        makeVoid(known, known.get());
        continue;
      }
      int answer = add(bucket, head, new Claim(hash, to, epoch), nowNs);
      if (answer == TAKEN && to == LENT) {
        lent.incrementAndGet();
      }
      if (answer != AGAIN) {
        return answer == TAKEN;
      }
    }
  }

  /** Takes what is lent. */
  interface Lent {

    /** A tuple is lent by a table. */
    void is(long hash, int epoch);
  }

  /** Tells of every tuple that is lent. */
  void forEachLent(Lent to) {
    for (int bucket = 0; bucket < buckets.length(); bucket++) {
      for (Link it = buckets.get(bucket); it != null; it = it.next) {
        Claim claim = it.claim;
        if (claim.lane == LENT && claim.get() == LIVE && !isOver(claim)) {
          to.is(claim.hash, claim.epoch);
        }
      }
    }
  }

  /** Whether a tuple is lent. */
  public boolean isLent(long hash) {
    if (lent.get() == 0) {
      return false;
    }
    Claim claim = find(buckets.get(bucket(hash)), hash);
    return claim != null && claim.lane == LENT && claim.get() == LIVE;
  }

  /** A flow that lived with a lent tuple has ended. */
  public void giveBack(long hash, long nowNs) {
    end(hash, LENT, nowNs);
  }

  /** The lane that has a tuple does not have it any more, and it needs no rest. */
  public void forget(long hash, int lane) {
    Claim claim = find(buckets.get(bucket(hash)), hash);
    if (claim != null && claim.lane == lane) {
      makeVoid(claim, claim.get());
    }
  }

  /** All has been lent that is lent by a table; what was by an earlier one alone is free. */
  public void settled(int epoch) {
    this.epoch = Math.max(this.epoch, epoch);
  }

  private boolean isOver(Claim claim) {
    return claim.get() == VOID || claim.lane == LENT && claim.epoch < epoch;
  }

  private int add(int bucket, @Nullable Link head, Claim made, long nowNs) {
    Link before = withoutOld(bucket, head, nowNs);
    for (int i = 0; i < SWEEP && count.get() >= limit; i++) {
      int swept = sweep.getAndIncrement() & buckets.length() - 1;
      if (swept != bucket) {
        withoutOld(swept, buckets.get(swept), nowNs);
      }
    }
    if (count.get() >= limit) {
      return REFUSED;
    }
    if (!buckets.compareAndSet(bucket, before, new Link(made, before))) {
      return AGAIN;
    }
    count.incrementAndGet();
    return TAKEN;
  }

  /** Nobody may use a claim again, unless its state has changed. */
  private void makeVoid(Claim claim, long endNs) {
    if (endNs != VOID && claim.compareAndSet(endNs, VOID)) {
      count.decrementAndGet();
      if (claim.lane == LENT) {
        lent.decrementAndGet();
      }
    }
  }

  private @Nullable Claim find(@Nullable Link head, long hash) {
    for (Link it = head; it != null; it = it.next) {
      if (it.claim.hash == hash && !isOver(it.claim)) {
        return it.claim;
      }
    }
    return null;
  }

  /**
   * Takes out what ended long ago, where there is any.
   *
   * @return what the bucket has now, as far as is known
   */
  private @Nullable Link withoutOld(int bucket, @Nullable Link head, long nowNs) {
    boolean any = false;
    for (Link it = head; it != null; it = it.next) {
      long endNs = it.claim.get();
      boolean rested = endNs != LIVE && endNs != VOID && nowNs - endNs >= 2 * QUARANTINE_NS;
      if (rested || isOver(it.claim)) {
        makeVoid(it.claim, endNs);
      }
      any |= it.claim.get() == VOID;
    }
    if (!any) {
      return head;
    }
    Link kept = null;
    for (Link it = head; it != null; it = it.next) {
      kept = it.claim.get() == VOID ? kept : new Link(it.claim, kept);
    }
    return buckets.compareAndSet(bucket, head, kept) ? kept : head;
  }

  /** Says that the flow with this tuple has ended. */
  public void end(long hash, int lane, long nowNs) {
    Claim claim = find(buckets.get(bucket(hash)), hash);
    if (claim != null && claim.lane == lane) {
      long endNs = claim.get();
      if (endNs != VOID) {
        claim.compareAndSet(endNs, nowNs);
      }
    }
  }

  /** Returns the lane that has this tuple or had it last, -1: none. */
  public int lane(long hash) {
    Claim claim = find(buckets.get(bucket(hash)), hash);
    return claim == null || claim.lane == LENT ? -1 : claim.lane;
  }
}
