package dev.portcullis.core.link;

import dev.portcullis.core.packet.PacketBatch;

/** Takes what arrives for a module. */
@FunctionalInterface
public interface BatchHandler {

  /**
   * Handles packets that came in order over one channel. The batch, and all that it points to,
   * belongs to the handler until it returns; it may change bytes and columns in place.
   *
   * <p>Thread: the loop of {@code lane}.
   *
   * @param lane lane of this module that the packets are for
   * @param source who sent them
   * @param epoch epoch of the table that the sender assigned them by
   * @param batch the packets
   */
  void onBatch(int lane, ModuleId source, int epoch, PacketBatch batch);
}
