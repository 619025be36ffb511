package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.GatewaySpec.Timeouts;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Vector;

/**
 * The second step of {@code least-loaded} (patent, D9; claims 13 and 24): the owner by the sum of
 * the addresses chooses a worker for a new flow, the one to which the fewest live pins of the lane
 * lead, and keeps the choice as a pin. A pin is a key (class, hash of the tuple, slot): the present
 * table says whose slot it is, so it stays right when the table changes, and the flow, its
 * translation and the path record of its reply live under it like under any other key. Where there
 * is no room for a pin the owner keeps the flow.
 *
 * <p>Every owner shares out evenly what it owns, so the sum is even without workers telling each
 * other their load, and a replay chooses the same again.
 *
 * <p>Thread: one shard.
 */
final class LeastLoaded {

  private final PathTable paths;
  private final Ownership ownership;
  private final Timeouts timeouts;

  LeastLoaded(PathTable paths, Ownership ownership, Timeouts timeouts) {
    this.paths = paths;
    this.ownership = ownership;
    this.timeouts = timeouts;
  }

  /**
   * Gives the first packet of a flow, or one whose pin leads here, the key of its pin; false where
   * its class has another algorithm or there is no room.
   *
   * @param record the pin, -1: none yet
   */
  boolean assign(Vector v, int i, Tuple tuple, int record) {
    DistributionTable table = ownership.table();
    int trafficClass = v.batch.trafficClass[i];
    if (table.algorithm(trafficClass) != Algorithm.LEAST_LOADED) {
      return false;
    }
    int pinned = trafficClass | DistributionTable.PINNED;
    if (record >= 0) {
      v.key(i, pinned, paths.vHigh(record), paths.vLow(record));
      seen(record, v.header[i]);
      return true;
    }
    int lane = Lanes.laneOf(v.batch.vHigh[i], v.batch.vLow[i]);
    long spread = v.hash[i];
    int slots = table.slots(trafficClass);
    int start = (int) Long.remainderUnsigned(spread >>> 8, slots);
    int slot = paths.leastPinned(lane, pinned, slots, start);
    long nowNs = v.batch.captureTimeNs[i];
    if (!paths.pin(tuple, lane, pinned, spread, slot, firstTimeoutNs(v.header[i]), nowNs)) {
      return false;
    }
    v.key(i, pinned, spread, slot);
    return true;
  }

  /**
   * A further packet of a pinned flow has come: its pin lives as long as the flow can by what its
   * owner sees, which are requests alone.
   */
  void seen(int record, PacketHeader h) {
    long before = paths.pinTimeout(record);
    long now =
        switch (Tuple.usesPorts(h) ? h.protocol : -1) {
          case PacketHeader.TCP -> tcpTimeoutNs(h.tcpFlags, before);
          case PacketHeader.UDP -> Math.max(timeouts.udpEstablishedNs(), timeouts.udpNewNs());
          default -> before;
        };
    if (now != before) {
      paths.pinTimeout(record, now);
    }
  }

  private long tcpTimeoutNs(int flags, long before) {
    if ((flags & (PacketHeader.FIN | PacketHeader.RST)) != 0) {
      return closingNs();
    }
    if ((flags & PacketHeader.SYN) != 0) {
      return openingNs();
    }
    return before == closingNs() ? before : timeouts.tcpEstablishedNs();
  }

  private long openingNs() {
    return Math.max(timeouts.tcpSynSentNs(), timeouts.tcpSynReceivedNs());
  }

  private long closingNs() {
    long one = Math.max(timeouts.tcpFinWaitNs(), timeouts.tcpCloseWaitNs());
    long both = Math.max(timeouts.tcpLastAckNs(), timeouts.tcpTimeWaitNs());
    return Math.max(Math.max(one, both), timeouts.tcpClosedNs());
  }

  private long firstTimeoutNs(PacketHeader h) {
    return switch (Tuple.usesPorts(h) ? h.protocol : -1) {
      case PacketHeader.TCP -> tcpTimeoutNs(h.tcpFlags, 0);
      case PacketHeader.UDP -> timeouts.udpNewNs();
      case PacketHeader.ICMP, PacketHeader.ICMPV6 -> timeouts.icmpNs();
      default -> timeouts.otherNs();
    };
  }
}
