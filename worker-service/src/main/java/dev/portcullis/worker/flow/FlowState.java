package dev.portcullis.worker.flow;

import dev.portcullis.core.policy.GatewaySpec;
import java.util.List;

/**
 * States of a flow: numbers in the flow table, with the names that traces use and the timeout of
 * each.
 */
public final class FlowState {

  public static final int TCP_SYN_SENT = 1;
  public static final int TCP_SYN_RECEIVED = 2;
  public static final int TCP_ESTABLISHED = 3;

  /** One side has sent FIN. */
  public static final int TCP_CLOSING = 4;

  /** Both sides have sent FIN, or one RST. */
  public static final int TCP_CLOSED = 5;

  public static final int UDP_NEW = 6;
  public static final int UDP_ESTABLISHED = 7;
  public static final int ICMP = 8;
  public static final int OTHER = 9;

  private static final List<String> NAMES =
      List.of(
          "",
          "new",
          "opening",
          "established",
          "closing",
          "closed",
          "new",
          "established",
          "icmp",
          "other");

  private FlowState() {}

  /** Returns the name of a state in traces. */
  public static String nameOf(int state) {
    return NAMES.get(state);
  }

  /** Returns the idle timeouts in nanoseconds; the index is the state. */
  static long[] timeouts(GatewaySpec.Timeouts it) {
    return new long[] {
      0,
      it.tcpSynSentNs(),
      it.tcpSynReceivedNs(),
      it.tcpEstablishedNs(),
      it.tcpClosingNs(),
      it.tcpClosedNs(),
      it.udpNewNs(),
      it.udpEstablishedNs(),
      it.icmpNs(),
      it.otherNs()
    };
  }
}
