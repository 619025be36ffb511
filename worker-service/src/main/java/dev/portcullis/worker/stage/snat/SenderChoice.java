package dev.portcullis.worker.stage.snat;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.GatewaySpec.PathMode;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.NatMappings;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.AddressTranslations;
import dev.portcullis.worker.policy.CompiledPolicy;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.policy.SourceNatTable;
import dev.portcullis.worker.stage.NewFlow;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Vector;
import org.jspecify.annotations.Nullable;

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

  private final LivePolicy policy;
  private final Egress egress;
  private final FlowTable flows;
  private final NatPorts ports;
  private final PortBlocks blocks;
  private final NatMappings mappings;
  private final Ownership ownership;
  private final PathTable paths;
  private final PathMode path;
  private final long otherNs;
  private final NatPorts.LeadsBack leadsBack = this::leadsBack;
  private final NatPorts.InUse isMapped;
  private final FlowKey key = new FlowKey();
  private final Tuple inner = new Tuple();
  private final Tuple outer = new Tuple();

  // the key of the flow
  private int trafficClass;
  private long vHigh;
  private long vLow;

  private CompiledPolicy compiled;
  private SourceNatTable rules;
  private AddressTranslations translations;

  /** Whether the last flow's sender is translated. */
  boolean translated;

  /** The port of the last flow after translation, -1: unchanged. */
  int port;

  /** The endpoint-independent mapping of the last flow, -1: none. */
  int mapping;

  /** Whether the last flow lets its receiver in by its mapping, other ports of it included. */
  boolean permits;

  SenderChoice(
      LivePolicy policy,
      Egress egress,
      FlowTable flows,
      NatPorts ports,
      PortBlocks blocks,
      NatMappings mappings,
      Ownership ownership,
      PathTable paths,
      GatewaySpec spec) {
    this.policy = policy;
    this.egress = egress;
    this.flows = flows;
    this.ports = ports;
    this.blocks = blocks;
    this.mappings = mappings;
    this.ownership = ownership;
    this.paths = paths;
    this.path = spec.path();
    this.otherNs = spec.timeouts().otherNs();
    this.isMapped = (tuple, nowNs) -> mappings.findOuter(tuple, nowNs) >= 0;
    this.compiled = policy.now();
    this.rules = compiled.sources();
    this.translations = compiled.translations();
    rules.share(ports);
  }

  /** Works by the present policy. */
  private void follow() {
    if (compiled != policy.now()) {
      compiled = policy.now();
      rules = compiled.sources();
      translations = compiled.translations();
      rules.share(ports);
    }
  }

  /**
   * Decides about the flow that packet {@code i} opens.
   *
   * @param reply tuple of its replies; the receiver is set to the translated sender
   * @return {@link DropReason#NONE}, or why there is no sender for it
   */
  DropReason choose(Vector v, int i, Tuple reply) {
    follow();
    translated = false;
    port = -1;
    permits = false;
    mapping = v.opening.mapping;
    PacketHeader h = v.header[i];
    long nowNs = v.batch.captureTimeNs[i];
    trafficClass = v.batch.trafficClass[i];
    vHigh = v.batch.vHigh[i];
    vLow = v.batch.vLow[i];
    int lane = Lanes.laneOf(vHigh, vLow);
    if (mapping >= 0) {
      return isTaken(reply, lane, nowNs) ? DropReason.NAT_EXHAUSTED : DropReason.NONE;
    }
    if (v.opening.isExpected) {
      return expected(v.opening.expected, lane, h, reply, nowNs);
    }
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

  /**
   * What was announced has the sender of the connection that announced it (as netfilter's
   * nf_nat_follow_master): of a client that a rule translates, with a port of that rule; of a
   * server behind DNAT with its own port, which may be that of FTP data, unless a rule gives such
   * ports out.
   */
  private DropReason expected(Expected it, int lane, PacketHeader h, Tuple reply, long nowNs) {
    if (!it.sender) {
      return isTaken(reply, lane, nowNs) ? DropReason.NAT_EXHAUSTED : DropReason.NONE;
    }
    translated = true;
    reply.destinationHigh = it.fromHigh;
    reply.destinationLow = it.fromLow;
    int pool = blocks.pool(it.fromHigh, it.fromLow);
    int rule = pool < 0 ? -1 : rules.ruleTo(pool, it.reversed ? h.sourcePort : -1);
    boolean found =
        rule < 0
            ? !isTaken(reply, lane, nowNs)
            : fromPool(rule, new int[] {pool}, lane, h, reply, nowNs);
    return found ? DropReason.NONE : DropReason.NAT_EXHAUSTED;
  }

  /** The last flow has not begun: its sender is free again. */
  void takeBack(Tuple reply, int lane, long nowNs) {
    if (translated) {
      ports.release(reply, lane, nowNs);
    }
  }

  private @Nullable IpAddress external(int tag, PacketHeader h) {
    return translations.toExternal(egress.zone(tag), h.version, h.sourceHigh, h.sourceLow);
  }

  /** Whether the replies of a flow would be taken for those of another one. */
  private boolean isTaken(Tuple reply, int lane, long nowNs) {
    return flows.isInLane(reply, lane, nowNs);
  }

  private boolean fromPool(
      int rule, int[] pools, int lane, PacketHeader h, Tuple reply, long nowNs) {
    boolean query = h.protocol == PacketHeader.ICMP || h.protocol == PacketHeader.ICMPV6;
    boolean byPort = PortBlocks.translatesPorts(h.protocol);
    if (byPort && !(Tuple.usesPorts(h) && (!query || h.isEcho()))) {
      return false;
    }
    boolean independent =
        byPort && rules.rule(rule).mapping() == PolicySpec.Mapping.ENDPOINT_INDEPENDENT;
    int start = SourceNatTable.firstPool(h.sourceHigh, h.sourceLow, pools.length);
    if (independent) {
      permits = rules.rule(rule).filtering() == PolicySpec.Filtering.ADDRESS_DEPENDENT;
      if (isKnown(rule, pools, start, h, nowNs)) {
        return use(h, lane, reply, nowNs);
      }
    }
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
   * is not for gateways that compute paths. Where the owner is here, it is asked at once: replies
   * must not find a flow that is not to have them.
   */
  private boolean byAddressAlone(int pool, int lane, PacketHeader h, Tuple reply, long nowNs) {
    if (path != PathMode.RECORD || h.fragment) {
      return false;
    }
    boolean isHere = ownership.owns(ownership.ownerOf(reply, key), key.vHigh, key.vLow);
    return !(isHere && paths.isOthers(reply, trafficClass, vHigh, vLow, nowNs, otherNs))
        && ports.takeAddress(pool, lane, reply, nowNs);
  }

  private boolean allocated(int rule, int pool, int lane, PacketHeader h, Tuple reply, long nowNs) {
    boolean choice = ownership.table().workers().size() > 1 && leadsBackByPort(reply);
    port =
        ports.allocate(
            rule,
            pool,
            lane,
            reply,
            h.isEcho(),
            rules.rule(rule).preservePorts() ? h.sourcePort : -1,
            choice ? leadsBack : null,
            reply.hash(),
            nowNs);
    return port >= 0;
  }

  /** Finds the mapping that the sender has already, on an address and port of the rule. */
  private boolean isKnown(int rule, int[] pools, int start, PacketHeader h, long nowNs) {
    for (int i = 0; i < pools.length; i++) {
      inner(pools[(start + i) % pools.length], h);
      int found = mappings.findInner(inner, nowNs);
      if (found >= 0) {
        mappings.outer(found, outer);
        int mapped = Tuple.destinationPort(outer.ports);
        PolicySpec.PortRange range = rules.rule(rule).ports();
        if (mapped >= range.first() && mapped <= range.last()) {
          mapping = found;
          return true;
        }
      }
    }
    return false;
  }

  private void inner(int pool, PacketHeader h) {
    inner.set(
        h.sourceHigh,
        h.sourceLow,
        blocks.high(pool),
        blocks.low(pool),
        Tuple.ports(h.version, h.protocol, true, h.sourcePort, h.isEcho() ? h.sourcePort : 0));
  }

  private boolean mapped(int rule, int pool, int lane, PacketHeader h, Tuple reply, long nowNs) {
    int id = h.isEcho() ? h.sourcePort : 0;
    outer.set(0, 0, 0, 0, Tuple.ports(h.version, h.protocol, true, id, h.sourcePort));
    int found =
        ports.allocateMapping(
            rule,
            pool,
            lane,
            outer,
            h.isEcho(),
            rules.rule(rule).preservePorts() ? h.sourcePort : -1,
            isMapped,
            nowNs);
    if (found < 0) {
      return false;
    }
    inner(pool, h);
    mapping = mappings.insert(inner, outer, lane, nowNs);
    return mapping >= 0 && use(h, lane, reply, nowNs);
  }

  /** Takes address and port of {@link #outer} for the flow; false where they are another flow's. */
  private boolean use(PacketHeader h, int lane, Tuple reply, long nowNs) {
    port = Tuple.destinationPort(outer.ports);
    reply.destinationHigh = outer.destinationHigh;
    reply.destinationLow = outer.destinationLow;
    reply.ports = reply.ports & ~(0xffffL << 32) | (long) port << 32;
    if (h.isEcho()) {
      reply.ports = reply.ports & ~(0xffffL << 48) | (long) port << 48;
    }
    return ports.takeMapped(lane, reply, nowNs);
  }

  private boolean leadsBack(Tuple reply) {
    return ownership.ownerOf(reply, key) == ownership.self();
  }

  /** Under {@code ip-sum} the address decides, whatever the receiver: a host keeps its address. */
  private boolean leadsBackByAddress(Tuple reply) {
    ownership.ownerOf(reply, key);
    return ownership.table().algorithm(key.trafficClass) == Algorithm.IP_SUM;
  }

  private boolean leadsBackByPort(Tuple reply) {
    ownership.ownerOf(reply, key);
    Algorithm it = ownership.table().algorithm(key.trafficClass);
    return it == Algorithm.FLOW_HASH || it == Algorithm.CONSISTENT;
  }
}
