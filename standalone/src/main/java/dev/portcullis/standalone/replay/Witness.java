package dev.portcullis.standalone.replay;

import dev.portcullis.core.packet.PacketBatch;
import java.util.List;

/**
 * Sees what becomes of the frames of a replay, in their order; rows are valid during the call only.
 * With a witness, frames are explained in their traces. One thread.
 */
public interface Witness {

  /** Sees nothing. */
  Witness NONE = new Witness() {};

  /** A piece of a frame left a port: told before what became of the frame. */
  default void left(PacketBatch batch, int i) {}

  /**
   * It is known what became of a frame.
   *
   * @param entered the frame as it entered
   * @param e its row there
   * @param outcome its outcome: class, V, reason
   * @param o its row there
   * @param hops its way
   * @param outTag tag of the port that it left by, -1 where it did not
   */
  default void became(
      PacketBatch entered, int e, PacketBatch outcome, int o, List<Hop> hops, int outTag) {}

  /** A recorded reply did not enter because its request did not come out. */
  default void notEntered(long number) {}
}
