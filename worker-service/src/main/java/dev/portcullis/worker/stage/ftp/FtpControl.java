package dev.portcullis.worker.stage.ftp;

import org.jspecify.annotations.Nullable;

/** What is known of one FTP control connection. Thread: the shard of its flow. */
final class FtpControl {

  /** The most translated ports that a control connection keeps from others, newest first. */
  static final int MAX_RESERVED = 8;

  /** One direction: 0 from the client, 1 from the server. */
  static final class Side {
    final SequenceShift shift = new SequenceShift();

    /** Where the next line begins, where that is known. */
    int nextLine;

    boolean nextLineKnown;

    /** Sequence number of the segment with the last announcement; it may come again. */
    int announced;

    boolean hasAnnounced;

    /** Whether address and port of that segment are rewritten, and to what. */
    boolean rewritten;

    long toHigh, toLow;
    int toPort;

    /** The announcement waits until all workers expect the connection. */
    @Nullable FtpHold hold;
  }

  final Side[] sides = {new Side(), new Side()};
  private final int[] reservedPool = new int[MAX_RESERVED];
  private final int[] reservedPort = new int[MAX_RESERVED];
  private int reserved;

  /**
   * Keeps a translated port.
   *
   * @return the place of one that is to be given back for it, -1: none
   */
  int reserve(int pool, int port, long[] givenBack) {
    int at = reserved % MAX_RESERVED;
    boolean full = reserved >= MAX_RESERVED;
    givenBack[0] = reservedPool[at];
    givenBack[1] = reservedPort[at];
    reservedPool[at] = pool;
    reservedPort[at] = port;
    reserved++;
    return full ? at : -1;
  }

  int reservedCount() {
    return Math.min(reserved, MAX_RESERVED);
  }

  int reservedPool(int i) {
    return reservedPool[i];
  }

  int reservedPort(int i) {
    return reservedPort[i];
  }
}
