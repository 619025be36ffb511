package dev.portcullis.core.wire;

/**
 * What the extension headers of an IPv6 packet say about its addresses: a routing header may name
 * the receiver that the transport checksum means (RFC 8200 section 8.1), a home address option the
 * sender (RFC 6275 section 6.3). Filled by {@link #parse}; one object per thread.
 */
public final class Ipv6Extensions {

  private static final int ROUTING = 43,
      FRAGMENT = 44,
      AUTHENTICATION = 51,
      DESTINATION = 60,
      HOME_ADDRESS = 201;
  private static final int TYPE_0 = 0, TYPE_2 = 2, SEGMENT_ROUTING = 4;

  /** Whether a routing header of type 0 is there, which RFC 5095 forbids. */
  public boolean sourceRoute;

  /** Whether the transport checksum means the receiver below, and the sender of the header. */
  public boolean receiverKnown;

  /** The last receiver. */
  public long receiverHigh, receiverLow;

  /** Makes a parser. */
  public Ipv6Extensions() {}

  /** Reads the extension headers of a packet whose chain was found to be whole. */
  public void parse(byte[] bytes, PacketHeader h) {
    sourceRoute = false;
    receiverKnown = true;
    receiverHigh = h.destinationHigh;
    receiverLow = h.destinationLow;
    boolean routed = false;
    int next = bytes[h.offset + 6] & 0xff;
    int at = h.offset + 40;
    while (at + 8 <= h.transportOffset) {
      int units = bytes[at + 1] & 0xff;
      int length =
          switch (next) {
            case FRAGMENT -> 8;
            case AUTHENTICATION -> (units + 2) * 4;
            default -> (units + 1) * 8;
          };
      if (at + length > h.transportOffset) {
        receiverKnown = false;
        return;
      }
      if (next == ROUTING) {
        sourceRoute |= bytes[at + 2] == TYPE_0;
        if (bytes[at + 3] != 0) {
          receiverKnown &= !routed && lastReceiver(bytes, at, units);
          routed = true;
        }
      } else if (next == DESTINATION && hasHomeAddress(bytes, at + 2, at + length)) {
        receiverKnown = false;
      }
      next = bytes[at] & 0xff;
      at += length;
    }
  }

  /** Reads the last address that a routing header leads to; false where it cannot be told. */
  private boolean lastReceiver(byte[] bytes, int at, int units) {
    int addresses = units / 2;
    int segmentsLeft = bytes[at + 3] & 0xff;
    int last;
    switch (bytes[at + 2]) {
      case TYPE_0, TYPE_2 -> {
        if (units % 2 != 0 || segmentsLeft > addresses) {
          return false;
        }
        last = at + 8 + (addresses - 1) * 16;
      }
      // RFC 8754 section 2: the list is in reverse
      case SEGMENT_ROUTING -> {
        if (addresses == 0) {
          return false;
        }
        last = at + 8;
      }
      default -> {
        return false;
      }
    }
    receiverHigh = PacketHeader.u64(bytes, last);
    receiverLow = PacketHeader.u64(bytes, last + 8);
    return true;
  }

  private static boolean hasHomeAddress(byte[] bytes, int from, int to) {
    int at = from;
    while (at + 1 < to) {
      int type = bytes[at] & 0xff;
      if (type == HOME_ADDRESS) {
        return true;
      }
      at += type == 0 ? 1 : 2 + (bytes[at + 1] & 0xff);
    }
    return false;
  }
}
