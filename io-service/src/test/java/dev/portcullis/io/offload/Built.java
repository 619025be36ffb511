package dev.portcullis.io.offload;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;

/** Packets as tests need them: TCP and UDP, IPv4 and IPv6, with every checksum right. */
final class Built {

  static final int SEQUENCE = 0xffff_fff0;
  static final int IDENTIFICATION = 0xfffe;

  private Built() {}

  /** A segment with 12 bytes of options, or a datagram. */
  static byte[] packet(int version, int protocol, int tcpFlags, byte[] payload) {
    int network = version == 4 ? 20 : 40;
    int transport = protocol == PacketHeader.TCP ? 32 : 8;
    byte[] p = new byte[network + transport + payload.length];
    if (version == 4) {
      p[0] = 0x45;
      put16(p, 2, p.length);
      put16(p, 4, IDENTIFICATION);
      p[6] = 0x40;
      p[8] = 64;
      p[9] = (byte) protocol;
      put32(p, 12, 0x0a000001);
      put32(p, 16, 0x0a000002);
      put16(p, 10, ~Checksum.sum(p, 0, 20, 0));
    } else {
      p[0] = 0x60;
      put16(p, 4, p.length - 40);
      p[6] = (byte) protocol;
      p[7] = 64;
      p[8] = (byte) 0xfd;
      p[23] = 1;
      p[24] = (byte) 0xfd;
      p[39] = 2;
    }
    put16(p, network, 40000);
    put16(p, network + 2, 80);
    if (protocol == PacketHeader.TCP) {
      put32(p, network + 4, SEQUENCE);
      put32(p, network + 8, 7);
      p[network + 12] = (byte) 0x80;
      p[network + 13] = (byte) tcpFlags;
      put16(p, network + 14, 500);
    } else {
      put16(p, network + 4, 8 + payload.length);
    }
    System.arraycopy(payload, 0, p, network + transport, payload.length);
    Checksum.complete(p, parsed(p, p.length));
    return p;
  }

  static PacketHeader parsed(byte[] packet, int length) {
    PacketHeader header = new PacketHeader();
    header.parse(packet, 0, length);
    return header;
  }

  /** Whether the IPv4 header and the transport have the checksums that they should have. */
  static boolean isRight(byte[] packet, int length) {
    PacketHeader h = parsed(packet, length);
    int transport = h.end - h.transportOffset;
    return (h.version == 6 || Checksum.sum(packet, 0, h.transportOffset, 0) == 0xffff)
        && Checksum.sum(packet, h.transportOffset, transport, Checksum.pseudoHeader(h, transport))
            == 0xffff;
  }

  static void put16(byte[] p, int at, int value) {
    p[at] = (byte) (value >>> 8);
    p[at + 1] = (byte) value;
  }

  static void put32(byte[] p, int at, int value) {
    put16(p, at, value >>> 16);
    put16(p, at + 2, value);
  }
}
