package dev.portcullis.io.port;

import dev.portcullis.core.packet.PacketBatch;

/** A device as an {@link Intake} reads it. Thread: that of the intake. */
interface FrameSource {

  /**
   * Puts the frames that are there into an empty batch, as rows that a {@link FrameSink} takes;
   * none when there are none. Does not wait.
   *
   * @return false when the device gives nothing more for now because something is wrong with it
   */
  boolean fill(PacketBatch batch);

  /** Frames that the kernel had no room for, since the device was opened. Any thread. */
  default long lost() {
    return 0;
  }

  /** The descriptor says that something is wrong: takes that note from it. */
  default void trouble() {}

  /** Descriptor that can be polled for input. */
  int descriptor();
}
