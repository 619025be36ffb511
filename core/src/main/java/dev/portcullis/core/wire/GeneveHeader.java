package dev.portcullis.core.wire;

/**
 * The header of GENEVE, RFC 8926 section 3.4: version, type of what follows, number of the virtual
 * network (VNI), options. Filled by {@link #parse}; reused. Reserved bits are not looked at.
 * Thread: one.
 */
public final class GeneveHeader {

  /** Bytes of the header without options. */
  public static final int BYTES = 8;

  /** The most bytes of options. */
  public static final int MAX_OPTION_BYTES = 252;

  /** Ethernet type of Ethernet frames: what is inside where a tunnel is a link (section 3.4). */
  public static final int ETHERNET = 0x6558;

  /** Class of the options of an AWS Gateway Load Balancer: endpoint, attachment, flow cookie. */
  public static final int AWS = 0x0108;

  /** {@link #parse}: all is well. */
  public static final int OK = 0;

  /** {@link #parse}: cut off, of another version, a control message, or lengths do not fit. */
  public static final int MALFORMED = 1;

  /** {@link #parse}: a critical option (section 3.5) is none of the class that is known. */
  public static final int UNKNOWN_OPTION = 2;

  private static final int CONTROL = 0x80;
  private static final int CRITICAL_OPTION = 0x80;
  private static final int OPTION_BYTES = 4;

  /** Bytes of the header with its options; what follows begins there. */
  public int length;

  /** Ethernet type of what follows. */
  public int protocol;

  /** Number of the virtual network: 0 to 2^24 - 1. */
  public int vni;

  /**
   * Reads a header.
   *
   * @param at where the datagram begins
   * @param available bytes of it
   * @param knownClass class of the options that the caller knows, critical ones too; -1: none
   */
  public int parse(byte[] bytes, int at, int available, int knownClass) {
    length = 0;
    protocol = 0;
    vni = 0;
    if (available < BYTES || (bytes[at] & 0xc0) != 0 || (bytes[at + 1] & CONTROL) != 0) {
      return MALFORMED;
    }
    int end = BYTES + (bytes[at] & 0x3f) * 4;
    if (end > available) {
      return MALFORMED;
    }
    int option = at + BYTES;
    while (option < at + end) {
      int next = option + OPTION_BYTES + (bytes[option + 3] & 0x1f) * 4;
      if (next > at + end) {
        return MALFORMED;
      }
      if ((bytes[option + 2] & CRITICAL_OPTION) != 0
          && PacketHeader.u16(bytes, option) != knownClass) {
        return UNKNOWN_OPTION;
      }
      option = next;
    }
    length = end;
    protocol = PacketHeader.u16(bytes, at + 2);
    vni = (int) (PacketHeader.u32(bytes, at + 4) >>> 8);
    return OK;
  }

  /** Returns the header of a virtual network, without options. */
  public static byte[] of(int protocol, int vni) {
    byte[] header = new byte[BYTES];
    PacketHeader.put16(header, 2, protocol);
    PacketHeader.put32(header, 4, (long) vni << 8);
    return header;
  }
}
