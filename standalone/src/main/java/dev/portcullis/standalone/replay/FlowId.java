package dev.portcullis.standalone.replay;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;

/**
 * The number of a flow in events: of its tuple alone, the same in both directions and in every run.
 */
final class FlowId {

  private FlowId() {}

  /** Returns a positive number of 53 bits, which JSON readers keep exactly. */
  static long of(PacketHeader h) {
    boolean ports = h.hasPorts && !h.fragment;
    long source = end(h.sourceHigh, h.sourceLow, ports ? h.sourcePort : 0);
    long destination = end(h.destinationHigh, h.destinationLow, ports ? h.destinationPort : 0);
    return Lanes.mix(source + destination + (ports ? h.protocol : 0)) >>> 11;
  }

  private static long end(long high, long low, int port) {
    return Lanes.mix(Lanes.mix(high) + Lanes.mix(low + 1) * 31 + port);
  }
}
