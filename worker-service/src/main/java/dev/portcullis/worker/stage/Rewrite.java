package dev.portcullis.worker.stage;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;

/**
 * Puts translated addresses and ports into packets; checksums follow by what changed (RFC 1624).
 * SCTP keeps its ports' checksum only where ports stay, so only its addresses are translated.
 */
public final class Rewrite {

  /** RFC 3828 section 3.1, RFC 4340 section 5.1: the checksum has a pseudo-header, as of UDP. */
  private static final int UDP_LITE = 136, DCCP = 33;

  private Rewrite() {}

  /** Returns the change of the IP checksum. */
  public static int ipChange(long highBefore, long lowBefore, long highAfter, long lowAfter) {
    return Checksum.change(highBefore, lowBefore, highAfter, lowAfter);
  }

  /**
   * Returns the change of the transport checksum: ICMP covers no addresses, the others have a
   * pseudo-header.
   */
  public static int transportChange(int protocol, int ipChange, int portBefore, int portAfter) {
    int ports = Checksum.change(portBefore, portAfter);
    return protocol == PacketHeader.ICMP ? ports : Checksum.both(ipChange, ports);
  }

  /** Writes a new receiver. {@code port} -1: the port stays. */
  public static void destination(
      byte[] bytes,
      PacketHeader h,
      long high,
      long low,
      int port,
      int ipChange,
      int transportChange) {
    write(bytes, h, h.version == 4 ? 16 : 24, high, low, port, 2, ipChange, transportChange);
    h.destinationHigh = high;
    h.destinationLow = low;
    if (port >= 0) {
      h.destinationPort = port;
      if (h.isEcho()) {
        h.sourcePort = port;
      }
    }
  }

  /** Writes a new sender. {@code port} -1: the port stays. */
  public static void source(
      byte[] bytes,
      PacketHeader h,
      long high,
      long low,
      int port,
      int ipChange,
      int transportChange) {
    write(bytes, h, h.version == 4 ? 12 : 8, high, low, port, 0, ipChange, transportChange);
    h.sourceHigh = high;
    h.sourceLow = low;
    if (port >= 0) {
      h.sourcePort = port;
      if (h.isEcho()) {
        h.destinationPort = port;
      }
    }
  }

  private static void write(
      byte[] bytes,
      PacketHeader h,
      int addressAt,
      long high,
      long low,
      int port,
      int portAt,
      int ipChange,
      int transportChange) {
    if (h.version == 4) {
      PacketHeader.put32(bytes, h.offset + addressAt, low);
      Checksum.apply(bytes, h.offset + 10, ipChange);
    } else {
      PacketHeader.put64(bytes, h.offset + addressAt, high);
      PacketHeader.put64(bytes, h.offset + addressAt + 8, low);
    }
    if (port >= 0) {
      int at = h.transportOffset + (h.isEcho() ? 4 : portAt);
      PacketHeader.put16(bytes, at, port);
    }
    if (h.fragmentOffset == 0) {
      transportChecksum(bytes, h, transportChange);
    }
  }

  private static void transportChecksum(byte[] bytes, PacketHeader h, int change) {
    int at =
        h.transportOffset
            + switch (h.protocol) {
              case PacketHeader.TCP -> 16;
              case PacketHeader.UDP, UDP_LITE, DCCP -> 6;
              case PacketHeader.ICMP, PacketHeader.ICMPV6 -> 2;
              default -> 1 << 20;
            };
    if (at + 2 > h.end) {
      return;
    }
    if (h.protocol != PacketHeader.UDP) {
      Checksum.apply(bytes, at, change);
    } else if (PacketHeader.u16(bytes, at) != 0) {
      Checksum.apply(bytes, at, change);
      if (PacketHeader.u16(bytes, at) == 0) {
        PacketHeader.put16(bytes, at, 0xffff);
      }
    }
  }
}
