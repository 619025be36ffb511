package dev.portcullis.worker.policy;

import java.util.Arrays;

/**
 * Makes sets of numbers that differ little from one to the next, as a sweep over addresses or ports
 * finds them: a set is a list of chunks of {@link #CHUNK_BITS} bits, and what two sets made one
 * after the other have in common they share. So a set of 10,000 numbers that differs from its
 * neighbour in one costs some 200 bytes and not 1,250. An empty chunk is always {@link #EMPTY}.
 * Sets are not changed once they are made. One thread.
 */
final class SetBuilder {

  /** Words of a chunk. */
  static final int CHUNK_WORDS = 16;

  /** Bits of a chunk. */
  static final int CHUNK_BITS = CHUNK_WORDS * 64;

  /** The chunk without a bit. */
  static final long[] EMPTY = new long[CHUNK_WORDS];

  private final long[][] chunks;
  private final boolean[] shared;
  private final int[] counts;

  /** Begins with the empty set of numbers below {@code size}. */
  SetBuilder(int size) {
    chunks = new long[(size + CHUNK_BITS - 1) / CHUNK_BITS][];
    Arrays.fill(chunks, EMPTY);
    shared = new boolean[chunks.length];
    Arrays.fill(shared, true);
    counts = new int[chunks.length];
  }

  /** Puts a number in, or takes it out. */
  void set(int number, boolean in) {
    int chunk = number / CHUNK_BITS;
    int word = number / 64 % CHUNK_WORDS;
    long bit = 1L << number;
    if ((chunks[chunk][word] & bit) != 0 == in) {
      return;
    }
    counts[chunk] += in ? 1 : -1;
    if (counts[chunk] == 0) {
      chunks[chunk] = EMPTY;
      shared[chunk] = true;
      return;
    }
    if (shared[chunk]) {
      chunks[chunk] = chunks[chunk].clone();
      shared[chunk] = false;
    }
    chunks[chunk][word] ^= bit;
  }

  /** Returns the set as it is now. */
  long[][] set() {
    Arrays.fill(shared, true);
    return chunks.clone();
  }
}
