package dev.portcullis.worker.stage.answer;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.QuotedPacket;
import dev.portcullis.worker.flow.IpFragments;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Vector;

/**
 * Writes the packets that the gateway sends itself into free space of the vector. IPv4, unless
 * larger than a link takes: don't fragment, identification 0 (RFC 6864 section 4.1), precedence of
 * errors 6 (RFC 1812 section 4.3.2.5), TTL 64.
 *
 * <p>Thread: one shard.
 */
final class AnswerWriter {

  /** Longest error: RFC 1812 section 4.3.2.3; RFC 4443 section 2.4(c). */
  static final int LONGEST_V4 = 576, LONGEST_V6 = 1280;

  private static final int HOPS = 64;
  private static final byte FRAGMENT = 44;
  private static final int INTERNETWORK_CONTROL = 0xc0;

  private final QuotedPacket quote = new QuotedPacket();
  private final PacketHeader made = new PacketHeader();

  /**
   * Room for an answer: takes the link-layer header over, with the stations changed round; an
   * encapsulation leads back as it is.
   */
  private static int begin(Vector v, int i, int l2Length, int ipLength) {
    int at = v.room(l2Length + ipLength);
    byte[] bytes = v.batch.bytes;
    int l2 = v.batch.l2Offset[i];
    System.arraycopy(bytes, l2, bytes, at, l2Length);
    if (l2Length >= 12 && v.batch.linkType[i] != PacketBatch.ENCAPSULATION) {
      System.arraycopy(bytes, l2, bytes, at + 6, 6);
      System.arraycopy(bytes, l2 + 6, bytes, at, 6);
    }
    v.answerOffset[i] = at;
    v.answerL2Length[i] = l2Length;
    v.answerLength[i] = ipLength;
    return at + l2Length;
  }

  /**
   * Writes an ICMP or ICMPv6 error that quotes the packet as it was received.
   *
   * @param received tuple with which it was received
   * @param high upper half of the address that speaks
   * @param low lower half
   * @param rest the four bytes behind the checksum
   */
  void error(
      Vector v,
      int i,
      Tuple received,
      long high,
      long low,
      int type,
      int code,
      int rest,
      int l2Length) {
    PacketHeader h = v.header[i];
    boolean v4 = h.version == 4;
    int header = v4 ? 20 : 40;
    int longest = (v4 ? LONGEST_V4 : LONGEST_V6) - header - QuotedPacket.ERROR_HEADER;
    int quoted = Math.min(h.end - h.offset, longest);
    int message = QuotedPacket.ERROR_HEADER + quoted;
    int ip = begin(v, i, l2Length, header + message);
    byte[] bytes = v.batch.bytes;
    int icmp = ip + header;
    System.arraycopy(bytes, h.offset, bytes, icmp + QuotedPacket.ERROR_HEADER, quoted);
    if ((v.did[i] & (Vector.DID_DNAT | Vector.DID_SNAT)) != 0
        && quote.parse(bytes, icmp + QuotedPacket.ERROR_HEADER, quoted)) {
      boolean ports = Tuple.hasPorts(received.ports);
      quote.rewrite(
          bytes,
          received.sourceHigh,
          received.sourceLow,
          received.destinationHigh,
          received.destinationLow,
          ports ? Tuple.sourcePort(received.ports) : -1,
          Tuple.destinationPort(received.ports));
    }
    bytes[icmp] = (byte) type;
    bytes[icmp + 1] = (byte) code;
    PacketHeader.put16(bytes, icmp + 2, 0);
    PacketHeader.put16(bytes, icmp + 4, rest >>> 16);
    PacketHeader.put16(bytes, icmp + 6, rest);
    int protocol = v4 ? PacketHeader.ICMP : PacketHeader.ICMPV6;
    addresses(h.version, protocol, high, low, received.sourceHigh, received.sourceLow);
    network(bytes, ip, v4 ? INTERNETWORK_CONTROL : 0, message);
    long initial = v4 ? 0 : Checksum.pseudoHeader(made, message);
    PacketHeader.put16(bytes, icmp + 2, ~Checksum.sum(bytes, icmp, message, initial));
  }

  /**
   * Writes the answer to an echo request: the same message with another type. A checksum that was
   * wrong stays wrong. One that is larger than {@code mtu} may be fragmented, and has the
   * identification of the request; none is written where it cannot have that (IPv6, more than
   * 65,527 bytes).
   */
  void echoReply(Vector v, int i, Tuple received, int mtu) {
    PacketHeader h = v.header[i];
    boolean v4 = h.version == 4;
    int message = h.end - h.transportOffset;
    boolean large = (v4 ? 20 : 40) + message > mtu;
    int fragment = large && !v4 ? 8 : 0;
    int header = (v4 ? 20 : 40) + fragment;
    if (fragment + message > 0xffff) {
      return;
    }
    int ip = begin(v, i, 0, header + message);
    byte[] bytes = v.batch.bytes;
    int icmp = ip + header;
    System.arraycopy(bytes, h.transportOffset, bytes, icmp, message);
    int before = PacketHeader.u16(bytes, icmp);
    bytes[icmp] = (byte) (v4 ? 0 : 129);
    Checksum.apply(bytes, icmp + 2, Checksum.change(before, PacketHeader.u16(bytes, icmp)));
    if (!v4) {
      Checksum.apply(
          bytes,
          icmp + 2,
          Checksum.change(
              h.destinationHigh,
              h.destinationLow,
              received.destinationHigh,
              received.destinationLow));
    }
    swapped(received, h.version, h.protocol);
    network(bytes, ip, v4 ? bytes[h.offset + 1] : 0, fragment + message);
    if (large && v4) {
      PacketHeader.put16(bytes, ip + 4, h.fragmentId);
      IpFragments.writeIpv4(bytes, ip, header, header + message, 0);
    } else if (large) {
      bytes[ip + 6] = FRAGMENT;
      PacketHeader.put32(bytes, ip + 40, (long) PacketHeader.ICMPV6 << 24);
      PacketHeader.put32(bytes, ip + 44, h.fragmentId);
    }
  }

  /** Writes a reset: RFC 9293 section 3.5.2. */
  void reset(Vector v, int i, Tuple received, int l2Length) {
    PacketHeader h = v.header[i];
    int header = h.version == 4 ? 20 : 40;
    int ip = begin(v, i, l2Length, header + 20);
    byte[] bytes = v.batch.bytes;
    int tcp = ip + header;
    boolean acknowledges = (h.tcpFlags & PacketHeader.ACK) != 0;
    PacketHeader.put16(bytes, tcp, Tuple.destinationPort(received.ports));
    PacketHeader.put16(bytes, tcp + 2, Tuple.sourcePort(received.ports));
    PacketHeader.put32(
        bytes, tcp + 4, acknowledges ? PacketHeader.u32(bytes, h.transportOffset + 8) : 0);
    PacketHeader.put32(bytes, tcp + 8, acknowledges ? 0 : behindSegment(bytes, h));
    PacketHeader.put16(
        bytes, tcp + 12, 0x5000 | PacketHeader.RST | (acknowledges ? 0 : PacketHeader.ACK));
    PacketHeader.put16(bytes, tcp + 14, 0);
    PacketHeader.put32(bytes, tcp + 16, 0);
    swapped(received, h.version, PacketHeader.TCP);
    network(bytes, ip, 0, 20);
    PacketHeader.put16(
        bytes, tcp + 16, ~Checksum.sum(bytes, tcp, 20, Checksum.pseudoHeader(made, 20)));
  }

  /** SEG.SEQ + SEG.LEN, by the length that the packet says it has. */
  private static long behindSegment(byte[] bytes, PacketHeader h) {
    int end =
        h.offset
            + (h.version == 4
                ? PacketHeader.u16(bytes, h.offset + 2)
                : 40 + PacketHeader.u16(bytes, h.offset + 4));
    int payload = end - h.transportOffset - (bytes[h.transportOffset + 12] >>> 4 & 0xf) * 4;
    int syn = (h.tcpFlags & PacketHeader.SYN) != 0 ? 1 : 0;
    int fin = (h.tcpFlags & PacketHeader.FIN) != 0 ? 1 : 0;
    return PacketHeader.u32(bytes, h.transportOffset + 4) + Math.max(0, payload) + syn + fin;
  }

  private void swapped(Tuple received, int version, int protocol) {
    addresses(
        version,
        protocol,
        received.destinationHigh,
        received.destinationLow,
        received.sourceHigh,
        received.sourceLow);
  }

  private void addresses(
      int version, int protocol, long fromHigh, long fromLow, long toHigh, long toLow) {
    made.version = version;
    made.protocol = protocol;
    made.sourceHigh = fromHigh;
    made.sourceLow = fromLow;
    made.destinationHigh = toHigh;
    made.destinationLow = toLow;
  }

  private void network(byte[] bytes, int at, int typeOfService, int payload) {
    if (made.version == 4) {
      PacketHeader.put16(bytes, at, 0x4500 | typeOfService & 0xff);
      PacketHeader.put16(bytes, at + 2, 20 + payload);
      PacketHeader.put32(bytes, at + 4, 0x4000);
      PacketHeader.put16(bytes, at + 8, HOPS << 8 | made.protocol);
      PacketHeader.put32(bytes, at + 12, made.sourceLow);
      PacketHeader.put32(bytes, at + 16, made.destinationLow);
      Checksum.completeIpv4(bytes, at, 20);
    } else {
      PacketHeader.put32(bytes, at, 0x6000_0000L);
      PacketHeader.put16(bytes, at + 4, payload);
      PacketHeader.put16(bytes, at + 6, made.protocol << 8 | HOPS);
      PacketHeader.put64(bytes, at + 8, made.sourceHigh);
      PacketHeader.put64(bytes, at + 16, made.sourceLow);
      PacketHeader.put64(bytes, at + 24, made.destinationHigh);
      PacketHeader.put64(bytes, at + 32, made.destinationLow);
    }
  }
}
