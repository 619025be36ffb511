package dev.portcullis.core.event;

/** Takes whole events. Any thread; {@link #offer} never blocks. */
@FunctionalInterface
public interface EventSink {

  /** Takes nothing. */
  EventSink NONE = line -> {};

  /** Takes a copy of a line that was ended, or counts it as lost where there is no room. */
  void offer(EveLine line);

  /** Waits until there is room, a second at most: for whoever has many and may block. */
  default void awaitRoom() {}
}
