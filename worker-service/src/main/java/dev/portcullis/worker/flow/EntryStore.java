package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import java.util.Arrays;

/**
 * Entries of a fixed number of longs in chunks that are added as needed. Those of {@link #allocate}
 * are each in the list of their lane: the last word of an entry links it, previous and next of the
 * lane, as numbers plus one. Those of {@link #take} have their last word to themselves.
 *
 * <p>Thread: one shard.
 */
final class EntryStore {

  private static final int CHUNK_BITS = 10;
  private static final int CHUNK = 1 << CHUNK_BITS;

  private final int words;
  private long[][] chunks = new long[4][];
  private int chunkCount;
  private int freeHead = -1;
  private int used;
  private final int[] heads = new int[Lanes.COUNT];
  private final int[] cursors = new int[Lanes.COUNT];
  private final int[] counts = new int[Lanes.COUNT];

  EntryStore(int words) {
    this.words = words;
    Arrays.fill(heads, -1);
    Arrays.fill(cursors, -1);
  }

  /** Returns an entry whose words are zero, in no list. */
  int take() {
    int entry = freeHead;
    if (entry >= 0) {
      freeHead = (int) get(entry, words - 1) - 1;
      Arrays.fill(chunk(entry), base(entry), base(entry) + words, 0);
    } else {
      entry = used++;
      if (entry >>> CHUNK_BITS == chunkCount) {
        if (chunkCount == chunks.length) {
          chunks = Arrays.copyOf(chunks, chunkCount * 2);
        }
        chunks[chunkCount++] = new long[CHUNK * words];
      }
    }
    return entry;
  }

  /** Takes back an entry that is in no list; its number may be given out again. */
  void give(int entry) {
    set(entry, words - 1, freeHead + 1);
    freeHead = entry;
  }

  /** Returns an entry whose words are zero, first in the list of the lane. */
  int allocate(int lane) {
    int entry = take();
    int head = heads[lane];
    if (head >= 0) {
      link(head, entry, next(head));
    }
    link(entry, -1, head);
    heads[lane] = entry;
    counts[lane]++;
    return entry;
  }

  /** Takes an entry out of its lane; its number may be given out again. */
  void free(int entry, int lane) {
    int previous = (int) (get(entry, words - 1) >>> 32) - 1;
    int next = next(entry);
    if (previous >= 0) {
      link(previous, (int) (get(previous, words - 1) >>> 32) - 1, next);
    } else {
      heads[lane] = next;
    }
    if (next >= 0) {
      link(next, previous, next(next));
    }
    if (cursors[lane] == entry) {
      cursors[lane] = next;
    }
    counts[lane]--;
    give(entry);
  }

  /**
   * Returns the next entry of a walk through the lane that begins anew at its end, -1 when the lane
   * is empty.
   */
  int walk(int lane) {
    int entry = cursors[lane] >= 0 ? cursors[lane] : heads[lane];
    if (entry >= 0) {
      cursors[lane] = next(entry);
    }
    return entry;
  }

  /** Entries that were ever given out. */
  int used() {
    return used;
  }

  int head(int lane) {
    return heads[lane];
  }

  int next(int entry) {
    return (int) get(entry, words - 1) - 1;
  }

  int count(int lane) {
    return counts[lane];
  }

  int count() {
    int sum = 0;
    for (int count : counts) {
      sum += count;
    }
    return sum;
  }

  long[] chunk(int entry) {
    return chunks[entry >>> CHUNK_BITS];
  }

  int base(int entry) {
    return (entry & CHUNK - 1) * words;
  }

  long get(int entry, int word) {
    return chunk(entry)[base(entry) + word];
  }

  void set(int entry, int word, long value) {
    chunk(entry)[base(entry) + word] = value;
  }

  private void link(int entry, int previous, int next) {
    set(entry, words - 1, (long) (previous + 1) << 32 | next + 1 & 0xffff_ffffL);
  }
}
