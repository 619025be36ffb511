package dev.portcullis.io.neighbour;

import java.util.Arrays;

/**
 * Entries by a key of 128 bits, in flat arrays. An entry keeps its number until it is removed. An
 * IPv4 address as a key has {@link #V4} as its upper half.
 *
 * <p>Bound: the capacity. When it is reached, the entry that was not used for the longest time
 * makes room, if that is as long as the table was told or longer; otherwise {@link #add} says
 * {@link #FULL}. Thread: one.
 */
public class AgingTable {

  /** Upper half of an IPv4 address: that of no IPv6 unicast address. */
  public static final long V4 = -1;

  /** {@link #find}: there is no such entry. */
  public static final int NONE = -1;

  /** {@link #add}: there is no room. */
  public static final int FULL = -2;

  private final long unusedNs;
  private final long[] high;
  private final long[] low;
  private final long[] usedNs;
  private final boolean[] taken;
  private final int[] buckets;
  private int count;
  private int generation;

  /**
   * Makes an empty table.
   *
   * @param capacity the most entries
   * @param unusedNs nanoseconds after which an entry that was not used may be forgotten
   */
  public AgingTable(int capacity, long unusedNs) {
    this.unusedNs = unusedNs;
    high = new long[capacity];
    low = new long[capacity];
    usedNs = new long[capacity];
    taken = new boolean[capacity];
    buckets = new int[Integer.highestOneBit(capacity) * 4];
  }

  /** Grows whenever an entry is removed: numbers found before may mean others since. */
  public final int generation() {
    return generation;
  }

  /** The most entries: numbers are less. */
  public final int capacity() {
    return taken.length;
  }

  /** Entries that are there. */
  public final int count() {
    return count;
  }

  /** Whether there is an entry with this number. */
  public final boolean has(int i) {
    return taken[i];
  }

  /** Upper half of the key of an entry. */
  public final long high(int i) {
    return high[i];
  }

  /** Lower half of the key of an entry. */
  public final long low(int i) {
    return low[i];
  }

  /** Notes when an entry was used last. */
  public final void used(int i, long nowNs) {
    usedNs[i] = nowNs;
  }

  /** Whether an entry was used lately: it would not make room for another. */
  public final boolean isInUse(int i, long nowNs) {
    return nowNs - usedNs[i] < unusedNs;
  }

  /** Returns the number of the entry with this key, or {@link #NONE}. */
  public final int find(long keyHigh, long keyLow) {
    int mask = buckets.length - 1;
    for (int b = hash(keyHigh, keyLow) & mask; buckets[b] != 0; b = b + 1 & mask) {
      int i = buckets[b] - 1;
      if (low[i] == keyLow && high[i] == keyHigh) {
        return i;
      }
    }
    return NONE;
  }

  /** Adds an entry for a key that has none, and returns its number, or {@link #FULL}. */
  public int add(long keyHigh, long keyLow, long nowNs) {
    if (count == taken.length && !makeRoom(nowNs)) {
      return FULL;
    }
    int i = 0;
    while (taken[i]) {
      i++;
    }
    high[i] = keyHigh;
    low[i] = keyLow;
    usedNs[i] = nowNs;
    taken[i] = true;
    count++;
    put(i);
    return i;
  }

  /** Removes an entry; its number is free. */
  public void remove(int i) {
    taken[i] = false;
    count--;
    generation++;
    Arrays.fill(buckets, 0);
    for (int j = 0; j < taken.length; j++) {
      if (taken[j]) {
        put(j);
      }
    }
  }

  /** Removes all entries. */
  public final void clear() {
    Arrays.fill(taken, false);
    Arrays.fill(buckets, 0);
    count = 0;
    generation++;
  }

  /** Whether an entry may make room for another. */
  protected boolean mayGo(int i) {
    return true;
  }

  private boolean makeRoom(long nowNs) {
    int oldest = NONE;
    for (int i = 0; i < taken.length; i++) {
      if (mayGo(i) && (oldest == NONE || usedNs[i] - usedNs[oldest] < 0)) {
        oldest = i;
      }
    }
    if (oldest == NONE || isInUse(oldest, nowNs)) {
      return false;
    }
    remove(oldest);
    return true;
  }

  private void put(int i) {
    int mask = buckets.length - 1;
    int b = hash(high[i], low[i]) & mask;
    while (buckets[b] != 0) {
      b = b + 1 & mask;
    }
    buckets[b] = i + 1;
  }

  private static int hash(long high, long low) {
    long mixed = (high * 31 + low) * 0x9e3779b97f4a7c15L;
    return (int) (mixed >>> 40);
  }
}
