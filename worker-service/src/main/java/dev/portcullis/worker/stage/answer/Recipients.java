package dev.portcullis.worker.stage.answer;

import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.OwnAddresses;

/**
 * What must not be answered with an error: RFC 1122 section 3.2.2, RFC 1812 section 4.3.2.7, RFC
 * 4443 section 2.4(e). Any thread.
 */
final class Recipients {

  private final OwnAddresses own;

  Recipients(OwnAddresses own) {
    this.own = own;
  }

  /**
   * Whether the sender is one host, and the receiver was one.
   *
   * @param received the packet as it came in
   * @param tooBig whether the answer is "packet too big", which multicast gets too (RFC 4443
   *     section 2.4(e.3))
   */
  boolean isOneHostToOneHost(int version, Tuple received, boolean tooBig) {
    if (own.isOwn(version, received.sourceHigh, received.sourceLow)) {
      return false;
    }
    if (version == 4) {
      int sender = (int) (received.sourceLow >>> 24);
      return sender != 0
          && sender != 127
          && sender < 224
          && received.destinationLow >>> 24 < 224
          && !own.isDirectedBroadcast(received.sourceLow)
          && !own.isDirectedBroadcast(received.destinationLow);
    }
    boolean noHost =
        received.sourceHigh == 0 && received.sourceLow >>> 48 == 0
            || received.sourceHigh >>> 56 == 0xff;
    return !noHost && (tooBig || received.destinationHigh >>> 56 != 0xff);
  }

  /**
   * Whether the packet is no ICMP error, as far as can be told: types that are not known count as
   * errors, and of a fragment that is not the first nothing can be told.
   */
  static boolean isNoError(PacketHeader h) {
    if (h.fragmentOffset != 0) {
      return false;
    }
    return switch (h.protocol) {
      case PacketHeader.ICMP ->
          switch (h.icmpType) {
            case 0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43 -> true;
            default -> false;
          };
      case PacketHeader.ICMPV6 -> h.icmpType >= 128 && h.icmpType != 137;
      default -> true;
    };
  }
}
