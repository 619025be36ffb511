package dev.portcullis.worker.pipeline;

import dev.portcullis.core.packet.PacketBatch;

/** One kind of state that a change of table moves. Thread: one shard. */
interface MovingState {

  /** Takes what is sent. */
  interface Sink {

    /**
     * Sends an entry, the only row of a batch, to the new owner of its class.
     *
     * @return false where it cannot leave
     */
    boolean send(PacketBatch row);
  }

  /**
   * Sends all entries of a lane that a worker owns by the present table and not this one any more,
   * and takes them out.
   *
   * @param lane lane of the keys
   * @param to number of the worker
   * @param nowNs capture time of the packet or tick before
   */
  void give(int lane, int to, long nowNs, Sink sink);
}
