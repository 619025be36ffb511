package dev.portcullis.worker.stage.decode;

import dev.portcullis.core.wire.PacketHeader;

/**
 * Addresses that no packet on a network has: RFC 1812 section 5.3.7, RFC 6890 section 2.2.2, RFC
 * 4291 section 2.5. Any thread.
 *
 * <ul>
 *   <li>IPv4 senders 0/8, 127/8, 224/4 and 240/4; receivers 0/8, 127/8, 240/4 but not
 *       255.255.255.255.
 *   <li>IPv6 senders and receivers ::/80, which has unspecified, loopback and IPv4-mapped
 *       addresses; multicast senders.
 *   <li>Not: the unspecified address of a host that has none yet and speaks to all on its link (RFC
 *       2131 section 4.1, RFC 4862 section 5.4).
 * </ul>
 */
final class Martians {

  private static final boolean[] SENDER = new boolean[256];
  private static final boolean[] RECEIVER = new boolean[256];

  static {
    for (int i = 0; i < 256; i++) {
      SENDER[i] = i == 0 || i == 127 || i >= 224;
      RECEIVER[i] = i == 0 || i == 127 || i >= 240;
    }
  }

  private Martians() {}

  /** Whether sender or receiver is a martian. */
  static boolean has(PacketHeader h) {
    if (h.version == 4) {
      return (SENDER[(int) (h.sourceLow >>> 24)] || RECEIVER[(int) (h.destinationLow >>> 24)])
          && hasV4(h);
    }
    boolean sender = isReserved(h.sourceHigh, h.sourceLow);
    if (sender && h.sourceLow == 0 && h.destinationHigh >>> 48 == 0xff02) {
      return false;
    }
    return sender || h.sourceHigh >>> 56 == 0xff || isReserved(h.destinationHigh, h.destinationLow);
  }

  private static boolean hasV4(PacketHeader h) {
    boolean toAll = h.destinationLow == 0xffff_ffffL;
    boolean sender = SENDER[(int) (h.sourceLow >>> 24)] && !(h.sourceLow == 0 && toAll);
    return sender || RECEIVER[(int) (h.destinationLow >>> 24)] && !toAll;
  }

  private static boolean isReserved(long high, long low) {
    return high == 0 && low >>> 48 == 0;
  }
}
