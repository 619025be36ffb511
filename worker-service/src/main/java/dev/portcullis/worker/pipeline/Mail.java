package dev.portcullis.worker.pipeline;

import dev.portcullis.core.packet.PacketBatch;

/** Sends messages to other shards. Thread: one shard. */
@FunctionalInterface
interface Mail {

  /**
   * Sends the only row of a batch to a lane of links of a worker; false where it cannot leave.
   *
   * @param row its bytes are not kept
   */
  boolean send(int worker, int linkLane, PacketBatch row);
}
