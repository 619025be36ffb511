package dev.portcullis.io.offload;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import java.lang.foreign.MemorySegment;

/**
 * The header that the kernel puts in front of a frame where a port takes offloads over: {@code
 * struct virtio_net_hdr} of {@code linux/virtio_net.h} (VIRTIO 1.2 section 5.1.6), in the byte
 * order of the machine. It says which checksum is missing, and how long the packets are that a
 * super-packet stands for.
 *
 * <p>On its way through the gateway a packet has that in {@link PacketFlags#CHECKSUM_MISSING} and
 * {@link PacketBatch#segmentLength}. Thread: one.
 */
public final class VirtioHeader {

  /** Bytes of the header. */
  public static final int BYTES = 10;

  /** Flag: a checksum is to be computed. */
  private static final int NEEDS_CHECKSUM = 1;

  /** Kinds of super-packets; {@link #ECN} may be added. */
  private static final int NONE = 0, TCP_V4 = 1, TCP_V6 = 4, UDP = 5, ECN = 0x80;

  private static final int TYPE_AT = 1;
  private static final int HEADER_LENGTH_AT = 2;
  private static final int SIZE_AT = 4;
  private static final int CHECKSUM_START_AT = 6;
  private static final int CHECKSUM_OFFSET_AT = 8;

  private final PacketHeader header = new PacketHeader();

  /**
   * Notes in row {@code i}, whose bytes and offsets are set, what the header in front of its frame
   * says. A checksum that cannot wait for the port of exit (in a tunnel, behind extension headers,
   * of another protocol) is computed here.
   *
   * @param from segment with the header
   * @param at where it begins
   * @param inserted bytes that were put in front of the IP packet since
   */
  public void take(MemorySegment from, long at, int inserted, PacketBatch batch, int i) {
    int flags = from.get(JAVA_BYTE, at);
    int type = from.get(JAVA_BYTE, at + TYPE_AT) & 0xff & ~ECN;
    if ((flags & NEEDS_CHECKSUM) == 0 && type == NONE) {
      return;
    }
    int start = inserted + (from.get(JAVA_SHORT_UNALIGNED, at + CHECKSUM_START_AT) & 0xffff);
    int offset = from.get(JAVA_SHORT_UNALIGNED, at + CHECKSUM_OFFSET_AT) & 0xffff;
    int size = from.get(JAVA_SHORT_UNALIGNED, at + SIZE_AT) & 0xffff;
    int frame = batch.l2Length[i] > 0 ? batch.l2Offset[i] : batch.dataOffset[i];
    if (isOwn(batch, i, frame + start, offset)) {
      batch.flags[i] |= PacketFlags.CHECKSUM_MISSING;
      if (type != NONE) {
        int headers =
            header.transportOffset - header.offset + Segmenter.transportLength(batch.bytes, header);
        int length = header.end - header.offset;
        batch.segmentLength[i] = length > headers + size ? headers + size : 0;
      }
    } else if ((flags & NEEDS_CHECKSUM) != 0) {
      compute(batch, i, frame + start, offset);
    }
  }

  /** Whether the missing checksum is that of the TCP or UDP header of the packet. */
  private boolean isOwn(PacketBatch batch, int i, int start, int offset) {
    if ((batch.flags[i] & PacketFlags.NON_IP) != 0
        || header.parse(batch.bytes, batch.dataOffset[i], batch.dataLength[i]) != PacketHeader.OK
        || header.fragment
        || header.truncated
        || start != header.transportOffset
        || header.version == 6 && header.transportOffset - header.offset != 40) {
      return false;
    }
    return header.protocol == PacketHeader.TCP && offset == 16
        || header.protocol == PacketHeader.UDP && offset == 6;
  }

  /** RFC 1071 over what the kernel says; its field holds the sum of the pseudo-header already. */
  private static void compute(PacketBatch batch, int i, int start, int offset) {
    int end = batch.dataOffset[i] + batch.dataLength[i];
    int field = start + offset;
    if (field + 2 > end) {
      return;
    }
    int checksum = ~Checksum.sum(batch.bytes, start, end - start, 0) & 0xffff;
    PacketHeader.put16(batch.bytes, field, checksum == 0 ? 0xffff : checksum);
  }

  /**
   * Writes the header of row {@code i}. Where its checksum is missing, the sum of the pseudo-header
   * is put into its place, for the device to go on from.
   *
   * @param to segment with room for the header from {@code at} on
   * @param l2Length bytes that will stand between this header and the IP packet
   */
  public void put(PacketBatch batch, int i, MemorySegment to, long at, int l2Length) {
    int type = NONE;
    int flags = 0;
    int size = 0;
    int start = 0;
    int offset = 0;
    int headers = 0;
    if ((batch.flags[i] & PacketFlags.CHECKSUM_MISSING) != 0
        && header.parse(batch.bytes, batch.dataOffset[i], batch.dataLength[i]) == PacketHeader.OK) {
      boolean udp = header.protocol == PacketHeader.UDP;
      int transport = header.transportOffset - header.offset;
      int length = header.end - header.transportOffset;
      flags = NEEDS_CHECKSUM;
      start = l2Length + transport;
      offset = udp ? 6 : 16;
      PacketHeader.put16(
          batch.bytes, header.transportOffset + offset, Checksum.pseudoHeader(header, length));
      int own = transport + Segmenter.transportLength(batch.bytes, header);
      if (batch.segmentLength[i] > own) {
        type = udp ? UDP : header.version == 4 ? TCP_V4 : TCP_V6;
        size = batch.segmentLength[i] - own;
        headers = l2Length + own;
      }
    }
    to.set(JAVA_BYTE, at, (byte) flags);
    to.set(JAVA_BYTE, at + TYPE_AT, (byte) type);
    to.set(JAVA_SHORT_UNALIGNED, at + HEADER_LENGTH_AT, (short) headers);
    to.set(JAVA_SHORT_UNALIGNED, at + SIZE_AT, (short) size);
    to.set(JAVA_SHORT_UNALIGNED, at + CHECKSUM_START_AT, (short) start);
    to.set(JAVA_SHORT_UNALIGNED, at + CHECKSUM_OFFSET_AT, (short) offset);
  }
}
