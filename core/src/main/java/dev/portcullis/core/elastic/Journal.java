package dev.portcullis.core.elastic;

import org.jspecify.annotations.Nullable;

/**
 * The changes of all state of a shard, numbered from 1. A key that changes again before it was
 * exported is exported once, at its first place. Thread: the shard.
 */
public interface Journal {

  /** Number of the last change. */
  long position();

  /** Takes a number for something that is no entry. */
  long mark();

  /** Begins to read: all that there is now, then what changes. */
  Cursor open();

  /** One reader. */
  interface Cursor {

    /**
     * Takes the oldest entries that have changed, those that are gone included.
     *
     * @param maxBytes about how much at most
     * @return null when there are none
     */
    @Nullable Object export(int maxBytes);

    /** Every change up to this number has been taken; {@link Journal#position} when all have. */
    long exportedUpTo();

    /** Nothing is read any more. */
    void close();
  }
}
