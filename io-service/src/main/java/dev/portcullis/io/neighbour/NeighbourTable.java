package dev.portcullis.io.neighbour;

import java.util.Arrays;

/**
 * The neighbours of a port by address, in flat arrays. An entry keeps its number until it is
 * removed. IPv4 addresses have {@link #V4} as their upper half.
 *
 * <p>Bound: the capacity. When it is reached, the entry that was not used for the longest time
 * makes room, if that is {@link #UNUSED_NS} or longer; otherwise {@link #add} says {@link #FULL}.
 * Thread: one.
 */
final class NeighbourTable {

  /** Upper half of an IPv4 address: that of no IPv6 unicast address. */
  static final long V4 = -1;

  /** {@link #find}: there is no such entry. */
  static final int NONE = -1;

  /** {@link #add}: there is no room. */
  static final int FULL = -2;

  /** An entry that was not used for so long may be forgotten. */
  static final long UNUSED_NS = 60_000_000_000L;

  /** States of an entry. */
  static final byte FREE = 0, INCOMPLETE = 1, REACHABLE = 2, PROBING = 3;

  final long[] high;
  final long[] low;
  final byte[] state;
  final long[] mac;
  final long[] confirmedNs;
  final long[] usedNs;
  final long[] nextNs;
  final int[] probes;

  private final int[] buckets;
  private int count;
  private int generation;

  NeighbourTable(int capacity) {
    high = new long[capacity];
    low = new long[capacity];
    state = new byte[capacity];
    mac = new long[capacity];
    confirmedNs = new long[capacity];
    usedNs = new long[capacity];
    nextNs = new long[capacity];
    probes = new int[capacity];
    buckets = new int[Integer.highestOneBit(capacity) * 4];
  }

  /** Grows whenever an entry is removed: numbers found before may mean others since. */
  int generation() {
    return generation;
  }

  int capacity() {
    return state.length;
  }

  int count() {
    return count;
  }

  int find(long addressHigh, long addressLow) {
    int mask = buckets.length - 1;
    for (int b = hash(addressHigh, addressLow) & mask; buckets[b] != 0; b = b + 1 & mask) {
      int i = buckets[b] - 1;
      if (low[i] == addressLow && high[i] == addressHigh) {
        return i;
      }
    }
    return NONE;
  }

  /** Adds an entry for an address that has none. */
  int add(long addressHigh, long addressLow, long nowNs) {
    if (count == state.length && !makeRoom(nowNs)) {
      return FULL;
    }
    int i = 0;
    while (state[i] != FREE) {
      i++;
    }
    high[i] = addressHigh;
    low[i] = addressLow;
    state[i] = INCOMPLETE;
    mac[i] = 0;
    probes[i] = 0;
    usedNs[i] = nowNs;
    count++;
    put(i);
    return i;
  }

  void remove(int i) {
    state[i] = FREE;
    count--;
    generation++;
    Arrays.fill(buckets, 0);
    for (int j = 0; j < state.length; j++) {
      if (state[j] != FREE) {
        put(j);
      }
    }
  }

  private boolean makeRoom(long nowNs) {
    int oldest = NONE;
    for (int i = 0; i < state.length; i++) {
      if (state[i] != INCOMPLETE && (oldest == NONE || usedNs[i] < usedNs[oldest])) {
        oldest = i;
      }
    }
    if (oldest == NONE || nowNs - usedNs[oldest] < UNUSED_NS) {
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

  static int hash(long high, long low) {
    long mixed = (high * 31 + low) * 0x9e3779b97f4a7c15L;
    return (int) (mixed >>> 40);
  }
}
