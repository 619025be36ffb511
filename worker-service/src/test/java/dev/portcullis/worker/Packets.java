package dev.portcullis.worker;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/** Builds packets with right checksums. */
final class Packets {

  private Packets() {}

  static byte[] tcp(String from, int fromPort, String to, int toPort, int flags) {
    ByteBuffer b = ByteBuffer.allocate(24);
    b.putShort((short) fromPort)
        .putShort((short) toPort)
        .putInt(1)
        .putInt(2)
        .put((byte) 0x50)
        .put((byte) flags);
    b.putShort((short) 1000).putInt(0).put(new byte[] {1, 2, 3, 4});
    return packet(from, to, PacketHeader.TCP, b.array());
  }

  /** A segment with numbers, options (padded to words with zeros) and so many bytes of payload. */
  static byte[] tcp(
      String from,
      int fromPort,
      String to,
      int toPort,
      int flags,
      long seq,
      long ack,
      int window,
      byte[] options,
      int length) {
    int header = 20 + (options.length + 3) / 4 * 4;
    ByteBuffer b = ByteBuffer.allocate(header + length);
    b.putShort((short) fromPort)
        .putShort((short) toPort)
        .putInt((int) seq)
        .putInt((int) ack)
        .put((byte) (header << 2))
        .put((byte) flags)
        .putShort((short) window)
        .putInt(0)
        .put(options);
    return packet(from, to, PacketHeader.TCP, b.array());
  }

  /** A segment with numbers and text as its payload. */
  static byte[] text(
      String from, int fromPort, String to, int toPort, int flags, long seq, long ack, String it) {
    byte[] payload = it.getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer b = ByteBuffer.allocate(20 + payload.length);
    b.putShort((short) fromPort)
        .putShort((short) toPort)
        .putInt((int) seq)
        .putInt((int) ack)
        .put((byte) 0x50)
        .put((byte) flags)
        .putShort((short) 8000)
        .putInt(0)
        .put(payload);
    return packet(from, to, PacketHeader.TCP, b.array());
  }

  static byte[] udp(String from, int fromPort, String to, int toPort) {
    ByteBuffer b = ByteBuffer.allocate(13);
    b.putShort((short) fromPort)
        .putShort((short) toPort)
        .putShort((short) 13)
        .putShort((short) 0)
        .put(new byte[] {1, 2, 3, 4, 5});
    return packet(from, to, PacketHeader.UDP, b.array());
  }

  static byte[] echo(String from, String to, boolean reply, int id) {
    boolean v4 = from.indexOf(':') < 0;
    ByteBuffer b = ByteBuffer.allocate(12);
    b.put((byte) (v4 ? reply ? 0 : 8 : reply ? 129 : 128))
        .put((byte) 0)
        .putShort((short) 0)
        .putShort((short) id)
        .putShort((short) 1)
        .putInt(7);
    return packet(from, to, v4 ? PacketHeader.ICMP : PacketHeader.ICMPV6, b.array());
  }

  /**
   * An ICMP or ICMPv6 error that quotes a packet, or the beginning of one.
   *
   * @param rest the four bytes behind the checksum
   */
  static byte[] error(String from, String to, int type, int code, int rest, byte[] quote) {
    ByteBuffer b = ByteBuffer.allocate(8 + quote.length);
    b.put((byte) type).put((byte) code).putShort((short) 0).putInt(rest).put(quote);
    boolean v4 = from.indexOf(':') < 0;
    return packet(from, to, v4 ? PacketHeader.ICMP : PacketHeader.ICMPV6, b.array());
  }

  static byte[] packet(String from, String to, int protocol, byte[] payload) {
    IpAddress source = Objects.requireNonNull(IpAddress.parse(from));
    IpAddress destination = Objects.requireNonNull(IpAddress.parse(to));
    boolean v4 = source.version() == 4;
    int header = v4 ? 20 : 40;
    ByteBuffer b = ByteBuffer.allocate(header + payload.length);
    if (v4) {
      b.put((byte) 0x45)
          .put((byte) 0)
          .putShort((short) b.capacity())
          .putShort((short) 77)
          .putShort((short) 0);
      b.put((byte) 64)
          .put((byte) protocol)
          .putShort((short) 0)
          .putInt((int) source.low())
          .putInt((int) destination.low());
    } else {
      b.putInt(0x60000000).putShort((short) payload.length).put((byte) protocol).put((byte) 64);
      b.putLong(source.high())
          .putLong(source.low())
          .putLong(destination.high())
          .putLong(destination.low());
    }
    b.put(payload);
    return withChecksums(b.array());
  }

  /** Computes all checksums in full. */
  static byte[] withChecksums(byte[] packet) {
    PacketHeader h = new PacketHeader();
    h.parse(packet, 0, packet.length);
    if (h.version == 4) {
      put(packet, 10, 0);
      put(packet, 10, ~Checksum.sum(packet, 0, h.transportOffset, 0));
    }
    int at =
        switch (h.protocol) {
          case PacketHeader.TCP -> 16;
          case PacketHeader.UDP -> 6;
          case PacketHeader.ICMP, PacketHeader.ICMPV6 -> 2;
          default -> -1;
        };
    if (at >= 0 && !h.fragment) {
      int length = h.end - h.transportOffset;
      put(packet, h.transportOffset + at, 0);
      long initial = h.protocol == PacketHeader.ICMP ? 0 : Checksum.pseudoHeader(h, length);
      int checksum = ~Checksum.sum(packet, h.transportOffset, length, initial) & 0xffff;
      put(
          packet,
          h.transportOffset + at,
          h.protocol == PacketHeader.UDP && checksum == 0 ? 0xffff : checksum);
    }
    return packet;
  }

  /** What a router does to a packet on its way: one hop less. */
  static byte[] oneHopOn(byte[] packet) {
    byte[] out = packet.clone();
    out[out[0] >>> 4 == 4 ? 8 : 7]--;
    return withChecksums(out);
  }

  private static void put(byte[] b, int at, int value) {
    b[at] = (byte) (value >>> 8);
    b[at + 1] = (byte) value;
  }
}
