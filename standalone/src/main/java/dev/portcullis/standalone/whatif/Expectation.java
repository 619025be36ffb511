package dev.portcullis.standalone.whatif;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.PolicySpec.Action;
import dev.portcullis.core.policy.PolicySpec.SourceNat;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.policy.AddressTranslations;
import dev.portcullis.worker.policy.CompiledPolicy;
import dev.portcullis.worker.policy.SourceNatTable;
import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

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
  private int[] egressTag = new int[0];
  private @Nullable IpAddress[] external = {};
  private @Nullable IpAddress[] internal = {};

  Expectation(GatewayConfig config, int ingressTag) {
    this.blocks = CompiledPolicy.blocks(config);
    this.policy = CompiledPolicy.of(config, Topology.of(config.gateway()), blocks);
    this.ingressTag = ingressTag;
  }

  /** Asks the policy about the first packet of every flow. */
  void decide(FlowCensus census) {
    sourceRule = new int[census.size()];
    destinationRule = new int[census.size()];
    egressTag = new int[census.size()];
    external = new IpAddress[census.size()];
    internal = new IpAddress[census.size()];
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
    } else {
      internal[flow] =
          policy.translations().toInternal(from, h.version, h.destinationHigh, h.destinationLow);
    }
    translateDestination(flow, h);
    int egress =
        policy.egress().find(ingressTag, h.version, h.destinationHigh, h.destinationLow, 0);
    if (egress < 0) {
      return;
    }
    int to = policy.egress().zone(egress);
    IpAddress outer = policy.translations().toExternal(to, h.version, h.sourceHigh, h.sourceLow);
    if (outer == AddressTranslations.NO_COUNTERPART
        || internal[flow] == AddressTranslations.NO_COUNTERPART) {
      return;
    }
    if (policy.rules().action(policy.rules().match(from, to, h)) == Action.ACCEPT) {
      accepted.set(flow);
      egressTag[flow] = egress;
      external[flow] = outer;
      int source = policy.sources().find(from, to, egress, h);
      sourceRule[flow] = source >= 0 && policy.sources().rule(source).exempt() ? -1 : source;
    }
  }

  private void translateDestination(int flow, PacketHeader h) {
    int rule = destinationRule[flow];
    IpAddress address = rule >= 0 ? policy.destinations().translated(rule) : internal[flow];
    if (address != null) {
      int port = rule < 0 ? -1 : policy.destinations().translatedPort(rule);
      h.destinationHigh = address.high();
      h.destinationLow = address.low();
      h.destinationPort = port < 0 ? h.destinationPort : port;
    }
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
   * Returns the owner of the reply to a flow that is accepted, and its key. The translated sender
   * is the one that the gateway takes when nothing is in use yet.
   *
   * @param lane lane of the flow's key
   */
  int ownerOfReply(
      DistributionTable table, FlowCensus census, int flow, int owner, int lane, FlowKey reply) {
    PacketHeader h = header;
    census.header(flow, h);
    translateDestination(flow, h);
    if (sourceRule[flow] < 0 && external[flow] == null) {
      return table.assignReply(h, reply);
    }
    IpAddress outer = external[flow];
    if (outer != null) {
      h.sourceHigh = outer.high();
      h.sourceLow = outer.low();
      return table.assignReply(h, reply);
    }
    SourceNat rule = policy.sources().rule(sourceRule[flow]);
    int[] pools = policy.sources().pools(sourceRule[flow], egressTag[flow], h.version);
    int start = SourceNatTable.firstPool(h.sourceHigh, h.sourceLow, pools.length);
    int first = -1;
    for (int i = 0; i < pools.length; i++) {
      int pool = pools[(start + i) % pools.length];
      h.sourceHigh = blocks.high(pool);
      h.sourceLow = blocks.low(pool);
      int second = table.assignReply(h, reply);
      Algorithm algorithm = table.algorithm(reply.trafficClass);
      if (h.hasPorts && looksAtPorts(algorithm)) {
        return keepsPort(rule, table, h, owner, lane) ? second : owner;
      }
      if (second == owner || algorithm != Algorithm.IP_SUM) {
        return second;
      }
      first = first < 0 ? second : first;
    }
    return first;
  }

  private static boolean keepsPort(
      SourceNat rule, DistributionTable table, PacketHeader h, int owner, int lane) {
    int index = 0;
    while (table.workers().get(index).number() != owner) {
      index++;
    }
    return rule.preservePorts()
        && h.sourcePort >= rule.ports().first()
        && h.sourcePort <= rule.ports().last()
        && PortBlocks.mayHave(h.sourcePort, table.workers().size(), index, lane);
  }

  private static boolean looksAtPorts(Algorithm algorithm) {
    return algorithm == Algorithm.FLOW_HASH || algorithm == Algorithm.CONSISTENT;
  }
}
