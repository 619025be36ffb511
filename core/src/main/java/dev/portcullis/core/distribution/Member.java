package dev.portcullis.core.distribution;

/**
 * A worker in the distribution table.
 *
 * @param number its identification number A: 0 to 16777215
 * @param generation life of that worker; a successor with the same number has a higher one
 * @param host name or address that its links are opened to
 * @param port TCP port that its links are opened to: 1 to 65535, 0 where it has none (a table that
 *     is only computed with)
 * @param shards its lanes (threads): 1 or more
 */
public record Member(int number, long generation, String host, int port, int shards) {

  /** Checks the ranges. */
  public Member {
    if (number < 0 || number >= 1 << 24) {
      throw new IllegalArgumentException(
          "the identification number of a worker is 0 to 16777215, not " + number);
    }
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException(
          "the port of worker " + number + " is 0 to 65535, not " + port);
    }
    if (shards < 1) {
      throw new IllegalArgumentException(
          "worker " + number + " has at least 1 shard, not " + shards);
    }
  }
}
