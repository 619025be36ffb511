package dev.portcullis.core.event;

import dev.portcullis.core.counters.DropReason;

/**
 * Which drops are anomalies, and what Suricata would call them: {@code anomaly.type} and {@code
 * anomaly.event}. Any thread.
 */
public final class Anomaly {

  private static final String NONE = "none";

  private Anomaly() {}

  /** Returns whether a drop for this reason is an anomaly: something is wrong with the packet. */
  public static boolean is(DropReason reason) {
    return !event(reason, 0).equals(NONE);
  }

  /** Returns the layer that found it: {@code decode} or {@code stream}. */
  public static String type(DropReason reason) {
    return event(reason, 0).startsWith("decoder.") ? "decode" : "stream";
  }

  /**
   * Returns the name of the event: that of Suricata where it has one, otherwise our reason.
   *
   * @param version IP version of the packet, 0 where it is not known
   */
  public static String event(DropReason reason, int version) {
    return switch (reason) {
      case FRAGMENT_OVERLAP ->
          version == 6 ? "decoder.ipv6.frag_overlap" : "decoder.ipv4.frag_overlap";
      case FRAGMENT_LIMIT, FRAGMENT_TIMEOUT ->
          version == 6 ? "decoder.ipv6.frag_ignored" : "decoder.ipv4.frag_ignored";
      case MALFORMED -> "decoder.malformed";
      case BAD_CHECKSUM -> "decoder.bad_checksum";
      case MARTIAN -> "decoder.martian";
      case LAND -> "decoder.land";
      case SOURCE_ROUTED -> "decoder.source_routed";
      case MIDSTREAM -> "stream.midstream";
      case OUT_OF_WINDOW -> "stream.est_packet_out_of_window";
      case OUT_OF_STATE -> "stream.out_of_state";
      case HALF_OPEN_LIMIT -> "stream.half_open_limit";
      case ICMP_UNRELATED -> "stream.icmp_unrelated";
      default -> NONE;
    };
  }
}
