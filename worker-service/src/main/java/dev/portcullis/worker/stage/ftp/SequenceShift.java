package dev.portcullis.worker.stage.ftp;

/**
 * By how much the sequence numbers of one direction of a connection are shifted because payload was
 * rewritten to another length: a position, and the shift up to it and behind it. A retransmission of
 * the segment at the position is shifted as it was the first time. Changes of two segments that are
 * both under way are not told apart further back: the receiver asks again (RFC 9293 section 3.8.1).
 */
final class SequenceShift {

  private int position;
  private int before;
  private int behind;

  /** The segment at {@code sequence} has grown by {@code bytes}; again, it changes nothing. */
  void grew(int sequence, int bytes) {
    boolean none = before == 0 && behind == 0;
    if (none || position - sequence < 0) {
      position = sequence;
      before = behind;
      behind += bytes;
    }
  }

  /** Returns the shift of a segment that begins at {@code sequence}. */
  int ofSequence(int sequence) {
    return position - sequence < 0 ? behind : before;
  }

  /**
   * Returns the shift that is in an acknowledgement: it counts shifted bytes, as the receiver saw
   * them.
   */
  int ofAcknowledgement(int acknowledgement) {
    return position + before - acknowledgement < 0 ? behind : before;
  }

  /** Whether nothing was ever shifted. */
  boolean isNothing() {
    return before == 0 && behind == 0;
  }
}
