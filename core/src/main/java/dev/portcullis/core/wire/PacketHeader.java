package dev.portcullis.core.wire;

/**
 * What the headers of one packet say: a reusable cursor over the buffer of a batch, filled by
 * {@link #parse}.
 *
 * <p>Checked once: after {@link #OK} the network header lies wholly inside the given bytes, {@link
 * #transportOffset} and {@link #end} too, and {@link #hasPorts} says that the fixed transport
 * header does. Not checked: checksums, options, and anything behind the transport header. IPv4
 * addresses stand in the low half ({@code high} is 0) as unsigned 32-bit numbers. One object per
 * thread; it never owns bytes.
 */
public final class PacketHeader {

  /** {@link #parse}: all fields are set. */
  public static final int OK = 0;

  /**
   * {@link #parse}: neither version 4 nor 6, or too short to tell; no field but {@link #version}
   * (0) is set.
   */
  public static final int NOT_IP = 1;

  /**
   * {@link #parse}: cut off or contradictory; {@link #hasAddresses} says whether the addresses
   * could be read.
   */
  public static final int MALFORMED = 2;

  public static final int ICMP = 1;
  public static final int TCP = 6;
  public static final int UDP = 17;
  public static final int ICMPV6 = 58;
  public static final int SCTP = 132;

  /** TCP flag bits, RFC 9293 section 3.1. */
  public static final int FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32;

  private static final int HOP_BY_HOP = 0,
      ROUTING = 43,
      FRAGMENT = 44,
      AUTHENTICATION = 51,
      NO_NEXT = 59,
      DESTINATION = 60,
      MOBILITY = 135,
      HIP = 139,
      SHIM6 = 140;

  /** 4, 6, or 0 where it is not IP. */
  public int version;

  /** Whether the address fields are set. */
  public boolean hasAddresses;

  public long sourceHigh, sourceLow, destinationHigh, destinationLow;

  /** Protocol of the transport header: the last of the chain of next headers. */
  public int protocol;

  /** Offset of the network header in the buffer. */
  public int offset;

  /** Offset of the transport header in the buffer; equals {@link #end} where there is none. */
  public int transportOffset;

  /**
   * End of the packet in the buffer by its own length field, or where the captured bytes end if
   * that is sooner.
   */
  public int end;

  /**
   * Whether fewer bytes are here than the length field of the network header says (a capture with a
   * snap length).
   */
  public boolean truncated;

  /** TTL or hop limit. */
  public int ttl;

  /** Whether this is a fragment (an atomic fragment, RFC 6946, is not). */
  public boolean fragment;

  /** Offset of the fragment in bytes. */
  public int fragmentOffset;

  /** Whether more fragments follow. */
  public boolean moreFragments;

  /** Identification of the datagram: 16 bits in IPv4, 32 in IPv6. */
  public int fragmentId;

  /** Offset of the fragment header of IPv6 in the buffer, -1 where there is none. */
  public int fragmentAt;

  /**
   * Whether {@link #sourcePort} and {@link #destinationPort} are set: TCP, UDP, SCTP with a whole
   * fixed header; echo requests and replies, which have their identifier in both. Never on a
   * fragment other than the first.
   */
  public boolean hasPorts;

  public int sourcePort, destinationPort;

  /** Flags of TCP, valid with {@link #hasPorts}. */
  public int tcpFlags;

  /** Type and code of ICMP or ICMPv6, -1 where they cannot be read. */
  public int icmpType, icmpCode;

  /**
   * Reads the packet that starts at {@code start}.
   *
   * @param bytes the buffer
   * @param start offset of the network header
   * @param length bytes that are there
   * @return {@link #OK}, {@link #NOT_IP} or {@link #MALFORMED}
   */
  public int parse(byte[] bytes, int start, int length) {
    offset = start;
    hasAddresses = false;
    hasPorts = false;
    fragment = false;
    moreFragments = false;
    truncated = false;
    fragmentOffset = 0;
    fragmentId = 0;
    fragmentAt = -1;
    sourcePort = 0;
    destinationPort = 0;
    tcpFlags = 0;
    icmpType = -1;
    icmpCode = -1;
    protocol = NO_NEXT;
    end = start + length;
    transportOffset = end;
    version = length < 1 ? 0 : bytes[start] >>> 4 & 0xf;
    switch (version) {
      case 4:
        return parseIpv4(bytes, start, length);
      case 6:
        return parseIpv6(bytes, start, length);
      default:
        version = 0;
        return NOT_IP;
    }
  }

  /** RFC 791 section 3.1. */
  private int parseIpv4(byte[] bytes, int start, int length) {
    if (length < 20) {
      return MALFORMED;
    }
    sourceHigh = 0;
    sourceLow = u32(bytes, start + 12);
    destinationHigh = 0;
    destinationLow = u32(bytes, start + 16);
    hasAddresses = true;
    ttl = bytes[start + 8] & 0xff;
    protocol = bytes[start + 9] & 0xff;
    int headerLength = (bytes[start] & 0xf) * 4;
    int totalLength = u16(bytes, start + 2);
    if (headerLength < 20 || headerLength > length || totalLength < headerLength) {
      return MALFORMED;
    }
    truncated = totalLength > length;
    end = start + Math.min(totalLength, length);
    int flagsAndOffset = u16(bytes, start + 6);
    moreFragments = (flagsAndOffset & 0x2000) != 0;
    fragmentOffset = (flagsAndOffset & 0x1fff) * 8;
    fragment = moreFragments || fragmentOffset != 0;
    fragmentId = u16(bytes, start + 4);
    transportOffset = start + headerLength;
    return fragmentOffset == 0 ? parseTransport(bytes) : OK;
  }

  /** RFC 8200 sections 3 and 4. */
  private int parseIpv6(byte[] bytes, int start, int length) {
    if (length < 40) {
      return MALFORMED;
    }
    sourceHigh = u64(bytes, start + 8);
    sourceLow = u64(bytes, start + 16);
    destinationHigh = u64(bytes, start + 24);
    destinationLow = u64(bytes, start + 32);
    hasAddresses = true;
    ttl = bytes[start + 7] & 0xff;
    int payloadLength = u16(bytes, start + 4);
    truncated = payloadLength > length - 40;
    // a jumbogram (RFC 2675) has length 0 here and takes all that was captured
    if (payloadLength != 0 || bytes[start + 6] != HOP_BY_HOP) {
      end = start + 40 + Math.min(payloadLength, length - 40);
    }
    int next = bytes[start + 6] & 0xff;
    int at = start + 40;
    while (true) {
      int headerLength;
      switch (next) {
        case HOP_BY_HOP, ROUTING, DESTINATION, MOBILITY, HIP, SHIM6 -> {
          if (at + 2 > end) {
            return chainCut(next);
          }
          headerLength = ((bytes[at + 1] & 0xff) + 1) * 8;
        }
        case AUTHENTICATION -> {
          if (at + 2 > end) {
            return chainCut(next);
          }
          headerLength = ((bytes[at + 1] & 0xff) + 2) * 4;
        }
        case FRAGMENT -> {
          // one at the most: RFC 8200 section 4.1
          if (at + 8 > end || fragmentAt >= 0) {
            return chainCut(next);
          }
          fragmentAt = at;
          int offsetAndFlag = u16(bytes, at + 2);
          fragmentOffset = offsetAndFlag & 0xfff8;
          moreFragments = (offsetAndFlag & 1) != 0;
          fragment = moreFragments || fragmentOffset != 0;
          fragmentId = (int) u32(bytes, at + 4);
          headerLength = 8;
        }
        default -> {
          protocol = next;
          transportOffset = at;
          return fragmentOffset == 0 && next != NO_NEXT ? parseTransport(bytes) : OK;
        }
      }
      next = bytes[at] & 0xff;
      at += headerLength;
      if (at > end) {
        return chainCut(next);
      }
      if (fragmentOffset != 0) {
        protocol = next;
        transportOffset = at;
        return OK;
      }
    }
  }

  private int chainCut(int next) {
    protocol = next;
    transportOffset = end;
    return MALFORMED;
  }

  private int parseTransport(byte[] bytes) {
    int at = transportOffset;
    int available = end - at;
    switch (protocol) {
      case TCP -> {
        if (available < 20) {
          return cut(bytes, available);
        }
        int dataOffset = (bytes[at + 12] >>> 4 & 0xf) * 4;
        ports(bytes, at);
        tcpFlags = bytes[at + 13] & 0x3f;
        boolean contradictory =
            dataOffset < 20 || dataOffset > available && !truncated && !fragment;
        return contradictory ? withoutPorts() : OK;
      }
      case UDP -> {
        if (available < 8) {
          return cut(bytes, available);
        }
        ports(bytes, at);
        int udpLength = u16(bytes, at + 4);
        boolean contradictory = udpLength < 8 || udpLength > available && !truncated && !fragment;
        return contradictory ? withoutPorts() : OK;
      }
      case SCTP -> {
        if (available < 12) {
          return cut(bytes, available);
        }
        ports(bytes, at);
        return OK;
      }
      case ICMP, ICMPV6 -> {
        if (protocol == ICMP != (version == 4)) {
          return OK;
        }
        if (available < 4) {
          return MALFORMED;
        }
        icmpType = bytes[at] & 0xff;
        icmpCode = bytes[at + 1] & 0xff;
        if (available < 8) {
          return MALFORMED;
        }
        if (isEcho()) {
          sourcePort = u16(bytes, at + 4);
          destinationPort = sourcePort;
          hasPorts = true;
        }
        return OK;
      }
      default -> {
        return OK;
      }
    }
  }

  /** A transport header that is not whole: the ports are still read where they are there. */
  private int cut(byte[] bytes, int available) {
    if (available >= 4) {
      sourcePort = u16(bytes, transportOffset);
      destinationPort = u16(bytes, transportOffset + 2);
    }
    return MALFORMED;
  }

  /** A transport header that contradicts itself: the packet goes by its addresses alone. */
  private int withoutPorts() {
    hasPorts = false;
    return MALFORMED;
  }

  private void ports(byte[] bytes, int at) {
    sourcePort = u16(bytes, at);
    destinationPort = u16(bytes, at + 2);
    hasPorts = true;
  }

  /** Whether this is an echo request or reply: RFC 792, RFC 4443 section 4. */
  public boolean isEcho() {
    return protocol == ICMP
        ? icmpType == 8 || icmpType == 0
        : protocol == ICMPV6 && (icmpType == 128 || icmpType == 129);
  }

  /**
   * Whether this is a query: echo, timestamp, information, address mask (RFC 792, RFC 950),
   * extended echo (RFC 8335), node information (RFC 4620).
   */
  public boolean isQuery() {
    return protocol == ICMP
        ? icmpType == 8 || icmpType == 13 || icmpType == 15 || icmpType == 17 || icmpType == 42
        : protocol == ICMPV6 && (icmpType == 128 || icmpType == 139 || icmpType == 160);
  }

  /** Whether this is the answer to a query. */
  public boolean isAnswer() {
    return protocol == ICMP
        ? icmpType == 0 || icmpType == 14 || icmpType == 16 || icmpType == 18 || icmpType == 43
        : protocol == ICMPV6 && (icmpType == 129 || icmpType == 140 || icmpType == 161);
  }

  /** Returns the type that answers a query, or that an answer answers; -1: this is neither. */
  public int otherTypeOfQuery() {
    if (protocol == ICMP && isEcho()) {
      return icmpType ^ 8;
    }
    return isQuery() ? icmpType + 1 : isAnswer() ? icmpType - 1 : -1;
  }

  /** Reads two bytes in network order as an unsigned number. */
  public static int u16(byte[] bytes, int at) {
    return (bytes[at] & 0xff) << 8 | bytes[at + 1] & 0xff;
  }

  /** Reads four bytes in network order as an unsigned number. */
  public static long u32(byte[] bytes, int at) {
    return (long) u16(bytes, at) << 16 | u16(bytes, at + 2);
  }

  /** Reads eight bytes in network order. */
  public static long u64(byte[] bytes, int at) {
    return u32(bytes, at) << 32 | u32(bytes, at + 4);
  }

  /** Writes the lower two bytes of a number in network order. */
  public static void put16(byte[] bytes, int at, int value) {
    bytes[at] = (byte) (value >>> 8);
    bytes[at + 1] = (byte) value;
  }

  /** Writes the lower four bytes of a number in network order. */
  public static void put32(byte[] bytes, int at, long value) {
    put16(bytes, at, (int) (value >>> 16));
    put16(bytes, at + 2, (int) value);
  }

  /** Writes eight bytes in network order. */
  public static void put64(byte[] bytes, int at, long value) {
    put32(bytes, at, value >>> 32);
    put32(bytes, at + 4, value);
  }
}
