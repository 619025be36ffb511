package dev.portcullis.worker.stage.ftp;

import dev.portcullis.worker.flow.Expectations;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.NatMappings;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.LivePolicy;

/**
 * Finds the port at which the other side is to open an announced connection, where the address
 * announced is a pool address of SNAT. It is one of the control connection's lane, so that no other
 * lane or worker gives it out: the tuple of the announced connection is that of no other flow.
 * Elsewhere the port stays.
 *
 * <p>Thread: one shard.
 */
public final class AnnouncedPorts {

  /** RFC 959 section 3.2: where a server's data connections come from, as far as one can say. */
  private static final int DATA_PORT = 20;

  private final LivePolicy policy;
  private final FlowTable flows;
  private final Expectations expectations;
  private final NatPorts ports;
  private final PortBlocks blocks;
  private final NatMappings mappings;
  private final NatPorts.InUse used = this::isUsed;
  private final Tuple wanted = new Tuple();
  private final Tuple outer = new Tuple();
  private int lane;

  /** Makes it. */
  public AnnouncedPorts(
      LivePolicy policy,
      FlowTable flows,
      Expectations expectations,
      NatPorts ports,
      PortBlocks blocks,
      NatMappings mappings) {
    this.policy = policy;
    this.flows = flows;
    this.expectations = expectations;
    this.ports = ports;
    this.blocks = blocks;
    this.mappings = mappings;
  }

  /**
   * Returns the port for a connection that the server is to open to the translated client of a
   * control connection; -1: none is free.
   *
   * @param port that of the client
   */
  int translated(int flow, int port, long nowNs) {
    int at = FlowTable.REVERSE;
    long high = flows.get(flow, at + 2);
    long low = flows.get(flow, at + 3);
    long word = flows.get(flow, at + 4);
    int pool = blocks.pool(high, low);
    if (pool < 0) {
      return port;
    }
    int rule = policy.now().sources().ruleTo(pool, Tuple.destinationPort(word));
    if (rule < 0) {
      return -1;
    }
    policy.now().sources().share(ports);
    lane = flows.lane(flow);
    wanted.set(
        flows.get(flow, at),
        flows.get(flow, at + 1),
        high,
        low,
        Tuple.ports((int) word & 0xff, Tuple.protocol(word), true, DATA_PORT, 0));
    return ports.allocateMapping(rule, pool, lane, wanted, false, port, used, nowNs);
  }

  private boolean isUsed(Tuple tuple, long nowNs) {
    outer.set(0, 0, tuple.destinationHigh, tuple.destinationLow, tuple.ports & ~(0xffffL << 48));
    if (mappings.findOuter(outer, nowNs) >= 0 || flows.isInLane(tuple, lane, nowNs)) {
      return true;
    }
    outer.sourceHigh = tuple.sourceHigh;
    outer.sourceLow = tuple.sourceLow;
    return expectations.find(outer, nowNs) >= 0;
  }
}
