package dev.portcullis.io.neighbour;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import org.jspecify.annotations.Nullable;

/**
 * Writes what a port says about neighbours as Ethernet frames: ARP (RFC 826) and neighbour
 * discovery (RFC 4861 section 4). One buffer, used again by the next message. Thread: one.
 */
final class NeighbourMessages {

  static final int ARP = 0x0806;
  static final int REQUEST = 1, REPLY = 2;
  static final int SOLICITATION = 135, ADVERTISEMENT = 136;
  static final int ETHERNET_BYTES = 14;
  static final int ARP_BYTES = 28;
  static final int IPV6_BYTES = 40;

  /** Flags of an advertisement: it comes from a router, was asked for, and holds. */
  static final int ROUTER = 0x80, SOLICITED = 0x40, OVERRIDE = 0x20;

  static final long BROADCAST = 0xffff_ffff_ffffL;

  /** All nodes on the link, RFC 4291 section 2.7.1. */
  static final IpAddress ALL_NODES = new IpAddress(6, 0xff02L << 48, 1);

  private static final IpAddress ANY = new IpAddress(4, 0, 0);
  private static final int IPV6 = 0x86dd;

  final byte[] frame = new byte[ETHERNET_BYTES + IPV6_BYTES + 32];

  private final long mac;
  private final PacketHeader header = new PacketHeader();

  NeighbourMessages(long mac) {
    this.mac = mac;
  }

  /** Writes an ARP message and returns the length of the frame. */
  int arp(int operation, long toMac, @Nullable IpAddress from, long targetMac, IpAddress target) {
    ethernet(toMac, ARP);
    int at = ETHERNET_BYTES;
    PacketHeader.put16(frame, at, 1);
    PacketHeader.put16(frame, at + 2, 0x0800);
    frame[at + 4] = 6;
    frame[at + 5] = 4;
    PacketHeader.put16(frame, at + 6, operation);
    putMac(at + 8, mac);
    PacketHeader.put32(frame, at + 14, (from == null ? ANY : from).low());
    putMac(at + 18, targetMac);
    PacketHeader.put32(frame, at + 24, target.low());
    return ETHERNET_BYTES + ARP_BYTES;
  }

  /** Writes a neighbour solicitation (section 4.3) to its solicited-node address or one station. */
  int solicitation(@Nullable Long toMac, IpAddress from, IpAddress target) {
    long node = target.low() & 0xff_ffff;
    IpAddress to = toMac == null ? new IpAddress(6, 0xff02L << 48, 0x1_ff00_0000L | node) : target;
    return message(
        toMac == null ? 0x3333_ff00_0000L | node : toMac, from, to, SOLICITATION, 0, target, 1);
  }

  /** Writes a neighbour advertisement (section 4.4). */
  int advertisement(long toMac, IpAddress to, IpAddress target, int flags) {
    return message(toMac, target, to, ADVERTISEMENT, flags | ROUTER, target, 2);
  }

  private int message(
      long toMac, IpAddress from, IpAddress to, int type, int flags, IpAddress target, int option) {
    ethernet(toMac, IPV6);
    int ip = ETHERNET_BYTES;
    PacketHeader.put32(frame, ip, 6L << 28);
    PacketHeader.put16(frame, ip + 4, 32);
    frame[ip + 6] = PacketHeader.ICMPV6;
    frame[ip + 7] = (byte) 255;
    put128(ip + 8, from);
    put128(ip + 24, to);
    int at = ip + IPV6_BYTES;
    frame[at] = (byte) type;
    frame[at + 1] = 0;
    PacketHeader.put32(frame, at + 4, (long) flags << 24);
    put128(at + 8, target);
    frame[at + 24] = (byte) option;
    frame[at + 25] = 1;
    putMac(at + 26, mac);
    header.parse(frame, ip, IPV6_BYTES + 32);
    Checksum.complete(frame, header);
    return frame.length;
  }

  private void ethernet(long to, int type) {
    putMac(0, to);
    putMac(6, mac);
    PacketHeader.put16(frame, 12, type);
  }

  private void putMac(int at, long value) {
    PacketHeader.put16(frame, at, (int) (value >>> 32));
    PacketHeader.put32(frame, at + 2, value);
  }

  private void put128(int at, IpAddress address) {
    PacketHeader.put64(frame, at, address.high());
    PacketHeader.put64(frame, at + 8, address.low());
  }
}
