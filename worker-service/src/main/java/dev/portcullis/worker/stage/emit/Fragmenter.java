package dev.portcullis.worker.stage.emit;

import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.IpFragments;

/**
 * Sends a packet in pieces: IPv4 by RFC 791 section 3.2, which also cuts fragments further; IPv6 by
 * the fragment header that it has (RFC 8200 section 4.5). The first piece has the columns of the
 * packet, later ones their number in {@code pieces}. All pieces have the link-layer header.
 *
 * <p>Thread: one shard.
 */
final class Fragmenter {

  private final PacketBatch piece = new PacketBatch(0);

  /** Makes one. */
  Fragmenter() {
    piece.count = 1;
  }

  /**
   * Sends a packet in pieces, until the channel takes no more.
   *
   * @param h its headers
   * @param limit most bytes of a piece, IP headers included; there is room for 8 bytes behind them
   * @return how many pieces were taken
   */
  int send(PacketBatch batch, int i, PacketHeader h, int limit, Outlet outlet) {
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
    piece.captureTimeNs[0] = batch.captureTimeNs[i];
    piece.number[0] = batch.number[i];
    piece.vHigh[0] = batch.vHigh[i];
    piece.vLow[0] = batch.vLow[i];
    piece.trafficClass[0] = batch.trafficClass[i];
    piece.flags[0] = batch.flags[i];
    piece.ingressTag[0] = batch.ingressTag[i];
    piece.reason[0] = batch.reason[i];
    piece.linkType[0] = batch.linkType[i];
    piece.tag[0] = batch.tag[i];
    int l2 = batch.l2Length[i];
    piece.ensureBytes(l2 + length);
    System.arraycopy(batch.bytes, batch.l2Offset[i], piece.bytes, 0, l2);
    piece.l2Length[0] = l2;
    piece.dataOffset[0] = l2;
  }
}
