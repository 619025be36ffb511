package dev.portcullis.worker.stage.emit;

import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.IpFragments;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.stage.Vector;

/**
 * Sends a packet in pieces: IPv4 by RFC 791 section 3.2, which also cuts fragments further; IPv6 by
 * the fragment header that it has (RFC 8200 section 4.5). The first piece has the columns of the
 * packet, later ones their number in {@code pieces}. All pieces have the link-layer header.
 *
 * <p>Thread: one shard.
 */
final class Fragmenter {

  private static final int IPV6_MIN_MTU = 1280;
  private static final int WITHOUT_HEADER = PacketFlags.NON_IP | PacketFlags.ORIGINATED;

  private final Egress egress;
  private final PacketBatch piece = new PacketBatch(0);
  private final PacketHeader header = new PacketHeader();

  /** Makes one. */
  Fragmenter(Egress egress) {
    this.egress = egress;
    piece.count = 1;
  }

  /**
   * Returns the most bytes that a piece of this packet may have, 0: it leaves as it is. A packet
   * that came in fragments leaves in none that is larger, so that the sender's path MTU discovery
   * still finds what it would without the gateway; in IPv6 that is 1,280 at the least.
   */
  int limit(Vector v, int i) {
    PacketBatch batch = v.batch;
    int mtu = egress.mtu(v.egress[i]);
    boolean reassembled = (batch.flags[i] & PacketFlags.REASSEMBLED) != 0;
    if (!reassembled && batch.longest(i) <= mtu || (batch.flags[i] & WITHOUT_HEADER) != 0) {
      return 0;
    }
    boolean inline = egress.partner(batch.ingressTag[i]) >= 0;
    PacketHeader h = v.header[i];
    int length = h.end - h.offset;
    if (!reassembled) {
      return inline || h.truncated || h.version != 4 || length <= mtu ? 0 : mtu;
    }
    int limit = batch.frameLength[i];
    batch.frameLength[i] = 0;
    if (h.fragment || inline && batch.reason[i] == 0) {
      return 0; // a fragment that leaves as it came
    }
    limit = h.version == 6 ? Math.max(limit, IPV6_MIN_MTU) : limit;
    limit = inline ? limit : Math.min(limit, mtu);
    if (h.version == 6 && h.fragmentAt >= 0 && length - 8 <= limit) {
      batch.dataOffset[i] = IpFragments.withoutFragmentHeader(batch.bytes, h);
      batch.dataLength[i] -= 8;
      return 0;
    }
    return length <= limit ? 0 : limit;
  }

  /**
   * Sends what the gateway says itself, in pieces where it must and may; an inline pair has no MTU.
   *
   * @param answer its only row
   * @return how many pieces were taken
   */
  int answer(PacketBatch answer, Outlet outlet) {
    int limit = egress.mtu(answer.tag[0]);
    if (answer.dataLength[0] > limit && egress.partner(answer.tag[0]) < 0) {
      header.parse(answer.bytes, answer.dataOffset[0], answer.dataLength[0]);
      if (header.version == 4 || header.fragmentAt >= 0) {
        return send(answer, 0, header, limit, outlet);
      }
    }
    return outlet.offer(answer, 0) ? 1 : 0;
  }

  /**
   * Sends a packet in pieces, until the channel takes no more.
   *
   * @param h its headers
   * @param limit most bytes of a piece, IP headers included; there is room for 8 bytes behind them
   * @return how many pieces were taken
   */
  int send(PacketBatch batch, int i, PacketHeader h, int limit, Outlet outlet) {
    if ((batch.flags[i] & PacketFlags.CHECKSUM_MISSING) != 0) {
      // it covers what the pieces have together
      Checksum.complete(batch.bytes, h);
      batch.flags[i] &= ~PacketFlags.CHECKSUM_MISSING;
    }
    boolean v4 = h.version == 4;
    int headers = (v4 ? h.transportOffset : h.fragmentAt + 8) - h.offset;
    int from = h.offset + headers;
    int step = Math.max(8, limit - headers & ~7);
    columns(batch, i, headers + step);
    int dont = v4 ? PacketHeader.u16(batch.bytes, h.offset + 6) & IpFragments.DONT : 0;
    int count = 0;
    for (int at = from; at < h.end; at += step) {
      int length = Math.min(step, h.end - at);
      boolean more = at + length < h.end || h.moreFragments;
      int offset = h.fragmentOffset + at - from;
      System.arraycopy(batch.bytes, h.offset, piece.bytes, piece.dataOffset[0], headers);
      System.arraycopy(batch.bytes, at, piece.bytes, piece.dataOffset[0] + headers, length);
      piece.dataLength[0] = headers + length;
      piece.pieces[0] = count;
      if (v4) {
        if (offset > 0) {
          IpFragments.keepCopiedOptions(piece.bytes, piece.dataOffset[0], headers);
        }
        IpFragments.writeIpv4(
            piece.bytes,
            piece.dataOffset[0],
            headers,
            headers + length,
            dont | (more ? IpFragments.MORE : 0) | offset >>> 3);
      } else {
        IpFragments.writeIpv6(
            piece.bytes, piece.dataOffset[0], headers, headers + length, offset | (more ? 1 : 0));
      }
      if (!outlet.offer(piece, 0)) {
        break;
      }
      count++;
    }
    return count;
  }

  private void columns(PacketBatch batch, int i, int length) {
    piece.clearRow(0);
    piece.copyColumns(0, batch, i);
    piece.pieces[0] = 0;
    piece.frameLength[0] = 0;
    piece.segmentLength[0] = 0;
    int l2 = batch.l2Length[i];
    piece.ensureBytes(l2 + length);
    System.arraycopy(batch.bytes, batch.l2Offset[i], piece.bytes, 0, l2);
    piece.l2Length[0] = l2;
    piece.dataOffset[0] = l2;
  }
}
