package dev.portcullis.core.event;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;

/**
 * The number of a flow in events ({@code flow_id}): of its tuple alone, so the same in both
 * directions, at every worker and in every run. Fragments and what has no ports have the number of
 * their addresses. Any thread.
 */
public final class FlowId {

  private FlowId() {}

  /** Returns a positive number of 53 bits, which JSON readers keep exactly. */
  public static long of(PacketHeader h) {
    boolean ports = h.hasPorts && !h.fragment;
    return of(
        h.sourceHigh,
        h.sourceLow,
        h.destinationHigh,
        h.destinationLow,
        ports ? h.protocol : 0,
        ports ? h.sourcePort : 0,
        ports ? h.destinationPort : 0);
  }

  /**
   * Returns the same number for a tuple.
   *
   * @param protocol IP protocol, 0 where ports do not count
   */
  public static long of(
      long sourceHigh,
      long sourceLow,
      long destinationHigh,
      long destinationLow,
      int protocol,
      int sourcePort,
      int destinationPort) {
    long source = end(sourceHigh, sourceLow, sourcePort);
    long destination = end(destinationHigh, destinationLow, destinationPort);
    return Lanes.mix(source + destination + protocol) >>> 11;
  }

  private static long end(long high, long low, int port) {
    return Lanes.mix(Lanes.mix(high) + Lanes.mix(low + 1) * 31 + port);
  }
}
