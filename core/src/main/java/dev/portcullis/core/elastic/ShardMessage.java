package dev.portcullis.core.elastic;

/**
 * What shards say to each other, on the channels of the packets and in their order. All are of the
 * change to {@link #epoch}.
 */
public sealed interface ShardMessage {

  /** Number of the table that the change leads to. */
  int epoch();

  /** Nothing under an older table follows on this channel. */
  record Barrier(int epoch) implements ShardMessage {}

  /**
   * Entries of a class, ahead of its hand-over.
   *
   * @param version 0: the first, what was there of the class before is void; then one more each
   * @param entries as {@link Content} wrote them
   */
  record Copy(int epoch, KeyClass of, int version, Object entries) implements ShardMessage {}

  /**
   * The class is the receiver's.
   *
   * @param version number of copies that went ahead
   * @param count entries that the class has
   * @param checksum of these
   * @param broken whether content of it was lost with a life of the sender, or of the receiver
   */
  record Activate(int epoch, KeyClass of, int version, long count, long checksum, boolean broken)
      implements ShardMessage {}

  /** The class is active at its new owner; the content kept for it may go. */
  record Taken(int epoch, KeyClass of) implements ShardMessage {}

  /** What {@link Activate} promised is not there: all of the class is asked for again. */
  record Incomplete(int epoch, KeyClass of) implements ShardMessage {}
}
