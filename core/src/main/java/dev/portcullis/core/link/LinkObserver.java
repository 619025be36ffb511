package dev.portcullis.core.link;

/** Told what happens on the links of a module. Calls come on the loops; they must not block. */
public interface LinkObserver {

  /** Does nothing with what it is told. */
  LinkObserver NONE = new LinkObserver() {};

  /** A stream to a peer is open. */
  default void up(ModuleId peer, int lane) {}

  /** A stream to a peer has ended; {@code why} is one sentence. */
  default void down(ModuleId peer, int lane, String why) {}

  /**
   * A stream that this module opens did not come up, not for the first time in a row. It is tried
   * again.
   *
   * @param why one sentence, with the peer and its address
   */
  default void unreachable(ModuleId peer, String why) {}

  /** A peer, its stream or its message was refused; {@code why} is one sentence. Any thread. */
  default void refused(LinkFault fault, String why) {}

  /**
   * Packets that stand for {@code frames} of ports were sent to a life of {@code destination} that
   * ended before it acknowledged them.
   */
  default void lost(ModuleId destination, long frames) {}
}
