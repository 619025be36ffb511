package dev.portcullis.standalone.whatif;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.PolicySpec.Action;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.policy.CompiledPolicy;
import java.util.Arrays;
import java.util.BitSet;

/**
 * What the policy does to each flow of a census: whether it is accepted, whom it really speaks to,
 * and from which addresses.
 */
final class Expectation {

  private final CompiledPolicy policy;
  private final PortBlocks blocks;
  private final int ingressTag;
  private final PacketHeader header = new PacketHeader();
  private final BitSet accepted = new BitSet();
  private int[] sourceRule = new int[0];
  private int[] destinationRule = new int[0];

  Expectation(GatewayConfig config, int ingressTag) {
    this.blocks = CompiledPolicy.blocks(config);
    this.policy = CompiledPolicy.of(config, Topology.of(config.gateway()), blocks);
    this.ingressTag = ingressTag;
  }

  /** Asks the policy about the first packet of every flow. */
  void decide(FlowCensus census) {
    sourceRule = new int[census.size()];
    destinationRule = new int[census.size()];
    Arrays.fill(sourceRule, -1);
    Arrays.fill(destinationRule, -1);
    PacketHeader h = header;
    for (int flow = 0; flow < census.size(); flow++) {
      census.header(flow, h);
      decide(flow, h);
    }
  }

  private void decide(int flow, PacketHeader h) {
    int from = policy.egress().zone(ingressTag);
    int rule = policy.destinations().find(from, h);
    if (rule >= 0) {
      destinationRule[flow] = rule;
      translateDestination(rule, h);
    }
    int egress =
        policy.egress().find(ingressTag, h.version, h.destinationHigh, h.destinationLow, 0);
    if (egress < 0) {
      return;
    }
    int to = policy.egress().zone(egress);
    if (policy.rules().action(policy.rules().match(from, to, h)) == Action.ACCEPT) {
      accepted.set(flow);
      sourceRule[flow] = policy.sources().find(from, to, h);
    }
  }

  private void translateDestination(int rule, PacketHeader h) {
    IpAddress address = policy.destinations().translated(rule);
    int port = policy.destinations().translatedPort(rule);
    h.destinationHigh = address.high();
    h.destinationLow = address.low();
    h.destinationPort = port < 0 ? h.destinationPort : port;
  }

  int accepted() {
    return accepted.cardinality();
  }

  boolean isAccepted(int flow) {
    return accepted.get(flow);
  }

  /** Returns the owner of a flow's first packet, and its key. */
  int owner(DistributionTable table, FlowCensus census, int flow, FlowKey key) {
    return table.assign(
        census.version[flow],
        census.protocol[flow],
        census.sourceHigh[flow],
        census.sourceLow[flow],
        census.destinationHigh[flow],
        census.destinationLow[flow],
        census.hasPorts[flow],
        census.ports[flow] >>> 16,
        census.ports[flow] & 0xffff,
        key);
  }

  /**
   * Returns the owner of the reply to a flow that is accepted, and its key. Of the translated
   * senders that a rule offers, one that leads back to {@code owner} is taken.
   */
  int ownerOfReply(DistributionTable table, FlowCensus census, int flow, int owner, FlowKey reply) {
    PacketHeader h = header;
    census.header(flow, h);
    if (destinationRule[flow] >= 0) {
      translateDestination(destinationRule[flow], h);
    }
    if (sourceRule[flow] < 0) {
      return table.assignReply(h, reply);
    }
    int first = -1;
    for (int pool : policy.sources().pools(sourceRule[flow])) {
      h.sourceHigh = blocks.high(pool);
      h.sourceLow = blocks.low(pool);
      int second = table.assignReply(h, reply);
      boolean byPorts = h.hasPorts && looksAtPorts(table.algorithm(reply.trafficClass));
      if (byPorts || second == owner) {
        return owner;
      }
      first = first < 0 ? second : first;
    }
    return first;
  }

  private static boolean looksAtPorts(Algorithm algorithm) {
    return algorithm == Algorithm.FLOW_HASH || algorithm == Algorithm.CONSISTENT;
  }
}
