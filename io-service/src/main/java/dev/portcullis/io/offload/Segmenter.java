package dev.portcullis.io.offload;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;

/**
 * Cuts a super-packet into the packets that a link takes, as the kernel's {@code tcp_gso_segment}
 * and {@code __udp_gso_segment} do: TCP and UDP over IPv4 and IPv6.
 *
 * <ul>
 *   <li>Lengths and checksums are those of each piece; the IPv4 identification counts on.
 *   <li>TCP: the sequence number moves on by what was sent before; FIN and PSH are on the last
 *       piece only, CWR (RFC 3168 section 6.1.2) on the first only.
 *   <li>UDP: each piece is a datagram of its own.
 * </ul>
 *
 * <p>{@link #begin}, then {@link #next} until it returns 0. Thread: one; it keeps no bytes.
 */
public final class Segmenter {

  private static final int CWR = 0x80;
  private static final int FLAGS_AT = 13;

  private final PacketHeader header = new PacketHeader();
  private byte[] bytes = new byte[0];
  private int start;
  private int headerLength;
  private int payloadEnd;
  private int payloadOfPiece;
  private int at;
  private int pieces;

  /**
   * Begins to cut a packet.
   *
   * @param from buffer with it
   * @param offset where it begins
   * @param length bytes of it
   * @param segmentLength bytes of every piece but the last, headers included
   * @return false where it cannot be cut: it is neither TCP nor UDP, is a fragment, contradicts
   *     itself, or the pieces would have no room for data
   */
  public boolean begin(byte[] from, int offset, int length, int segmentLength) {
    bytes = from;
    start = offset;
    pieces = 0;
    at = 0;
    payloadEnd = 0;
    if (header.parse(from, offset, length) != PacketHeader.OK
        || !header.hasPorts
        || header.fragment
        || header.truncated) {
      return false;
    }
    int transportLength = transportLength(from, header);
    headerLength = header.transportOffset - offset + transportLength;
    payloadOfPiece = segmentLength - headerLength;
    if (transportLength == 0 || payloadOfPiece <= 0 || offset + headerLength > header.end) {
      return false;
    }
    at = offset + headerLength;
    payloadEnd = header.end;
    return true;
  }

  /** Returns the length of a TCP or UDP header; 0 for anything else. */
  static int transportLength(byte[] bytes, PacketHeader h) {
    return switch (h.protocol) {
      case PacketHeader.TCP -> (bytes[h.transportOffset + 12] >>> 4 & 0xf) * 4;
      case PacketHeader.UDP -> 8;
      default -> 0;
    };
  }

  /** Pieces that were cut so far. */
  public int pieces() {
    return pieces;
  }

  /**
   * Writes the next piece.
   *
   * @param to buffer with room for a piece from {@code offset} on
   * @return its length; 0: there was none left
   */
  public int next(byte[] to, int offset) {
    int left = payloadEnd - at;
    if (left <= 0 && pieces > 0 || payloadEnd == 0) {
      return 0;
    }
    int payload = Math.min(payloadOfPiece, left);
    boolean last = payload == left;
    int length = headerLength + payload;
    System.arraycopy(bytes, start, to, offset, headerLength);
    System.arraycopy(bytes, at, to, offset + headerLength, payload);
    network(to, offset, length);
    int transport = offset + header.transportOffset - start;
    if (header.protocol == PacketHeader.TCP) {
      tcp(to, transport, last);
    } else {
      PacketHeader.put16(to, transport + 4, length - (transport - offset));
    }
    at += payload;
    pieces++;
    Checksum.complete(to, transport, offset + length - transport, header);
    return length;
  }

  private void network(byte[] to, int offset, int length) {
    if (header.version == 4) {
      PacketHeader.put16(to, offset + 2, length);
      PacketHeader.put16(to, offset + 4, header.fragmentId + pieces);
      Checksum.completeIpv4(to, offset, header.transportOffset - start);
    } else {
      PacketHeader.put16(to, offset + 4, length - 40);
    }
  }

  private void tcp(byte[] to, int transport, boolean last) {
    int sent = at - start - headerLength;
    long sequence = PacketHeader.u32(to, transport + 4) + sent;
    PacketHeader.put32(to, transport + 4, sequence);
    int flags = to[transport + FLAGS_AT];
    if (!last) {
      flags &= ~(PacketHeader.FIN | PacketHeader.PSH);
    }
    if (pieces > 0) {
      flags &= ~CWR;
    }
    to[transport + FLAGS_AT] = (byte) flags;
  }
}
