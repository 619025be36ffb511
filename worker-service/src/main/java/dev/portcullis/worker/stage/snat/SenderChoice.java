package dev.portcullis.worker.stage.snat;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.GatewaySpec.PathMode;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.NatMappings;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.AddressTranslations;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.SourceNatTable;
import dev.portcullis.worker.stage.NewFlow;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Vector;

/**
 * Decides which sender the other side of a new flow is to see: by the translations of whole
 * addresses, then by the rules of SNAT.
 *
 * <p>Where a flow has come in by a published address and leaves to the zone that it came from
 * (hairpin), and no rule is for that, its sender is translated as if it had gone out to that
 * address and come back (RFC 4787 REQ-9a).
 *
 * <p>Protocols without ports that can be translated get a pool address alone, if no other flow of
 * that protocol has it with the same receiver; fragments and ICMP other than echoes get none.
 */
final class SenderChoice {

  private final SourceNatTable rules;
  private final AddressTranslations translations;
  private final Egress egress;
  private final FlowTable flows;
  private final NatPorts ports;
  private final PortBlocks blocks;
  private final NatMappings mappings;
  private final Ownership ownership;
  private final PathMode path;
  private final int[] rangeOfRule;
  private final FlowKey key = new FlowKey();
  private final Tuple inner = new Tuple();
  private final Tuple outer = new Tuple();

  /** Whether the last flow's sender is translated. */
  boolean translated;

  /** The port of the last flow after translation, -1: unchanged. */
  int port;

  /** The endpoint-independent mapping of the last flow, -1: none. */
  int mapping;

  SenderChoice(
      SourceNatTable rules,
      AddressTranslations translations,
      Egress egress,
      FlowTable flows,
      NatPorts ports,
      PortBlocks blocks,
      NatMappings mappings,
      Ownership ownership,
      PathMode path) {
    this.rules = rules;
    this.translations = translations;
    this.egress = egress;
    this.flows = flows;
    this.ports = ports;
    this.blocks = blocks;
    this.mappings = mappings;
    this.ownership = ownership;
    this.path = path;
    rangeOfRule = new int[rules.size()];
    for (int rule = 0; rule < rangeOfRule.length; rule++) {
      PolicySpec.PortRange range = rules.rule(rule).ports();
      rangeOfRule[rule] = ports.range(range.first(), range.last());
    }
  }

  /**
   * Decides about the flow that packet {@code i} opens.
   *
   * @param reply tuple of its replies; the receiver is set to the translated sender
   * @return {@link DropReason#NONE}, or why there is no sender for it
   */
  DropReason choose(Vector v, int i, Tuple reply) {
    translated = false;
    port = -1;
    mapping = v.opening.mapping;
    if (mapping >= 0) {
      return DropReason.NONE;
    }
    PacketHeader h = v.header[i];
    int from = egress.zone(v.batch.ingressTag[i]);
    int tag = v.egress[i];
    NewFlow opening = v.opening;
    boolean hairpin = opening.outerTag >= 0 && egress.zone(tag) == from;
    IpAddress external = external(tag, h);
    int rule = external == null ? rules.find(from, egress.zone(tag), tag, h) : -1;
    if (external == null && rule < 0 && hairpin) {
      tag = opening.outerTag;
      external = external(tag, h);
      rule = external == null ? rules.find(from, egress.zone(tag), tag, h) : -1;
    }
    long nowNs = v.batch.captureTimeNs[i];
    int lane = Lanes.laneOf(v.batch.vHigh[i], v.batch.vLow[i]);
    if (external == AddressTranslations.NO_COUNTERPART) {
      return DropReason.NAT_UNTRANSLATABLE;
    }
    if (external != null) {
      translated = true;
      reply.destinationHigh = external.high();
      reply.destinationLow = external.low();
    } else if (rule >= 0 && !rules.rule(rule).exempt()) {
      translated = true;
      return fromPool(rule, rules.pools(rule, tag, h.version), lane, h, reply, nowNs)
          ? DropReason.NONE
          : DropReason.NAT_EXHAUSTED;
    }
    return isTaken(reply, lane, nowNs) ? DropReason.NAT_EXHAUSTED : DropReason.NONE;
  }

  private @org.jspecify.annotations.Nullable IpAddress external(int tag, PacketHeader h) {
    return translations.toExternal(egress.zone(tag), h.version, h.sourceHigh, h.sourceLow);
  }

  /** Whether the replies of a flow would be taken for those of another one. */
  private boolean isTaken(Tuple reply, int lane, long nowNs) {
    return flows.isInLane(reply, lane, nowNs);
  }

  private boolean fromPool(
      int rule, int[] pools, int lane, PacketHeader h, Tuple reply, long nowNs) {
    boolean query = h.protocol == PacketHeader.ICMP || h.protocol == PacketHeader.ICMPV6;
    boolean byPort = h.protocol == PacketHeader.TCP || h.protocol == PacketHeader.UDP || query;
    if (byPort && !(Tuple.usesPorts(h) && (!query || h.isEcho()))) {
      return false;
    }
    boolean independent =
        byPort && rules.rule(rule).mapping() == PolicySpec.Mapping.ENDPOINT_INDEPENDENT;
    if (independent && known(lane, h, reply, nowNs)) {
      return true;
    }
    int start = SourceNatTable.firstPool(h.sourceHigh, h.sourceLow, pools.length);
    boolean byAddress = pools.length > 1 && leadsBackByAddress(reply);
    for (int pass = byAddress ? 0 : 1; pass < 2; pass++) {
      for (int i = 0; i < pools.length; i++) {
        int pool = pools[(start + i) % pools.length];
        reply.destinationHigh = blocks.high(pool);
        reply.destinationLow = blocks.low(pool);
        boolean suits = pass == 1 || leadsBack(reply);
        if (suits
            && (!byPort
                ? byAddressAlone(pool, lane, h, reply, nowNs)
                : independent
                    ? mapped(rule, pool, lane, h, reply, nowNs)
                    : allocated(rule, pool, lane, h, reply, nowNs))) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Without a port the owner of the reply tells flows apart, as it has their path records; so this
   * is not for gateways that compute paths.
   */
  private boolean byAddressAlone(int pool, int lane, PacketHeader h, Tuple reply, long nowNs) {
    return path == PathMode.RECORD && !h.fragment && ports.takeAddress(pool, lane, reply, nowNs);
  }

  private boolean allocated(int rule, int pool, int lane, PacketHeader h, Tuple reply, long nowNs) {
    boolean choice = ownership.table().workers().size() > 1 && leadsBackByPort(reply);
    port =
        ports.allocate(
            rangeOfRule[rule],
            pool,
            lane,
            reply,
            h.isEcho(),
            rules.rule(rule).preservePorts() ? h.sourcePort : -1,
            choice ? this::leadsBack : null,
            reply.hash(),
            nowNs);
    return port >= 0;
  }

  private boolean known(int lane, PacketHeader h, Tuple reply, long nowNs) {
    inner.set(
        h.sourceHigh,
        h.sourceLow,
        0,
        0,
        Tuple.ports(h.version, h.protocol, true, h.sourcePort, h.isEcho() ? h.sourcePort : 0));
    mapping = mappings.findInner(inner, nowNs);
    if (mapping < 0) {
      return false;
    }
    mappings.outer(mapping, outer);
    use(h, reply);
    return !isTaken(reply, lane, nowNs);
  }

  private boolean mapped(int rule, int pool, int lane, PacketHeader h, Tuple reply, long nowNs) {
    int id = h.isEcho() ? h.sourcePort : 0;
    outer.set(0, 0, 0, 0, Tuple.ports(h.version, h.protocol, true, id, h.sourcePort));
    int found =
        ports.allocateMapping(
            rangeOfRule[rule],
            pool,
            lane,
            outer,
            h.isEcho(),
            rules.rule(rule).preservePorts() ? h.sourcePort : -1,
            (tuple, now) -> mappings.findOuter(tuple, now) >= 0,
            nowNs);
    if (found < 0) {
      return false;
    }
    mapping = mappings.insert(inner, outer, lane, filter(rules.rule(rule).filtering()), nowNs);
    use(h, reply);
    return mapping >= 0 && !isTaken(reply, lane, nowNs);
  }

  /** Takes address and port of {@link #outer} for the flow. */
  private void use(PacketHeader h, Tuple reply) {
    port = Tuple.destinationPort(outer.ports);
    reply.destinationHigh = outer.destinationHigh;
    reply.destinationLow = outer.destinationLow;
    reply.ports = reply.ports & ~(0xffffL << 32) | (long) port << 32;
    if (h.isEcho()) {
      reply.ports = reply.ports & ~(0xffffL << 48) | (long) port << 48;
    }
  }

  private static int filter(PolicySpec.Filtering it) {
    return switch (it) {
      case ENDPOINT_INDEPENDENT -> NatMappings.FROM_ANYWHERE;
      case ADDRESS_DEPENDENT -> NatMappings.FROM_KNOWN_ADDRESS;
      case ADDRESS_AND_PORT_DEPENDENT -> NatMappings.NOTHING;
    };
  }

  private boolean leadsBack(Tuple reply) {
    return ownerOf(reply) == ownership.self();
  }

  /** Under {@code ip-sum} the address decides, whatever the receiver: a host keeps its address. */
  private boolean leadsBackByAddress(Tuple reply) {
    ownerOf(reply);
    return ownership.table().algorithm(key.trafficClass) == Algorithm.IP_SUM;
  }

  private boolean leadsBackByPort(Tuple reply) {
    ownerOf(reply);
    Algorithm it = ownership.table().algorithm(key.trafficClass);
    return it == Algorithm.FLOW_HASH || it == Algorithm.CONSISTENT;
  }

  private int ownerOf(Tuple reply) {
    DistributionTable table = ownership.table();
    return table.assign(
        (int) reply.ports & 0xff,
        Tuple.protocol(reply.ports),
        reply.sourceHigh,
        reply.sourceLow,
        reply.destinationHigh,
        reply.destinationLow,
        Tuple.hasPorts(reply.ports),
        Tuple.sourcePort(reply.ports),
        Tuple.destinationPort(reply.ports),
        key);
  }
}
