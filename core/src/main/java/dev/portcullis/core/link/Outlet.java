package dev.portcullis.core.link;

import dev.portcullis.core.packet.PacketBatch;

/**
 * The sending end of a channel: packets put in here arrive at one lane of one module, in order and
 * exactly once.
 *
 * <p>Thread: the loop of the lane that it was asked for, only.
 */
public interface Outlet {

  /**
   * Adds row {@code i} of {@code batch}, all wire columns and the bytes they point to, by copy.
   *
   * @return false when the queue of the channel is full: nothing was taken, the caller drops and
   *     counts, or waits; a message ({@code PacketFlags.MESSAGE}) is taken all the same, as
   *     messages are bounded by the state that they move
   */
  boolean offer(PacketBatch batch, int i);

  /** Sends what is gathered; does nothing when that is nothing. */
  void flush();

  /** Bytes that are gathered, queued or sent and not yet acknowledged. */
  long pendingBytes();

  /**
   * Number of the last message that packets were put into, of those that a {@link
   * ModuleLinks.Acknowledged} is told of; 0: all are acknowledged.
   */
  default long lastNumber() {
    return 0;
  }

  /** The module that packets put in here arrive at. */
  ModuleId destination();
}
