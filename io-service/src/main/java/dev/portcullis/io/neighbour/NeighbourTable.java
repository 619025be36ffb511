package dev.portcullis.io.neighbour;

/**
 * The neighbours of a port by address: who makes room when there are too many is one that is not
 * being asked for, and was not used for {@link #UNUSED_NS}. Thread: one.
 */
final class NeighbourTable extends AgingTable {

  /** An entry that was not used for so long may be forgotten. */
  static final long UNUSED_NS = 60_000_000_000L;

  /** States of an entry. */
  static final byte INCOMPLETE = 1, REACHABLE = 2, PROBING = 3;

  private static final byte FREE = 0;

  final byte[] state;
  final long[] mac;
  final long[] confirmedNs;
  final long[] nextNs;
  final int[] probes;

  NeighbourTable(int capacity) {
    super(capacity, UNUSED_NS);
    state = new byte[capacity];
    mac = new long[capacity];
    confirmedNs = new long[capacity];
    nextNs = new long[capacity];
    probes = new int[capacity];
  }

  @Override
  public int add(long addressHigh, long addressLow, long nowNs) {
    int i = super.add(addressHigh, addressLow, nowNs);
    if (i >= 0) {
      state[i] = INCOMPLETE;
      mac[i] = 0;
      probes[i] = 0;
    }
    return i;
  }

  @Override
  public void remove(int i) {
    super.remove(i);
    state[i] = FREE;
  }

  @Override
  protected boolean mayGo(int i) {
    return state[i] != INCOMPLETE;
  }
}
