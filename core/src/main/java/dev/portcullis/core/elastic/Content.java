package dev.portcullis.core.elastic;

import org.jspecify.annotations.Nullable;

/**
 * The state of a shard's keys, by class: what a change moves. Between {@link #change} and {@link
 * #settle} the shard can tell the class of each key. Thread: the shard.
 */
public interface Content {

  /** From now on classes are those between two tables. */
  void change(Members now, Members next);

  /** The change is over, done or not; nothing is tracked any more. */
  void settle();

  /** No packet comes any more for the classes that go out; behind this nothing is sent for them. */
  default void closed() {}

  /** All entries of a class are to be exported, from the first, and after that what changes. */
  void track(KeyClass of);

  /**
   * Takes entries that have changed since they were last exported, those that are gone included.
   *
   * @param maxBytes about how much at most
   * @return null when there are none
   */
  @Nullable Object export(KeyClass of, int maxBytes);

  /** Returns about how many bytes {@link #export} has left. */
  long behindBytes(KeyClass of);

  /** Writes entries of a class that is coming; nobody uses them yet. */
  void install(KeyClass of, Object entries);

  /** Removes all entries of a class: of one that has gone, or one that will not come. */
  void drop(KeyClass of);

  /**
   * A class begins without what never came of it, though it was asked for again and again.
   *
   * @param entries how many by their number, at least 1
   */
  default void lost(KeyClass of, long entries) {}

  /** Returns the number of entries of a class. */
  long count(KeyClass of);

  /** Returns a sum over the entries of a class that does not depend on their order. */
  long checksum(KeyClass of);
}
