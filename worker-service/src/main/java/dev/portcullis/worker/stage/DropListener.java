package dev.portcullis.worker.stage;

/** Told of packets that were dropped. Thread: one shard. */
@FunctionalInterface
public interface DropListener {

  /**
   * Row {@code i} was dropped; nothing was said of it yet.
   *
   * @return whether an event tells the port of entry of it
   */
  boolean dropped(Vector v, int i);
}
