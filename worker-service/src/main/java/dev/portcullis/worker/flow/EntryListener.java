package dev.portcullis.worker.flow;

/**
 * Told of entries of a table that change, where somebody keeps a copy of them. Thread: the shard
 * that has the table.
 */
public interface EntryListener {

  /** Nobody keeps a copy. */
  EntryListener NONE = new EntryListener() {};

  /** An entry is new, or is another than before. */
  default void changed(int entry) {}

  /** An entry is about to be taken out; its words can be read until this returns. */
  default void removed(int entry) {}
}
