package dev.portcullis.worker.flow;

import dev.portcullis.core.wire.PacketHeader;

/**
 * Words that tell another worker of a piece of state, written and read in the same order. Reading
 * never fails: behind the end, and of what is larger than it may be, there is 0 or nothing, and
 * {@link #isWhole} says so. Thread: one.
 */
public final class StateWords {

  private final long[] words;
  private int count;
  private int at;
  private boolean sound;

  /**
   * Makes room.
   *
   * @param most words that fit
   */
  public StateWords(int most) {
    words = new long[most];
  }

  /** Begins to write. */
  public void clear() {
    count = 0;
  }

  /** Adds a word; what does not fit makes it too long, and nothing of it is to be sent. */
  public void put(long word) {
    if (count < words.length) {
      words[count] = word;
    }
    count++;
  }

  /** Adds bytes, behind their number. */
  public void put(byte[] bytes) {
    put(bytes.length);
    byte[] word = new byte[Long.BYTES];
    for (int from = 0; from < bytes.length; from += Long.BYTES) {
      int length = Math.min(Long.BYTES, bytes.length - from);
      PacketHeader.put64(word, 0, 0);
      System.arraycopy(bytes, from, word, 0, length);
      put(PacketHeader.u64(word, 0));
    }
  }

  /** Number of words that were written; more than fit: it is too long. */
  public int count() {
    return count;
  }

  /** Whether all that was written has found room. */
  public boolean fits() {
    return count <= words.length;
  }

  /** Returns a word that was written. */
  public long word(int i) {
    return words[i];
  }

  /** Begins to read what was written. */
  public void rewind() {
    at = 0;
    sound = true;
  }

  /** Returns the next word, 0 behind the end. */
  public long next() {
    if (at == Math.min(count, words.length)) {
      sound = false;
      return 0;
    }
    return words[at++];
  }

  /** Returns the next word, a number from 0 to {@code most}; 0 where it is not. */
  public int next(int most) {
    long word = next();
    if (word < 0 || word > most) {
      sound = false;
      return 0;
    }
    return (int) word;
  }

  /** Returns bytes, at most {@code most}. */
  public byte[] bytes(int most) {
    byte[] bytes = new byte[next(most)];
    byte[] word = new byte[Long.BYTES];
    for (int to = 0; to < bytes.length; to += Long.BYTES) {
      PacketHeader.put64(word, 0, next());
      System.arraycopy(word, 0, bytes, to, Math.min(Long.BYTES, bytes.length - to));
    }
    return bytes;
  }

  /** Whether everything that was read was there and allowed, and nothing is left. */
  public boolean isWhole() {
    return sound && at == count;
  }
}
