package dev.portcullis.worker.stage;

import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.policy.LivePolicy;

/**
 * Turns packets back whose receiver, after translation, is an endpoint-independent mapping of this
 * gateway: they do not leave, but come in again where the mapping is (RFC 4787 REQ-9).
 *
 * <p>Thread: one shard.
 */
public final class Hairpin {

  private final LivePolicy policy;
  private final PortBlocks blocks;
  private final Ownership ownership;

  /** Makes one for a shard. */
  public Hairpin(LivePolicy policy, PortBlocks blocks, Ownership ownership) {
    this.policy = policy;
    this.blocks = blocks;
    this.ownership = ownership;
  }

  /** Whether the present policy has any mappings. */
  public boolean isPossible() {
    return policy.now().sources().anyMapped();
  }

  /** Whether an address and port are a mapping's. */
  public boolean isMapping(long high, long low, int port) {
    int pool = blocks.pool(high, low);
    return pool >= 0 && policy.now().sources().isMapped(pool, port);
  }

  /**
   * Passes row {@code i} to the owner of a port of a mapping.
   *
   * @param flags how the row is marked, besides {@link PacketFlags#REDIRECTED}
   */
  public void turn(Vector v, int i, int port, int flags) {
    var workers = ownership.table().workers();
    int block = port / PortBlocks.BLOCK;
    int owner = workers.get(PortBlocks.ownerIndex(block, workers.size())).number();
    int lane = PortBlocks.homeLane(block, workers.size());
    ownership.passOn(v, i, owner, lane, flags | PacketFlags.REDIRECTED);
  }
}
