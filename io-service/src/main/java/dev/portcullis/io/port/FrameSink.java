package dev.portcullis.io.port;

import dev.portcullis.core.packet.PacketBatch;

/** Where a port puts the frames that it takes in. */
@FunctionalInterface
public interface FrameSink {

  /**
   * Takes all rows of a batch. Set are: tag, number (0: the IO module gives one), capture time,
   * flags, link-layer header, link type, frame length and data. The batch is the port's again when
   * this returns.
   */
  void take(PacketBatch batch);

  /**
   * Whether a batch can be taken without loss; a port that can wait asks first, and again later.
   */
  default boolean mayTake() {
    return true;
  }
}
