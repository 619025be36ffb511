package dev.portcullis.worker.flow;

/**
 * Open addressing from the hash of a tuple to a number: a slot has the lower 32 bits of the hash
 * above, the number plus one below. Doubles when half full. Thread: one shard.
 */
final class TupleIndex {

  private long[] slots = new long[1024];
  private int mask = slots.length - 1;
  private int size;

  /** Returns the position where a search for the hash begins. */
  int start(long hash) {
    return (int) hash & mask;
  }

  int after(int position) {
    return position + 1 & mask;
  }

  /** Returns the slot at a position; 0 ends a search. */
  long slot(int position) {
    return slots[position];
  }

  static boolean sameHash(long slot, long hash) {
    return (int) (slot >>> 32) == (int) hash;
  }

  static int reference(long slot) {
    return (int) slot - 1;
  }

  /**
   * Returns the entry of a store that has a tuple, -1 where there is none.
   *
   * @param word where its tuple begins in an entry
   */
  int find(EntryStore store, int word, Tuple tuple, long hash) {
    int at = start(hash);
    for (long slot = slot(at); slot != 0; at = after(at), slot = slot(at)) {
      int entry = reference(slot);
      if (sameHash(slot, hash) && tuple.equalsWords(store.chunk(entry), store.base(entry) + word)) {
        return entry;
      }
    }
    return -1;
  }

  void add(long hash, int reference) {
    if (++size * 2 > slots.length) {
      grow();
    }
    put((int) hash, reference);
  }

  private void put(int hash, int reference) {
    int at = hash & mask;
    while (slots[at] != 0) {
      at = after(at);
    }
    slots[at] = (long) hash << 32 | reference + 1 & 0xffff_ffffL;
  }

  private void grow() {
    long[] old = slots;
    slots = new long[old.length * 2];
    mask = slots.length - 1;
    for (long slot : old) {
      if (slot != 0) {
        put((int) (slot >>> 32), reference(slot));
      }
    }
  }

  /** Takes a reference out and closes the gap, so that searches need no marks for what is gone. */
  void remove(long hash, int reference) {
    int at = start(hash);
    while (slots[at] == 0 || reference(slots[at]) != reference) {
      if (slots[at] == 0) {
        throw new IllegalStateException("an entry is not in its index");
      }
      at = after(at);
    }
    size--;
    int gap = at;
    int probe = at;
    while (true) {
      probe = after(probe);
      long slot = slots[probe];
      if (slot == 0) {
        slots[gap] = 0;
        return;
      }
      int home = (int) (slot >>> 32) & mask;
      if ((probe - home & mask) >= (probe - gap & mask)) {
        slots[gap] = slot;
        gap = probe;
      }
    }
  }
}
