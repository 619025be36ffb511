package dev.portcullis.standalone.replay;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.QuotedPacket;

/**
 * Turns a recorded reply into the one that the real receiver would have sent: to the addresses and
 * ports that its request had when it left the gateway. Checksums change by what they cover, so that
 * one that was wrong stays wrong.
 */
final class ReplyTranslation {

  private ReplyTranslation() {}

  /**
   * Rewrites the reply in place.
   *
   * @param h its headers
   * @param entry the flow of its request
   * @param withPorts whether that flow was found by ports too, and not by addresses alone
   */
  static void apply(byte[] bytes, PacketHeader h, FlowBook book, int entry, boolean withPorts) {
    long sourceHigh = book.translated(entry, 2);
    long sourceLow = book.translated(entry, 3);
    long destinationHigh = book.translated(entry, 0);
    long destinationLow = book.translated(entry, 1);
    int ports = (int) book.translated(entry, 4);
    int sourcePort = ports & 0xffff;
    int destinationPort = ports >>> 16 & 0xffff;
    int addresses =
        Checksum.both(
            Checksum.change(h.sourceHigh, h.sourceLow, sourceHigh, sourceLow),
            Checksum.change(h.destinationHigh, h.destinationLow, destinationHigh, destinationLow));
    if (h.version == 4) {
      PacketHeader.put32(bytes, h.offset + 12, sourceLow);
      PacketHeader.put32(bytes, h.offset + 16, destinationLow);
      Checksum.apply(bytes, h.offset + 10, addresses);
    } else {
      PacketHeader.put64(bytes, h.offset + 8, sourceHigh);
      PacketHeader.put64(bytes, h.offset + 16, sourceLow);
      PacketHeader.put64(bytes, h.offset + 24, destinationHigh);
      PacketHeader.put64(bytes, h.offset + 32, destinationLow);
    }
    if (h.fragmentOffset != 0) {
      return;
    }
    int at = h.transportOffset;
    int checksumAt = checksumOffset(h);
    boolean hasChecksum =
        checksumAt >= 0
            && at + checksumAt + 2 <= h.end
            && !(h.protocol == PacketHeader.UDP && PacketHeader.u16(bytes, at + checksumAt) == 0);
    boolean icmp = h.protocol == PacketHeader.ICMP;
    int change = icmp ? Checksum.NO_CHANGE : addresses;
    if (withPorts && h.hasPorts && h.isEcho()) {
      change = Checksum.both(change, Checksum.change(h.sourcePort, sourcePort));
      PacketHeader.put16(bytes, at + 4, sourcePort);
    } else if (withPorts && h.hasPorts) {
      change = Checksum.both(change, Checksum.change(h.sourcePort, sourcePort));
      change = Checksum.both(change, Checksum.change(h.destinationPort, destinationPort));
      PacketHeader.put16(bytes, at, sourcePort);
      PacketHeader.put16(bytes, at + 2, destinationPort);
    }
    if (hasChecksum) {
      Checksum.apply(bytes, at + checksumAt, change);
    }
  }

  /**
   * Rewrites an ICMP error in place into the one that would have been sent about the request as it
   * left the gateway: the quote, the receiver, and the sender where that is the real receiver.
   *
   * @param h headers of the error
   * @param quote what it quotes
   * @param entry the flow of the quoted request
   * @param withPorts whether that flow was found by ports too, and not by addresses alone
   */
  static void applyToError(
      byte[] bytes,
      PacketHeader h,
      QuotedPacket quote,
      FlowBook book,
      int entry,
      boolean withPorts) {
    long senderHigh = book.translated(entry, 0);
    long senderLow = book.translated(entry, 1);
    long receiverHigh = book.translated(entry, 2);
    long receiverLow = book.translated(entry, 3);
    int ports = (int) book.translated(entry, 4);
    boolean fromReceiver =
        h.sourceHigh == quote.packet.destinationHigh && h.sourceLow == quote.packet.destinationLow;
    int change =
        quote.rewrite(
            bytes,
            senderHigh,
            senderLow,
            receiverHigh,
            receiverLow,
            withPorts ? ports >>> 16 & 0xffff : -1,
            ports & 0xffff);
    long fromHigh = fromReceiver ? receiverHigh : h.sourceHigh;
    long fromLow = fromReceiver ? receiverLow : h.sourceLow;
    int addresses =
        Checksum.both(
            Checksum.change(h.sourceHigh, h.sourceLow, fromHigh, fromLow),
            Checksum.change(h.destinationHigh, h.destinationLow, senderHigh, senderLow));
    if (h.version == 4) {
      PacketHeader.put32(bytes, h.offset + 12, fromLow);
      PacketHeader.put32(bytes, h.offset + 16, senderLow);
      Checksum.apply(bytes, h.offset + 10, addresses);
    } else {
      PacketHeader.put64(bytes, h.offset + 8, fromHigh);
      PacketHeader.put64(bytes, h.offset + 16, fromLow);
      PacketHeader.put64(bytes, h.offset + 24, senderHigh);
      PacketHeader.put64(bytes, h.offset + 32, senderLow);
      change = Checksum.both(change, addresses);
    }
    Checksum.apply(bytes, h.transportOffset + 2, change);
  }

  private static int checksumOffset(PacketHeader h) {
    return switch (h.protocol) {
      case PacketHeader.TCP -> 16;
      case PacketHeader.UDP -> 6;
      case PacketHeader.ICMP, PacketHeader.ICMPV6 -> 2;
      default -> -1;
    };
  }
}
