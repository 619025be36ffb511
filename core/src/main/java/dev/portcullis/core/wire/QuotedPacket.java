package dev.portcullis.core.wire;

/**
 * The packet that an ICMP error quotes: RFC 792, RFC 1812 section 4.3.2.3, RFC 4443 section 3.
 * Often only its first 8 bytes behind the network header are there, and those are enough to find
 * its flow.
 *
 * <p>Checked once: after a {@link #parse} that returns true, both headers below are set, and {@link
 * #rewrite} stays inside the quote. Extensions behind the quote (RFC 4884) are never read or
 * written. One object per thread; it never owns bytes.
 */
public final class QuotedPacket {

  /** Bytes in front of the quote: type, code, checksum and four that depend on the type. */
  public static final int ERROR_HEADER = 8;

  /**
   * What the quoted packet says. A first fragment has its ports and counts as no fragment: its flow
   * is that of the whole datagram.
   */
  public final PacketHeader packet = new PacketHeader();

  /**
   * What a reply to the quoted packet would say: addresses and ports the other way round. Only what
   * tells flows apart is set.
   */
  public final PacketHeader reply = new PacketHeader();

  /** Makes a parser. */
  public QuotedPacket() {}

  /**
   * Whether a parsed packet is an error that quotes another packet: ICMP 3, 4, 5, 11, 12 (RFC 1122
   * section 3.2.2), ICMPv6 1 to 4 (RFC 4443 section 2.1).
   */
  public static boolean isError(PacketHeader h) {
    if (h.fragment) {
      return false;
    }
    return h.protocol == PacketHeader.ICMP
        ? h.icmpType >= 3 && h.icmpType <= 5 || h.icmpType == 11 || h.icmpType == 12
        : h.protocol == PacketHeader.ICMPV6 && h.icmpType >= 1 && h.icmpType <= 4;
  }

  /**
   * Reads the packet that an error quotes.
   *
   * @param bytes the buffer
   * @param error headers of a packet for which {@link #isError} holds
   * @return false where it cannot be read, is an error itself, or was not sent by whom the error
   *     goes to
   */
  public boolean parse(byte[] bytes, PacketHeader error) {
    int start = error.transportOffset + ERROR_HEADER;
    int length = error.end - start;
    if (length <= 0) {
      return false;
    }
    int said = saidLength(bytes, error);
    return parse(bytes, start, said > 0 ? Math.min(said, length) : length)
        && packet.version == error.version
        && packet.sourceLow == error.destinationLow
        && packet.sourceHigh == error.destinationHigh
        && !isError(packet);
  }

  /** RFC 4884 section 4: length of the quote in words of 32 bits, in ICMPv6 of 64 bits. */
  private static int saidLength(byte[] bytes, PacketHeader error) {
    int at = error.transportOffset;
    if (error.version == 4) {
      boolean says = error.icmpType == 3 || error.icmpType == 11 || error.icmpType == 12;
      return says ? (bytes[at + 5] & 0xff) * 4 : 0;
    }
    return error.icmpType == 1 || error.icmpType == 3 ? (bytes[at + 4] & 0xff) * 8 : 0;
  }

  /**
   * Reads a packet of which only the beginning may be there.
   *
   * @param bytes the buffer
   * @param start offset of its network header
   * @param length bytes that are there
   * @return false where its flow cannot be told
   */
  public boolean parse(byte[] bytes, int start, int length) {
    int result = packet.parse(bytes, start, length);
    if (!packet.hasAddresses || result != PacketHeader.OK && packet.transportOffset == packet.end) {
      return false;
    }
    if (packet.fragmentOffset == 0) {
      switch (packet.protocol) {
        case PacketHeader.TCP, PacketHeader.UDP, PacketHeader.SCTP -> {
          if (packet.end - packet.transportOffset < 4) {
            return false;
          }
          packet.hasPorts = true;
          packet.fragment = false;
        }
        default -> packet.fragment = packet.fragment && !packet.hasPorts;
      }
    }
    fillReply();
    return true;
  }

  private void fillReply() {
    reply.version = packet.version;
    reply.hasAddresses = true;
    reply.sourceHigh = packet.destinationHigh;
    reply.sourceLow = packet.destinationLow;
    reply.destinationHigh = packet.sourceHigh;
    reply.destinationLow = packet.sourceLow;
    reply.protocol = packet.protocol;
    reply.hasPorts = packet.hasPorts;
    reply.fragment = packet.fragment;
    reply.sourcePort = packet.destinationPort;
    reply.destinationPort = packet.sourcePort;
    // queries and answers change places
    reply.icmpType = packet.otherTypeOfQuery();
  }

  /**
   * Gives the quoted packet other addresses and ports. Its own checksums follow where they are
   * there (RFC 1624).
   *
   * @param sourcePort port or echo identifier; -1: ports stay
   * @return the change of what the quote adds to the checksum of the error: what {@link
   *     Checksum#apply} takes
   */
  public int rewrite(
      byte[] bytes,
      long sourceHigh,
      long sourceLow,
      long destinationHigh,
      long destinationLow,
      int sourcePort,
      int destinationPort) {
    PacketHeader q = packet;
    int length = Math.min(q.end, q.transportOffset + 20) - q.offset;
    int before = Checksum.sum(bytes, q.offset, length, 0);
    int addresses =
        Checksum.both(
            Checksum.change(q.sourceHigh, q.sourceLow, sourceHigh, sourceLow),
            Checksum.change(q.destinationHigh, q.destinationLow, destinationHigh, destinationLow));
    if (q.version == 4) {
      PacketHeader.put32(bytes, q.offset + 12, sourceLow);
      PacketHeader.put32(bytes, q.offset + 16, destinationLow);
      Checksum.apply(bytes, q.offset + 10, addresses);
    } else {
      PacketHeader.put64(bytes, q.offset + 8, sourceHigh);
      PacketHeader.put64(bytes, q.offset + 16, sourceLow);
      PacketHeader.put64(bytes, q.offset + 24, destinationHigh);
      PacketHeader.put64(bytes, q.offset + 32, destinationLow);
    }
    int transport = q.protocol == PacketHeader.ICMP ? Checksum.NO_CHANGE : addresses;
    if (sourcePort >= 0 && q.hasPorts) {
      transport = Checksum.both(transport, ports(bytes, sourcePort, destinationPort));
    }
    if (q.fragmentOffset == 0) {
      transportChecksum(bytes, transport);
    }
    q.sourceHigh = sourceHigh;
    q.sourceLow = sourceLow;
    q.destinationHigh = destinationHigh;
    q.destinationLow = destinationLow;
    return Checksum.change(before, Checksum.sum(bytes, q.offset, length, 0));
  }

  private int ports(byte[] bytes, int sourcePort, int destinationPort) {
    PacketHeader q = packet;
    int change = Checksum.change(q.sourcePort, sourcePort);
    if (q.isEcho()) {
      PacketHeader.put16(bytes, q.transportOffset + 4, sourcePort);
      q.destinationPort = sourcePort;
    } else {
      PacketHeader.put16(bytes, q.transportOffset, sourcePort);
      PacketHeader.put16(bytes, q.transportOffset + 2, destinationPort);
      change = Checksum.both(change, Checksum.change(q.destinationPort, destinationPort));
      q.destinationPort = destinationPort;
    }
    q.sourcePort = sourcePort;
    return change;
  }

  private void transportChecksum(byte[] bytes, int change) {
    int at =
        packet.transportOffset
            + switch (packet.protocol) {
              case PacketHeader.TCP -> 16;
              case PacketHeader.UDP -> 6;
              case PacketHeader.ICMP, PacketHeader.ICMPV6 -> 2;
              default -> 1 << 20;
            };
    if (at + 2 > packet.end) {
      return;
    }
    if (packet.protocol != PacketHeader.UDP) {
      Checksum.apply(bytes, at, change);
    } else if (PacketHeader.u16(bytes, at) != 0) {
      Checksum.apply(bytes, at, change);
      if (PacketHeader.u16(bytes, at) == 0) {
        PacketHeader.put16(bytes, at, 0xffff);
      }
    }
  }
}
