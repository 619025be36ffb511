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
import dev.portcullis.worker.policy.CompiledPolicy;
import dev.portcullis.worker.policy.DestinationNatTable;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.SourceNatTable;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Where packets belong that were sent to, or come from, translated addresses, as far as addresses
 * and ports alone tell: the owner of a block of ports, the inverse of a rule of DNAT.
 *
 * <p>Thread: one shard.
 */
final class NatLookup {

  private final Ownership ownership;
  private final Egress egress;
  private final DestinationNatTable destinations;
  private final SourceNatTable sources;
  private final AddressTranslations translations;
  private final PortBlocks blocks;
  private final NatMappings mappings;
  private final boolean anyMapped;
  private final Tuple outer = new Tuple();

  NatLookup(Ownership ownership, CompiledPolicy policy, PortBlocks blocks, NatMappings mappings) {
    this.ownership = ownership;
    this.egress = policy.egress();
    this.destinations = policy.destinations();
    this.sources = policy.sources();
    this.translations = policy.translations();
    this.blocks = blocks;
    this.mappings = mappings;
    this.anyMapped = blocks.anyMapped();
  }

  private void passOn(Vector v, int i, int owner, int lane) {
    v.kind[i] = Vector.PASSED_ON;
    v.worker[i] = owner;
    v.lane[i] = ownership.linkLane(owner, lane);
    v.batch.flags[i] |= PacketFlags.REDIRECTED;
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

  /**
   * A first packet to an endpoint-independent mapping (RFC 4787 section 5): goes to the owner of
   * the port, opens a flow there, or is filtered. False where it is for no mapping.
   */
  boolean mapped(Vector v, int i, PacketHeader h) {
    if (!anyMapped || !Tuple.usesPorts(h)) {
      return false;
    }
    int pool = blocks.pool(h.destinationHigh, h.destinationLow);
    if (pool < 0
        || !blocks.isMapped(pool, h.destinationPort)
        || destinations.find(egress.zone(v.batch.ingressTag[i]), h) >= 0
        || isFirstLeg(v, i, h)) {
      return false;
    }
    int owner = ownerOfBlock(h.destinationPort);
    int lane = homeLane(h.destinationPort);
    if (owner != ownership.self() || !ownership.runs(lane)) {
      passOn(v, i, owner, lane);
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
    if (mapping < 0 || !mappings.accepts(mapping, outer, h.sourceHigh, h.sourceLow, nowNs)) {
      v.drop(i, StageName.LOOKUP, DropReason.NAT_FILTERED);
      return true;
    }
    mappings.inner(mapping, outer);
    FlowKey key = ownership.key;
    ownership
        .table()
        .assign(
            h.version,
            h.protocol,
            outer.sourceHigh,
            outer.sourceLow,
            h.sourceHigh,
            h.sourceLow,
            true,
            Tuple.sourcePort(outer.ports),
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
    int rule = sources.find(egress.zone(ingress), egress.zone(outer), outer, h);
    return rule >= 0 && !sources.rule(rule).exempt();
  }

  /**
   * Returns the lane of this worker that has the translated tuple of a reply, -1 where its receiver
   * is no pool address.
   */
  int laneOfPool(PacketHeader h, long hash) {
    int pool = Tuple.usesPorts(h) ? blocks.pool(h.destinationHigh, h.destinationLow) : -1;
    if (pool < 0) {
      return -1;
    }
    int claimed = PortBlocks.isShared(h.destinationPort) ? blocks.claims().lane(hash) : -1;
    return claimed >= 0 ? claimed : homeLane(h.destinationPort);
  }

  /**
   * Computes the key of the earlier hop in place of a record (W5), and passes the packet on; false
   * where it leads nowhere else.
   */
  boolean computed(Vector v, int i, PacketHeader h) {
    DistributionTable table = ownership.table();
    int lane = laneOfPool(h, v.hash[i]);
    if (lane >= 0) {
      int owner = ownerOfBlock(h.destinationPort);
      if (owner == ownership.self() && ownership.runs(lane)) {
        return false;
      }
      passOn(v, i, owner, owner == ownership.self() ? lane : homeLane(h.destinationPort));
      return true;
    }
    FlowKey key = ownership.key;
    int owner = ownerOfRequest(table, v, i, h, key);
    if (ownership.isHere(owner, key.vHigh, key.vLow)) {
      return false;
    }
    passOn(v, i, owner, Lanes.laneOf(key.vHigh, key.vLow));
    v.key(i, key.trafficClass, key.vHigh, key.vLow);
    return true;
  }

  private int ownerOfRequest(
      DistributionTable table, Vector v, int i, PacketHeader h, FlowKey key) {
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

  private @org.jspecify.annotations.Nullable IpAddress external(Vector v, int i, PacketHeader h) {
    int tag =
        egress.find(
            v.batch.ingressTag[i], h.version, h.destinationHigh, h.destinationLow, v.batch.vLow[i]);
    return tag < 0
        ? null
        : translations.toExternal(egress.zone(tag), h.version, h.sourceHigh, h.sourceLow);
  }
}
