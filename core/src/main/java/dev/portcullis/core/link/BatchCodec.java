package dev.portcullis.core.link;

import dev.portcullis.core.packet.PacketBatch;

/**
 * Reads and writes {@code PacketBatch} and {@code Packet} of {@code packet_link.proto} without an
 * object per packet.
 *
 * <p>What it writes is the canonical form: fields in ascending order, zeros left out but for {@code
 * tag}, shortest varints. What it reads is any legal protobuf: any order, repeated scalars (the
 * last wins), unknown fields (skipped). Every length is checked.
 */
final class BatchCodec {

  /** The most bytes that a header takes without {@code dropped} and {@code control}. */
  static final int MAX_FIXED_HEADER = 2 + 5 * 5 + 4 * 9;

  /** The most bytes that the fields of a packet take that come before {@code l2}, and a tag. */
  private static final int MOST_FIXED = 4 * 9 + 7 * 5 + 1;

  /** Field {@code segment_length}: two bytes of tag, four of value. */
  private static final int SEGMENT_BYTES = 6;

  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private BatchCodec() {}

  /**
   * Returns the bytes that row {@code i} takes as a field {@code packets}, tag and length included.
   */
  static int rowSize(PacketBatch b, int i) {
    return rowSizeOf(packetSize(b, i));
  }

  /** Returns the bytes that a packet of {@link #packetSize} takes as a field {@code packets}. */
  static int rowSizeOf(int packetSize) {
    return 1 + varintSize(packetSize) + packetSize;
  }

  /** Returns the bytes that the fields of row {@code i} take. */
  static int packetSize(PacketBatch b, int i) {
    int size = 5;
    size += b.captureTimeNs[i] != 0 ? 9 : 0;
    size += b.number[i] != 0 ? 9 : 0;
    size += b.vHigh[i] != 0 ? 9 : 0;
    size += b.vLow[i] != 0 ? 9 : 0;
    size += b.trafficClass[i] != 0 ? 5 : 0;
    size += b.flags[i] != 0 ? 5 : 0;
    size += b.ingressTag[i] != 0 ? 5 : 0;
    size += b.reason[i] != 0 ? 5 : 0;
    size += b.pieces[i] != 0 ? 5 : 0;
    size += b.frameLength[i] != 0 ? 5 : 0;
    size += b.linkType[i] != 0 ? 5 : 0;
    size += b.segmentLength[i] != 0 ? SEGMENT_BYTES : 0;
    size += bytesSize(b.l2Length[i]);
    size += bytesSize(b.traceLength[i]);
    size += bytesSize(b.dataLength[i]);
    return size;
  }

  private static int bytesSize(int length) {
    return length == 0 ? 0 : 1 + varintSize(length) + length;
  }

  private static int varintSize(int value) {
    return value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5;
  }

  /**
   * Writes row {@code i} as a field {@code packets} at {@code at}, where there is room; returns the
   * end.
   */
  static int writeRow(PacketBatch b, int i, byte[] to, int at) {
    return writeRow(b, i, packetSize(b, i), to, at);
  }

  /** {@link #writeRow} for one whose {@link #packetSize} is known. */
  static int writeRow(PacketBatch b, int i, int packetSize, byte[] to, int at) {
    to[at++] = 15 << 3 | BYTES;
    at = varint(to, at, packetSize);
    at = fixed64(to, at, 1, b.captureTimeNs[i]);
    at = fixed64(to, at, 2, b.number[i]);
    at = fixed64(to, at, 3, b.vHigh[i]);
    at = fixed64(to, at, 4, b.vLow[i]);
    at = fixed32(to, at, 5, b.trafficClass[i]);
    at = fixed32(to, at, 6, b.flags[i]);
    at = fixed32(to, at, 7, b.ingressTag[i]);
    at = fixed32(to, at, 8, b.reason[i]);
    at = fixed32(to, at, 9, b.pieces[i]);
    at = fixed32(to, at, 10, b.frameLength[i]);
    at = fixed32(to, at, 11, b.linkType[i]);
    at = bytes(to, at, 12, b.bytes, b.l2Offset[i], b.l2Length[i]);
    at = bytes(to, at, 13, b.traceBytes, b.traceOffset[i], b.traceLength[i]);
    to[at++] = 14 << 3 | FIXED32;
    putInt(to, at, b.tag[i]);
    at = bytes(to, at + 4, 15, b.bytes, b.dataOffset[i], b.dataLength[i]);
    int segmentLength = b.segmentLength[i];
    if (segmentLength != 0) {
      to[at] = (byte) (0x80 | FIXED32);
      to[at + 1] = 16 << 3 >>> 7;
      putInt(to, at + 2, segmentLength);
      at += SEGMENT_BYTES;
    }
    return at;
  }

  /**
   * Writes the header of a message, all but the packets; returns the end. {@code to} has room for
   * it.
   */
  static int writeHeader(BatchHeader h, byte[] to, int at) {
    if (h.kind != 0) {
      to[at++] = 1 << 3;
      at = varint(to, at, h.kind);
    }
    at = fixed32(to, at, 2, h.epoch);
    at = fixed32(to, at, 3, h.source);
    at = fixed32(to, at, 4, h.destination);
    at = fixed32(to, at, 5, h.sourceLane);
    at = fixed32(to, at, 6, h.destinationLane);
    at = fixed64(to, at, 7, h.sourceGeneration);
    at = fixed64(to, at, 8, h.destinationGeneration);
    at = fixed64(to, at, 9, h.sequence);
    return fixed64(to, at, 10, h.acknowledged);
  }

  private static int fixed64(byte[] to, int at, int field, long value) {
    if (value == 0) {
      return at;
    }
    to[at] = (byte) (field << 3 | FIXED64);
    putLong(to, at + 1, value);
    return at + 9;
  }

  private static int fixed32(byte[] to, int at, int field, int value) {
    if (value == 0) {
      return at;
    }
    to[at] = (byte) (field << 3 | FIXED32);
    putInt(to, at + 1, value);
    return at + 5;
  }

  private static int bytes(byte[] to, int at, int field, byte[] from, int offset, int length) {
    if (length == 0) {
      return at;
    }
    to[at++] = (byte) (field << 3 | BYTES);
    at = varint(to, at, length);
    System.arraycopy(from, offset, to, at, length);
    return at + length;
  }

  private static int varint(byte[] to, int at, int value) {
    while ((value & ~0x7f) != 0) {
      to[at++] = (byte) (value & 0x7f | 0x80);
      value >>>= 7;
    }
    to[at++] = (byte) value;
    return at;
  }

  private static final java.lang.invoke.VarHandle INT =
      java.lang.invoke.MethodHandles.byteArrayViewVarHandle(
          int[].class, java.nio.ByteOrder.LITTLE_ENDIAN);
  private static final java.lang.invoke.VarHandle LONG =
      java.lang.invoke.MethodHandles.byteArrayViewVarHandle(
          long[].class, java.nio.ByteOrder.LITTLE_ENDIAN);

  private static void putInt(byte[] to, int at, int value) {
    INT.set(to, at, value);
  }

  private static void putLong(byte[] to, int at, long value) {
    LONG.set(to, at, value);
  }

  /** Cursor over a message; one per lane. */
  static final class Reader {
    private byte[] in = new byte[0];
    private int at;
    private int end;

    /**
     * Reads a message.
     *
     * @param packets takes the packets; null: they are skipped, only the header is read
     * @return null, or what is wrong with the message
     */
    @org.jspecify.annotations.Nullable
    String read(
        byte[] bytes,
        int length,
        BatchHeader h,
        @org.jspecify.annotations.Nullable PacketBatch packets) {
      in = bytes;
      at = 0;
      end = length;
      h.clear();
      if (packets != null) {
        packets.bytes = bytes;
        packets.traceBytes = bytes;
        packets.count = 0;
      }
      while (at < length) {
        end = length;
        long tag = varint();
        if (at < 0) {
          return "a field is cut off";
        }
        int field = (int) (tag >>> 3);
        int type = (int) tag & 7;
        if (field == 15 && type == BYTES) {
          int size = length();
          if (size < 0) {
            return "a packet is cut off";
          }
          int packetEnd = at + size;
          if (packets != null) {
            if (packets.count == PacketBatch.MAX_PACKETS) {
              return "more than " + PacketBatch.MAX_PACKETS + " packets in one batch";
            }
            end = packetEnd;
            if (!canonical(packets, packets.count)) {
              packets.clearRow(packets.count);
              if (!packet(packets, packets.count)) {
                return "packet " + packets.count + " of the batch is malformed";
              }
            }
            packets.count++;
          }
          at = packetEnd;
        } else if (!header(h, field, type)) {
          return "field " + field + " of the batch is malformed";
        }
      }
      return null;
    }

    private boolean header(BatchHeader h, int field, int type) {
      switch (type) {
        case FIXED32 -> {
          if (at + 4 > end) {
            return false;
          }
          int value = (int) INT.get(in, at);
          at += 4;
          switch (field) {
            case 2 -> h.epoch = value;
            case 3 -> h.source = value;
            case 4 -> h.destination = value;
            case 5 -> h.sourceLane = value;
            case 6 -> h.destinationLane = value;
            default -> {}
          }
        }
        case FIXED64 -> {
          if (at + 8 > end) {
            return false;
          }
          long value = (long) LONG.get(in, at);
          at += 8;
          switch (field) {
            case 7 -> h.sourceGeneration = value;
            case 8 -> h.destinationGeneration = value;
            case 9 -> h.sequence = value;
            case 10 -> h.acknowledged = value;
            default -> {}
          }
        }
        case VARINT -> {
          long value = varint();
          if (at < 0) {
            return false;
          }
          if (field == 1) {
            h.kind = (int) value;
          }
        }
        default -> {
          return skip(type);
        }
      }
      return field != 0;
    }

    /**
     * Reads a packet in the form that modules write: fields in ascending order, one-byte tags, up
     * to {@code data}, which is the last but in a super-packet. Sets all columns of the row.
     * Returns false, with {@link #at} where it was, when the packet has another form or is
     * malformed.
     */
    private boolean canonical(PacketBatch b, int i) {
      byte[] from = in;
      int p = at;
      // so far fields of fixed length can reach, each with its tag; the lengths are checked
      if (p + MOST_FIXED > from.length) {
        return false;
      }
      long time = 0;
      long number = 0;
      long high = 0;
      long low = 0;
      if (from[p] == (1 << 3 | FIXED64)) {
        time = (long) LONG.get(from, p + 1);
        p += 9;
      }
      if (from[p] == (2 << 3 | FIXED64)) {
        number = (long) LONG.get(from, p + 1);
        p += 9;
      }
      if (from[p] == (3 << 3 | FIXED64)) {
        high = (long) LONG.get(from, p + 1);
        p += 9;
      }
      if (from[p] == (4 << 3 | FIXED64)) {
        low = (long) LONG.get(from, p + 1);
        p += 9;
      }
      b.captureTimeNs[i] = time;
      b.number[i] = number;
      b.vHigh[i] = high;
      b.vLow[i] = low;
      p = canonicalInts(b, i, p);
      return canonicalBytes(b, i, p);
    }

    private int canonicalInts(PacketBatch b, int i, int start) {
      int p = start;
      p = fixed32(b.trafficClass, i, 5, p);
      p = fixed32(b.flags, i, 6, p);
      p = fixed32(b.ingressTag, i, 7, p);
      p = fixed32(b.reason, i, 8, p);
      p = fixed32(b.pieces, i, 9, p);
      p = fixed32(b.frameLength, i, 10, p);
      return fixed32(b.linkType, i, 11, p);
    }

    private int fixed32(int[] column, int i, int field, int p) {
      if (in[p] == (field << 3 | FIXED32)) {
        column[i] = (int) INT.get(in, p + 1);
        return p + 5;
      }
      column[i] = 0;
      return p;
    }

    /** The fields from {@code l2} on: lengths may be anything, so each is checked. */
    private boolean canonicalBytes(PacketBatch b, int i, int start) {
      byte[] from = in;
      int p = start;
      int l2 = 0;
      int l2Offset = 0;
      if (p + 3 < end && from[p] == (12 << 3 | BYTES)) {
        l2 = from[p + 1];
        l2Offset = p + 2;
        p += 2 + l2;
        if (l2 < 0 || p > end) {
          return false;
        }
      }
      b.l2Offset[i] = l2Offset;
      b.l2Length[i] = l2;
      b.traceOffset[i] = 0;
      b.traceLength[i] = 0;
      if (p + 8 > end || from[p] != (14 << 3 | FIXED32) || from[p + 5] != (15 << 3 | BYTES)) {
        return false;
      }
      b.tag[i] = (int) INT.get(from, p + 1);
      int data = from[p + 6];
      p += 7;
      if (data < 0) {
        data = data & 0x7f | from[p++] << 7;
      }
      if (data < 0 || p + data != end || l2 + data > PacketBatch.MAX_PACKET_BYTES) {
        return false;
      }
      b.dataOffset[i] = p;
      b.dataLength[i] = data;
      b.segmentLength[i] = 0;
      return true;
    }

    private boolean packet(PacketBatch b, int i) {
      while (at < end) {
        long tag = varint();
        if (at < 0) {
          return false;
        }
        int field = (int) (tag >>> 3);
        switch ((int) tag & 7) {
          case FIXED32 -> {
            if (at + 4 > end) {
              return false;
            }
            int value = (int) INT.get(in, at);
            at += 4;
            switch (field) {
              case 5 -> b.trafficClass[i] = value;
              case 6 -> b.flags[i] = value;
              case 7 -> b.ingressTag[i] = value;
              case 8 -> b.reason[i] = value;
              case 9 -> b.pieces[i] = value;
              case 10 -> b.frameLength[i] = value;
              case 11 -> b.linkType[i] = value;
              case 14 -> b.tag[i] = value;
              case 16 -> b.segmentLength[i] = value;
              default -> {}
            }
          }
          case FIXED64 -> {
            if (at + 8 > end) {
              return false;
            }
            long value = (long) LONG.get(in, at);
            at += 8;
            switch (field) {
              case 1 -> b.captureTimeNs[i] = value;
              case 2 -> b.number[i] = value;
              case 3 -> b.vHigh[i] = value;
              case 4 -> b.vLow[i] = value;
              default -> {}
            }
          }
          case BYTES -> {
            int size = length();
            if (size < 0) {
              return false;
            }
            switch (field) {
              case 12 -> {
                b.l2Offset[i] = at;
                b.l2Length[i] = size;
              }
              case 13 -> {
                b.traceOffset[i] = at;
                b.traceLength[i] = size;
              }
              case 15 -> {
                b.dataOffset[i] = at;
                b.dataLength[i] = size;
              }
              default -> {}
            }
            at += size;
          }
          default -> {
            if (!skip((int) tag & 7)) {
              return false;
            }
          }
        }
        if (field == 0) {
          return false;
        }
      }
      return b.l2Length[i] + b.dataLength[i] <= PacketBatch.MAX_PACKET_BYTES;
    }

    private boolean skip(int type) {
      switch (type) {
        case VARINT -> {
          varint();
          return at >= 0;
        }
        case BYTES -> {
          int size = length();
          at += Math.max(0, size);
          return size >= 0;
        }
        default -> {
          return false;
        }
      }
    }

    /** Reads a length; negative when it does not fit into what is left. */
    private int length() {
      long value = varint();
      return at < 0 || value < 0 || value > end - at ? -1 : (int) value;
    }

    /** Reads a varint; {@link #at} is negative afterwards when it is cut off or too long. */
    private long varint() {
      long value = 0;
      for (int shift = 0; shift < 64; shift += 7) {
        if (at >= end) {
          break;
        }
        byte b = in[at++];
        value |= (long) (b & 0x7f) << shift;
        if (b >= 0) {
          return value;
        }
      }
      at = Integer.MIN_VALUE;
      return 0;
    }
  }
}
