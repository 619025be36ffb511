package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.DistributionTable;
import org.jspecify.annotations.Nullable;

/**
 * Translated tuples whose flow does not live where their port does. A port belongs to the worker
 * and lane that its block is at home at by the present table ({@link PortBlocks}), a flow to those
 * of its key; a new table takes them apart. The owner of the port is told of the tuple, and gives
 * it to nobody until it is told of the end of the flow.
 *
 * <p>Thread: one shard.
 */
public final class LentTuples implements FlowListener {

  /** Tells the owner of a port of a tuple. */
  public interface Registry {

    /**
     * Tells a worker.
     *
     * @param ended whether the flow has ended; else it lives
     * @param lane lane of the flow: what is told of a tuple is told in order
     * @param hash of the tuple
     */
    void tell(boolean ended, int worker, int lane, long hash, long nowNs);
  }

  /** Told of what is lent here and given back, where somebody keeps a copy of that. */
  public interface Copies {

    /** Nobody keeps a copy. */
    Copies NONE = (hash, epoch, lent) -> {};

    /** A tuple is lent by a table, or is so no more. */
    void changed(long hash, int epoch, boolean lent);
  }

  private final FlowTable flows;
  private final PortBlocks blocks;
  private final TupleClaims claims;
  private final int self;
  private final Tuple reply = new Tuple();
  private @Nullable Registry registry;
  private Copies copies = Copies.NONE;
  private @Nullable DistributionTable table;
  private boolean any;

  /**
   * Makes it for worker {@code self}; it listens to {@code flows}.
   *
   * @param blocks ports and claims of the worker
   */
  public LentTuples(FlowTable flows, PortBlocks blocks, int self) {
    this.flows = flows;
    this.blocks = blocks;
    this.claims = blocks.claims();
    this.self = self;
    flows.listen(this);
  }

  /** Says who tells others; before the first table. */
  public void register(Registry it) {
    registry = it;
  }

  /** Says who keeps a copy; before the first table. */
  public void copies(Copies it) {
    copies = it;
  }

  /** Works by a new table. */
  public void onTable(DistributionTable next) {
    any |= table != null;
    table = next;
  }

  private boolean isTranslated(int flow) {
    if ((flows.flags(flow) & FlowTable.SNAT) == 0 || flows.has(flow, FlowTable.GUEST)) {
      return false;
    }
    reply.read(flows.words(flow), flows.at(flow) + FlowTable.REVERSE);
    return blocks.pool(reply.destinationHigh, reply.destinationLow) >= 0;
  }

  private boolean hasPort() {
    return !blocks.isByAddressAlone(reply);
  }

  private int block() {
    return Tuple.destinationPort(reply.ports) / PortBlocks.BLOCK;
  }

  private int ownerOfPort() {
    DistributionTable by = table;
    if (by == null || by.workers().isEmpty()) {
      return self;
    }
    int workers = by.workers().size();
    return by.workers().get(PortBlocks.ownerIndex(block(), workers)).number();
  }

  /** Whether a lane has a port of this worker by itself. */
  private boolean isAtHome(int lane) {
    DistributionTable by = table;
    return by == null || PortBlocks.homeLane(block(), by.workers().size()) == lane;
  }

  /** A flow lives here by a new table, or has just come. */
  public void stays(int flow, long nowNs) {
    if (!isTranslated(flow)) {
      return;
    }
    int lane = flows.lane(flow);
    long hash = reply.hash();
    if (!hasPort()) {
      claims.claim(hash, lane, nowNs);
      return;
    }
    int owner = ownerOfPort();
    if (owner != self) {
      claims.forget(hash, lane);
      tell(false, owner, lane, hash, nowNs);
    } else if (PortBlocks.isShared(Tuple.destinationPort(reply.ports))) {
      claims.take(hash, lane, nowNs);
    } else if (!isAtHome(lane)) {
      lend(hash, epoch(), nowNs);
    }
  }

  /** A flow goes to another worker: the owner of the port knows of it before that worker has it. */
  public void leaves(int flow, long nowNs) {
    if (!isTranslated(flow)) {
      return;
    }
    long hash = reply.hash();
    int owner = hasPort() ? ownerOfPort() : self;
    if (hasPort() && owner == self) {
      lend(hash, epoch(), nowNs);
      return;
    }
    claims.forget(hash, flows.lane(flow));
    if (owner != self) {
      tell(false, owner, flows.lane(flow), hash, nowNs);
    }
  }

  private int epoch() {
    return table == null ? 0 : table.epoch();
  }

  private void tell(boolean ended, int worker, int lane, long hash, long nowNs) {
    if (registry != null) {
      registry.tell(ended, worker, lane, hash, nowNs);
    }
  }

  @Override
  public void ended(int flow, EndReason why, long atNs) {
    if (!any || why == EndReason.HANDED_OVER || !isTranslated(flow) || !hasPort()) {
      return;
    }
    int owner = ownerOfPort();
    long nowNs = Math.max(atNs, flows.noticedNs());
    if (owner != self) {
      tell(true, owner, flows.lane(flow), reply.hash(), nowNs);
    } else if (!PortBlocks.isShared(Tuple.destinationPort(reply.ports))) {
      givenBack(reply.hash(), nowNs);
    }
  }

  /** A flow of another worker has a tuple of this one. */
  public void lend(long hash, int epoch, long nowNs) {
    claims.lend(hash, epoch, nowNs);
    copies.changed(hash, epoch, true);
  }

  /** A flow of another worker that had a tuple of this one has ended. */
  public void givenBack(long hash, long nowNs) {
    claims.giveBack(hash, nowNs);
    copies.changed(hash, 0, false);
  }

  /** Tells of all that is lent. */
  public void all(Copies to) {
    claims.forEachLent((hash, epoch) -> to.changed(hash, epoch, true));
  }
}
