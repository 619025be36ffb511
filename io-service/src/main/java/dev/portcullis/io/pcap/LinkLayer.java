package dev.portcullis.io.pcap;

import dev.portcullis.core.wire.PacketHeader;

/**
 * Where the IP packet of a frame begins. Filled by {@link #parse}; reused.
 *
 * <p>Understood: Ethernet with up to {@link #MAX_TAGS} VLAN tags and with LLC/SNAP, raw IP, Linux
 * cooked v1 and v2, BSD null and loopback, PPP. A frame whose type says IP and whose first nibble
 * says otherwise is not IP. MPLS, PPPoE and whatever else a frame may carry is not IP either.
 */
public final class LinkLayer {

  /** The most VLAN tags that are passed over. */
  public static final int MAX_TAGS = 8;

  private static final int IPV4 = 0x0800;
  private static final int IPV6 = 0x86dd;

  /** Bytes in front of the IP packet; 0 where there is none. */
  public int l2Length;

  /** Whether an IP packet follows. */
  public boolean ip;

  /** Whether frames of this link type are understood at all. */
  public boolean knownLinkType;

  /** Looks at a frame. */
  public void parse(Frame frame) {
    parse(frame.linkType, frame.bytes, frame.length);
  }

  /**
   * Looks at a frame.
   *
   * @param linkType LINKTYPE
   * @param bytes the frame
   * @param length captured bytes
   */
  public void parse(int linkType, byte[] bytes, int length) {
    knownLinkType = true;
    int start =
        switch (linkType) {
          case 1 -> ethernet(bytes, 0, length);
          case 12, 14, 101, 228, 229 -> 0;
          case 0, 108 -> length >= 4 ? 4 : -1;
          case 9 -> ppp(bytes, length);
          case 113 -> typed(bytes, length, 14, 16);
          case 276 -> typed(bytes, length, 0, 20);
          default -> {
            knownLinkType = false;
            yield -1;
          }
        };
    ip = start >= 0 && isIp(bytes, start, length);
    l2Length = ip ? start : 0;
  }

  /**
   * Looks at an Ethernet frame in a buffer.
   *
   * @param start where it begins
   * @param length bytes of it
   */
  public void parseEthernet(byte[] bytes, int start, int length) {
    knownLinkType = true;
    int end = start + length;
    int packet = ethernet(bytes, start, end);
    ip = packet >= 0 && isIp(bytes, packet, end);
    l2Length = ip ? packet - start : 0;
  }

  private static boolean isIp(byte[] bytes, int start, int length) {
    if (start >= length) {
      return false;
    }
    int version = bytes[start] >>> 4 & 0xf;
    return version == 4 || version == 6;
  }

  private static int ethernet(byte[] bytes, int start, int length) {
    int at = start + 12;
    for (int tags = 0; tags <= MAX_TAGS; tags++) {
      if (at + 2 > length) {
        return -1;
      }
      int type = PacketHeader.u16(bytes, at);
      switch (type) {
        case 0x8100, 0x88a8, 0x9100, 0x9200 -> at += 4;
        case IPV4, IPV6 -> {
          return at + 2;
        }
        default -> {
          return type <= 1500 ? snap(bytes, at + 2, length) : -1;
        }
      }
    }
    return -1;
  }

  /** RFC 1042: LLC and SNAP headers in front of an Ethernet type. */
  private static int snap(byte[] bytes, int at, int length) {
    if (at + 8 > length || PacketHeader.u16(bytes, at) != 0xaaaa || bytes[at + 2] != 3) {
      return -1;
    }
    int type = PacketHeader.u16(bytes, at + 6);
    return type == IPV4 || type == IPV6 ? at + 8 : -1;
  }

  private static int ppp(byte[] bytes, int length) {
    int at = length >= 2 && PacketHeader.u16(bytes, 0) == 0xff03 ? 2 : 0;
    if (at + 2 > length) {
      return -1;
    }
    int protocol = PacketHeader.u16(bytes, at);
    return protocol == 0x0021 || protocol == 0x0057 ? at + 2 : -1;
  }

  /** Linux cooked: an Ethernet type at a fixed place, VLAN tags behind the header. */
  private static int typed(byte[] bytes, int length, int typeAt, int headerLength) {
    if (headerLength > length) {
      return -1;
    }
    int type = PacketHeader.u16(bytes, typeAt);
    int at = headerLength;
    for (int tags = 0; tags < MAX_TAGS && type == 0x8100 && at + 4 <= length; tags++) {
      type = PacketHeader.u16(bytes, at + 2);
      at += 4;
    }
    return type == IPV4 || type == IPV6 ? at : -1;
  }
}
