package dev.portcullis.worker.flow;

/**
 * By how much the sequence numbers of connections are shifted whose payload was rewritten to
 * another length: for each direction a position and the shift before and from it on. A
 * retransmission from before the position is shifted as it was the first time; more than one change
 * on the way at once is not told apart (RFC 793 allows the receiver to ask again). Found by a
 * number that the flow keeps. Thread: one shard.
 */
public final class SequenceShifts {

  private static final int POSITION = 0, BEFORE = 1, FROM = 2;
  private static final int OF_DIRECTION = 3, WORDS = 2 * OF_DIRECTION;

  private int[] words = new int[16 * WORDS];
  private int used;
  private int free = -1;

  /** Makes an empty table. */
  public SequenceShifts() {}

  /** Returns the number of a new entry: 0 or more, all shifts 0. */
  public int allocate() {
    int entry = free;
    if (entry >= 0) {
      free = words[entry * WORDS];
    } else {
      entry = used++;
      if (used * WORDS > words.length) {
        words = java.util.Arrays.copyOf(words, words.length * 2);
      }
    }
    java.util.Arrays.fill(words, entry * WORDS, (entry + 1) * WORDS, 0);
    return entry;
  }

  /** Gives an entry back. */
  public void free(int entry) {
    words[entry * WORDS] = free;
    free = entry;
  }

  /**
   * The payload of a direction that begins at {@code sequence} has grown by {@code bytes} (shrunk,
   * below 0). The same again, for a retransmission, changes nothing.
   */
  public void grew(int entry, int direction, int sequence, int bytes) {
    int at = entry * WORDS + direction * OF_DIRECTION;
    boolean none = words[at + BEFORE] == 0 && words[at + FROM] == 0;
    if (none || words[at + POSITION] - sequence < 0) {
      words[at + POSITION] = sequence;
      words[at + BEFORE] = words[at + FROM];
      words[at + FROM] += bytes;
    }
  }

  /** Returns the shift of a segment of a direction that begins at {@code sequence}. */
  public int ofSequence(int entry, int direction, int sequence) {
    int at = entry * WORDS + direction * OF_DIRECTION;
    return words[at + POSITION] - sequence < 0 ? words[at + FROM] : words[at + BEFORE];
  }

  /**
   * Returns the shift that an acknowledgement of a direction's bytes has in it: {@code
   * acknowledgement} counts shifted bytes, as the receiver saw them.
   */
  public int ofAcknowledgement(int entry, int direction, int acknowledgement) {
    int at = entry * WORDS + direction * OF_DIRECTION;
    boolean behind = words[at + POSITION] + words[at + BEFORE] - acknowledgement < 0;
    return behind ? words[at + FROM] : words[at + BEFORE];
  }
}
