package dev.portcullis.worker.flow;

import java.util.Arrays;

/**
 * Which lane of this worker has which translated tuple, for the ports that no lane has to itself
 * ({@link PortBlocks#isShared}). The shards of a worker share it: asked once when a flow begins and
 * once when it has ended, never per packet.
 *
 * <p>Another lane may take a tuple {@link #QUARANTINE_NS} after it is known that its flow has
 * ended; the same lane at once. So what a lane is told does not depend on how far the others are,
 * as long as they are less than that apart in time: a round of a replay is.
 *
 * <p>A tuple is known by its 64-bit hash: two with the same hash are taken for one, and one of them
 * is refused. Bound: twice the flows of the worker; a full table refuses. Any thread.
 */
public final class TupleClaims {

  /** How long a tuple rests before another lane may have it. */
  public static final long QUARANTINE_NS = 30_000_000_000L;

  private static final int STRIPES = 16;

  private final Stripe[] stripes = new Stripe[STRIPES];

  /**
   * Makes an empty table.
   *
   * @param limit the most tuples, ended ones included
   */
  public TupleClaims(int limit) {
    int slots = Integer.highestOneBit(Math.max(64, limit / STRIPES)) * 4;
    Arrays.setAll(stripes, i -> new Stripe(slots));
  }

  private Stripe stripe(long hash) {
    return stripes[(int) (hash >>> 60)];
  }

  /** Takes a tuple for a lane; false when another lane has it, or there is no room. */
  public boolean claim(long hash, int lane, long nowNs) {
    return stripe(hash).claim(key(hash), lane, nowNs);
  }

  /** Says that the flow with this tuple has ended. */
  public void end(long hash, int lane, long nowNs) {
    stripe(hash).end(key(hash), lane, nowNs);
  }

  /** Returns the lane that has this tuple or had it last, -1: none. */
  public int lane(long hash) {
    return stripe(hash).lane(key(hash));
  }

  private static long key(long hash) {
    return hash == 0 ? 1 : hash;
  }

  /** Open addressing: hashes, 0 where a slot is empty, and beside them lane and end. */
  private static final class Stripe {
    private static final long LIVE = Long.MAX_VALUE;

    private final int maxSlots;
    private long[] keys = new long[64];
    private long[] ends = new long[64];
    private byte[] lanes = new byte[64];
    private int size;

    Stripe(int maxSlots) {
      this.maxSlots = maxSlots;
    }

    private int slot(long key) {
      int mask = keys.length - 1;
      int at = (int) key & mask;
      while (keys[at] != 0 && keys[at] != key) {
        at = at + 1 & mask;
      }
      return at;
    }

    synchronized boolean claim(long key, int lane, long nowNs) {
      int at = slot(key);
      if (keys[at] == 0) {
        if (size * 2 >= keys.length && !makeRoom(nowNs)) {
          return false;
        }
        at = slot(key);
        keys[at] = key;
        size++;
      } else if (lanes[at] != lane && (ends[at] == LIVE || nowNs - ends[at] < QUARANTINE_NS)) {
        return false;
      }
      lanes[at] = (byte) lane;
      ends[at] = LIVE;
      return true;
    }

    synchronized void end(long key, int lane, long nowNs) {
      int at = slot(key);
      if (keys[at] == key && lanes[at] == lane) {
        ends[at] = nowNs;
      }
    }

    synchronized int lane(long key) {
      int at = slot(key);
      return keys[at] == key ? lanes[at] : -1;
    }

    /** Forgets what ended long ago, and doubles where that is not enough. */
    private boolean makeRoom(long nowNs) {
      long[] oldKeys = keys;
      long[] oldEnds = ends;
      byte[] oldLanes = lanes;
      int kept = 0;
      for (int i = 0; i < oldKeys.length; i++) {
        if (oldKeys[i] != 0 && isOver(oldEnds[i], nowNs)) {
          oldKeys[i] = 0;
        } else if (oldKeys[i] != 0) {
          kept++;
        }
      }
      int slots = oldKeys.length;
      if (kept * 4 > slots && slots < maxSlots) {
        slots *= 2;
      }
      keys = new long[slots];
      ends = new long[slots];
      lanes = new byte[slots];
      size = kept;
      for (int i = 0; i < oldKeys.length; i++) {
        if (oldKeys[i] != 0) {
          int at = slot(oldKeys[i]);
          keys[at] = oldKeys[i];
          ends[at] = oldEnds[i];
          lanes[at] = oldLanes[i];
        }
      }
      return size * 2 < slots;
    }

    private static boolean isOver(long endNs, long nowNs) {
      return endNs != LIVE && nowNs - endNs >= 2 * QUARANTINE_NS;
    }
  }
}
