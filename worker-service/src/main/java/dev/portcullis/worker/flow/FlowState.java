package dev.portcullis.worker.flow;

import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.wire.PacketHeader;
import java.util.List;

/**
 * States of a flow: numbers in the flow table, with the names that traces use and the timeout of
 * each. Those of TCP are those of Linux conntrack, as the gateway sees both sides at once.
 */
public final class FlowState {

  /** SYN of the first side. */
  public static final int TCP_SYN_SENT = 1;

  /** SYN of both sides, neither answered: simultaneous open. */
  public static final int TCP_SYN_SENT2 = 2;

  /** SYN answered by SYN-ACK. */
  public static final int TCP_SYN_RECEIVED = 3;

  /** Handshake complete. */
  public static final int TCP_ESTABLISHED = 4;

  /** One side has sent FIN. */
  public static final int TCP_FIN_WAIT = 5;

  /** The FIN of one side is acknowledged; the other may go on sending. */
  public static final int TCP_CLOSE_WAIT = 6;

  /** Both sides have sent FIN. */
  public static final int TCP_LAST_ACK = 7;

  /** The last FIN is acknowledged. */
  public static final int TCP_TIME_WAIT = 8;

  /** Reset. */
  public static final int TCP_CLOSED = 9;

  public static final int UDP_NEW = 10;
  public static final int UDP_ESTABLISHED = 11;
  public static final int ICMP = 12;
  public static final int OTHER = 13;

  private static final List<String> NAMES =
      List.of(
          "",
          "new",
          "opening",
          "opening",
          "established",
          "fin-wait",
          "close-wait",
          "last-ack",
          "time-wait",
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

  /** Whether the handshake of a TCP connection is under way. */
  public static boolean isHalfOpen(int state) {
    return state <= TCP_SYN_RECEIVED;
  }

  /** Returns the name of a state of TCP in events: as Suricata has them. */
  public static String eveNameOf(int state) {
    return switch (state) {
      case TCP_SYN_SENT, TCP_SYN_SENT2 -> "syn_sent";
      case TCP_SYN_RECEIVED -> "syn_recv";
      case TCP_ESTABLISHED -> "established";
      case TCP_FIN_WAIT -> "fin_wait1";
      case TCP_CLOSE_WAIT -> "close_wait";
      case TCP_LAST_ACK -> "last_ack";
      case TCP_TIME_WAIT -> "time_wait";
      case TCP_CLOSED -> "closed";
      default -> "none";
    };
  }

  /** Whether a connection is over: both sides have ended it, or one has reset it. */
  public static boolean isClosed(int state) {
    return state == TCP_TIME_WAIT || state == TCP_CLOSED;
  }

  /** Whether both sides have spoken, and the connection is not over. */
  public static boolean isEstablished(int state) {
    return state >= TCP_ESTABLISHED && state <= TCP_LAST_ACK || state == UDP_ESTABLISHED;
  }

  /**
   * Whether flows of a protocol can be in a state.
   *
   * @param state any number
   * @param hasPorts whether ports or identifiers tell the flow apart
   */
  public static boolean fits(int state, int protocol, boolean hasPorts) {
    if (!hasPorts) {
      return state == OTHER;
    }
    return switch (protocol) {
      case PacketHeader.TCP -> state >= TCP_SYN_SENT && state <= TCP_CLOSED;
      case PacketHeader.UDP -> state == UDP_NEW || state == UDP_ESTABLISHED;
      case PacketHeader.ICMP, PacketHeader.ICMPV6 -> state == ICMP;
      default -> state == OTHER;
    };
  }

  /** Returns the idle timeouts in nanoseconds; the index is the state. */
  static long[] timeouts(GatewaySpec.Timeouts it) {
    return new long[] {
      0,
      it.tcpSynSentNs(),
      it.tcpSynSentNs(),
      it.tcpSynReceivedNs(),
      it.tcpEstablishedNs(),
      it.tcpFinWaitNs(),
      it.tcpCloseWaitNs(),
      it.tcpLastAckNs(),
      it.tcpTimeWaitNs(),
      it.tcpClosedNs(),
      it.udpNewNs(),
      it.udpEstablishedNs(),
      it.icmpNs(),
      it.otherNs()
    };
  }

  /** Returns the shortest of the idle timeouts of flows. */
  public static long shortestTimeoutNs(GatewaySpec.Timeouts it) {
    long shortest = Long.MAX_VALUE;
    long[] all = timeouts(it);
    for (int state = 1; state < all.length; state++) {
      shortest = Math.min(shortest, all[state]);
    }
    return shortest;
  }

  /** Returns the longest of the idle timeouts of flows. */
  public static long longestTimeoutNs(GatewaySpec.Timeouts it) {
    long longest = 0;
    for (long timeout : timeouts(it)) {
      longest = Math.max(longest, timeout);
    }
    return longest;
  }
}
