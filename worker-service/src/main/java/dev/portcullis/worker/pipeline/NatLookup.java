package dev.portcullis.worker.pipeline;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.NatMappings;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.AddressTranslations;
import dev.portcullis.worker.policy.DestinationNatTable;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.policy.SourceNatTable;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;
import org.jspecify.annotations.Nullable;

/**
 * Where packets belong that were sent to, or come from, translated addresses, as far as addresses
 * and ports alone tell: the owner of a block of ports, the inverse of a rule of DNAT.
 *
 * <p>Thread: one shard.
 */
final class NatLookup {

  private final Ownership ownership;
  private final LivePolicy policy;
  private final Egress egress;
  private final PortBlocks blocks;
  private final NatMappings mappings;
  private final Tuple outer = new Tuple();
  private final Tuple inner = new Tuple();

  NatLookup(
      Ownership ownership,
      LivePolicy policy,
      Egress egress,
      PortBlocks blocks,
      NatMappings mappings) {
    this.ownership = ownership;
    this.policy = policy;
    this.egress = egress;
    this.blocks = blocks;
    this.mappings = mappings;
  }

  private void passOn(Vector v, int i, int owner, int lane, int flags) {
    ownership.passOn(v, i, owner, lane, flags);
    v.did[i] |= Vector.DID_PATH;
  }

  private int ownerOfBlock(int port) {
    var workers = ownership.table().workers();
    int block = port / PortBlocks.BLOCK;
    return workers.get(PortBlocks.ownerIndex(block, workers.size())).number();
  }

  private int homeLane(int port) {
    return PortBlocks.homeLane(port / PortBlocks.BLOCK, ownership.table().workers().size());
  }

  /** Returns the pool address whose mappings a packet may be for, -1: it is for none. */
  private int poolOfMapping(Vector v, int i, PacketHeader h) {
    SourceNatTable sources = policy.now().sources();
    if (!sources.anyMapped() || !Tuple.usesPorts(h)) {
      return -1;
    }
    int pool = blocks.pool(h.destinationHigh, h.destinationLow);
    boolean isMapped =
        pool >= 0
            && sources.isMapped(pool, h.destinationPort)
            && policy.now().destinations().find(egress.zone(v.batch.ingressTag[i]), h) < 0
            && !isFirstLeg(v, i, h);
    return isMapped ? pool : -1;
  }

  /**
   * Passes a packet to an endpoint-independent mapping on to the owner of its port; false where
   * that is here, or it is for no mapping.
   *
   * @param h the packet, or the one that would be a reply to what it quotes
   * @param flags how the row is marked
   */
  boolean toMapping(Vector v, int i, PacketHeader h, int flags) {
    if (poolOfMapping(v, i, h) < 0) {
      return false;
    }
    int owner = ownerOfBlock(h.destinationPort);
    int lane = homeLane(h.destinationPort);
    if (owner == ownership.self() && ownership.runs(lane)) {
      return false;
    }
    passOn(v, i, owner, lane, flags);
    return true;
  }

  /**
   * A first packet to an endpoint-independent mapping (RFC 4787 section 5): goes to the owner of
   * the port, opens a flow there, or is filtered. False where it is for no mapping.
   */
  boolean mapped(Vector v, int i, PacketHeader h) {
    int pool = poolOfMapping(v, i, h);
    if (pool < 0) {
      return false;
    }
    if (toMapping(v, i, h, PacketFlags.REDIRECTED)) {
      return true;
    }
    long nowNs = v.batch.captureTimeNs[i];
    outer.set(
        0,
        0,
        h.destinationHigh,
        h.destinationLow,
        Tuple.ports(h.version, h.protocol, true, 0, h.destinationPort));
    int mapping = h.isEcho() ? -1 : mappings.findOuter(outer, nowNs);
    if (mapping < 0 || !letsIn(mapping, pool, h, nowNs)) {
      v.drop(i, StageName.LOOKUP, DropReason.NAT_FILTERED);
      return true;
    }
    FlowKey key = ownership.key;
    ownership
        .table()
        .assign(
            h.version,
            h.protocol,
            inner.sourceHigh,
            inner.sourceLow,
            h.sourceHigh,
            h.sourceLow,
            true,
            Tuple.sourcePort(inner.ports),
            h.sourcePort,
            key);
    v.key(i, key.trafficClass, key.vHigh, key.vLow);
    v.batch.flags[i] &= ~(PacketFlags.REDIRECTED | PacketFlags.RECORD);
    v.opening.clear();
    v.opening.forward.of(h);
    v.opening.mapping = mapping;
    v.kind[i] = Vector.OPENING;
    return true;
  }

  /** Whether the mapping of {@link #outer} is there, and the present policy lets a sender in. */
  private boolean letsIn(int mapping, int pool, PacketHeader h, long nowNs) {
    mappings.inner(mapping, inner);
    SourceNatTable sources = policy.now().sources();
    int rule =
        sources.ruleOfMapping(
            pool, h.destinationPort, h.version, inner.sourceHigh, inner.sourceLow);
    return rule >= 0
        && mappings.accepts(
            mapping, sources.rule(rule).filtering(), outer, h.sourceHigh, h.sourceLow, nowNs);
  }

  /** Whether a packet from inside is yet to get its own outer sender before it turns back. */
  private boolean isFirstLeg(Vector v, int i, PacketHeader h) {
    int ingress = v.batch.ingressTag[i];
    int outer =
        egress.find(ingress, h.version, h.destinationHigh, h.destinationLow, v.batch.vLow[i]);
    if (outer < 0
        || egress.zone(outer) == egress.zone(ingress)
        || blocks.pool(h.sourceHigh, h.sourceLow) >= 0) {
      return false;
    }
    SourceNatTable sources = policy.now().sources();
    int rule = sources.find(egress.zone(ingress), egress.zone(outer), outer, h);
    return rule >= 0 && !sources.rule(rule).exempt();
  }

  /**
   * Passes a reply to a translated port on to the shard of this worker that has its tuple; false
   * where that is here, or nobody's.
   *
   * @param h the reply
   * @param hash of its tuple
   * @param flags how the row is marked
   */
  boolean toClaimant(Vector v, int i, PacketHeader h, long hash, int flags) {
    int lane = laneOfPool(h, hash);
    if (lane < 0 || ownership.runs(lane)) {
      return false;
    }
    passOn(v, i, ownership.self(), lane, flags);
    return true;
  }

  /**
   * Returns the lane of this worker that has the translated tuple of a reply, -1 where its receiver
   * is no pool address.
   */
  private int laneOfPool(PacketHeader h, long hash) {
    boolean isOfPool =
        Tuple.usesPorts(h)
            && blocks.pool(h.destinationHigh, h.destinationLow) >= 0
            && !ownership.table().workers().isEmpty();
    if (!isOfPool) {
      return -1;
    }
    int claimed = PortBlocks.isShared(h.destinationPort) ? blocks.claims().lane(hash) : -1;
    return claimed >= 0 ? claimed : homeLane(h.destinationPort);
  }

  /**
   * Computes the key of the earlier hop in place of a record (W5), and passes the packet on; false
   * where it leads nowhere else.
   *
   * @param h the reply
   * @param hash of its tuple
   * @param flags how the row is marked
   */
  boolean computed(Vector v, int i, PacketHeader h, long hash, int flags) {
    DistributionTable table = ownership.table();
    int lane = laneOfPool(h, hash);
    if (lane >= 0) {
      int owner = ownerOfBlock(h.destinationPort);
      if (owner == ownership.self() && ownership.runs(lane)) {
        return false;
      }
      passOn(v, i, owner, owner == ownership.self() ? lane : homeLane(h.destinationPort), flags);
      return true;
    }
    FlowKey key = ownership.key;
    int owner = ownerOfRequest(table, v, i, h, key);
    if (ownership.isHere(owner, key.trafficClass, key.vHigh, key.vLow)) {
      return false;
    }
    passOn(v, i, owner, Lanes.laneOf(key.vHigh, key.vLow), flags);
    v.key(i, key.trafficClass, key.vHigh, key.vLow);
    return true;
  }

  private int ownerOfRequest(
      DistributionTable table, Vector v, int i, PacketHeader h, FlowKey key) {
    DestinationNatTable destinations = policy.now().destinations();
    int rule = destinations.findReverse(h);
    IpAddress original = rule >= 0 ? destinations.original(rule) : external(v, i, h);
    if (original == null || original == AddressTranslations.NO_COUNTERPART) {
      return table.assignReply(h, key);
    }
    return table.assign(
        h.version,
        h.protocol,
        h.destinationHigh,
        h.destinationLow,
        original.high(),
        original.low(),
        Tuple.usesPorts(h),
        h.destinationPort,
        rule < 0 ? h.sourcePort : destinations.originalPort(rule, h.protocol, h.sourcePort),
        key);
  }

  private @Nullable IpAddress external(Vector v, int i, PacketHeader h) {
    int tag =
        egress.find(
            v.batch.ingressTag[i], h.version, h.destinationHigh, h.destinationLow, v.batch.vLow[i]);
    return tag < 0
        ? null
        : policy
            .now()
            .translations()
            .toExternal(egress.zone(tag), h.version, h.sourceHigh, h.sourceLow);
  }
}
