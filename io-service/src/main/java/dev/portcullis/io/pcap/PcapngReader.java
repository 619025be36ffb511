package dev.portcullis.io.pcap;

import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/**
 * The block format: draft-ietf-opsawg-pcapng; sections of either byte order, interfaces of any link
 * type and clock.
 */
final class PcapngReader implements CaptureReader {

  static final long SECTION_HEADER = 0x0a0d0d0aL;

  private static final int INTERFACE_DESCRIPTION = 1;
  private static final int OLD_PACKET = 2;
  private static final int SIMPLE_PACKET = 3;
  private static final int ENHANCED_PACKET = 6;
  private static final int BYTE_ORDER_MAGIC = 0x1a2b3c4d;
  private static final int OPTION_RESOLUTION = 9;
  private static final int OPTION_OFFSET = 14;
  private static final int MAX_INTERFACES = 65_536;
  private static final int MAX_BLOCK_BYTES = 16 << 20;

  /** An interface: how its frames and their times are to be read. */
  private record Interface(int linkType, long snapLength, int resolution, long offsetSeconds) {

    /** Turns a count of the interface's clock into nanoseconds. */
    long nanoseconds(long high, long low) {
      long ticks = high << 32 | low;
      long offset = offsetSeconds * 1_000_000_000L;
      if ((resolution & 0x80) == 0) {
        int digits = resolution;
        if (digits <= 9) {
          long factor = 1;
          for (int i = digits; i < 9; i++) {
            factor *= 10;
          }
          return ticks * factor + offset;
        }
        return new BigInteger(Long.toUnsignedString(ticks))
                .divide(BigInteger.TEN.pow(digits - 9))
                .longValue()
            + offset;
      }
      return new BigInteger(Long.toUnsignedString(ticks))
              .multiply(BigInteger.valueOf(1_000_000_000L))
              .shiftRight(resolution & 0x7f)
              .longValue()
          + offset;
    }
  }

  private final Source source;
  private final byte[] head = new byte[28];
  private final List<Interface> interfaces = new ArrayList<>();
  private long frames;

  PcapngReader(Source source) throws IOException {
    this.source = source;
    section(source.offset() - 4);
  }

  /** Reads a section header from behind its block type. */
  private void section(long at) throws IOException {
    need(head, 8, at, "the section header is cut off");
    source.littleEndian = true;
    if ((int) source.u32(head, 4) != BYTE_ORDER_MAGIC) {
      source.littleEndian = false;
      if ((int) source.u32(head, 4) != BYTE_ORDER_MAGIC) {
        throw damaged(at, "the section header has no byte-order magic");
      }
    }
    long length = source.u32(head, 0);
    if (length < 28 || length > MAX_BLOCK_BYTES || length % 4 != 0) {
      throw damaged(at, "the section header says that it is " + length + " bytes long");
    }
    skip(length - 12, at);
    interfaces.clear();
  }

  @Override
  public boolean next(Frame into) throws IOException {
    while (!source.atEnd()) {
      long at = source.offset();
      need(head, 4, at, "a block is cut off");
      // the section header's type reads the same in both byte orders
      long type = source.u32(head, 0);
      if (type == SECTION_HEADER) {
        section(at);
        continue;
      }
      need(head, 4, at, "a block is cut off");
      long length = source.u32(head, 0);
      if (length < 12 || length > MAX_BLOCK_BYTES || length % 4 != 0) {
        throw damaged(at, "a block says that it is " + length + " bytes long");
      }
      int body = (int) length - 12;
      switch ((int) type) {
        case INTERFACE_DESCRIPTION -> describe(body, at);
        case ENHANCED_PACKET -> {
          if (body < 20) {
            throw damaged(at, "a packet block is too short");
          }
          need(head, 20, at, "a packet block is cut off");
          packet(into, source.u32(head, 0), body - 20, source.u32(head, 12), at);
          into.wireLength = length(source.u32(head, 16));
          into.timeNs =
              interfaces
                  .get((int) source.u32(head, 0))
                  .nanoseconds(source.u32(head, 4), source.u32(head, 8));
          return true;
        }
        case OLD_PACKET -> {
          if (body < 20) {
            throw damaged(at, "a packet block is too short");
          }
          need(head, 20, at, "a packet block is cut off");
          packet(into, source.u16(head, 0), body - 20, source.u32(head, 12), at);
          into.wireLength = length(source.u32(head, 16));
          into.timeNs =
              interfaces
                  .get(source.u16(head, 0))
                  .nanoseconds(source.u32(head, 4), source.u32(head, 8));
          return true;
        }
        case SIMPLE_PACKET -> {
          if (body < 4 || interfaces.isEmpty()) {
            throw damaged(at, "a simple packet block without an interface");
          }
          need(head, 4, at, "a packet block is cut off");
          long wire = source.u32(head, 0);
          long snap = interfaces.getFirst().snapLength();
          packet(into, 0, body - 4, Math.min(wire, snap == 0 ? wire : snap), at);
          into.wireLength = length(wire);
          into.timeNs = 0;
          return true;
        }
        default -> skip(body + 4L, at);
      }
    }
    return false;
  }

  private static int length(long value) {
    return (int) Math.min(Integer.MAX_VALUE, value);
  }

  private void packet(Frame into, long interfaceId, int room, long captured, long at)
      throws IOException {
    if (interfaceId >= interfaces.size()) {
      throw damaged(
          at, "a packet of interface " + interfaceId + "; the section has " + interfaces.size());
    }
    if (captured > MAX_FRAME_BYTES || captured > room) {
      throw damaged(at, "a frame of " + captured + " bytes does not fit its block");
    }
    into.room((int) captured);
    if (source.read(into.bytes, 0, (int) captured) < captured) {
      throw damaged(at, "a frame is cut off");
    }
    // the rest of the block: padding, options, the length again
    skip(room - captured + 4, at);
    frames++;
    into.length = (int) captured;
    into.linkType = interfaces.get((int) interfaceId).linkType();
  }

  private void describe(int body, long at) throws IOException {
    if (body < 8 || interfaces.size() == MAX_INTERFACES) {
      throw damaged(at, "an interface description is too short or one too many");
    }
    byte[] block = new byte[body];
    need(block, body, at, "an interface description is cut off");
    skip(4, at);
    int resolution = 6;
    long offset = 0;
    for (int i = 8; i + 4 <= body; ) {
      int code = source.u16(block, i);
      int length = source.u16(block, i + 2);
      if (code == 0 || i + 4 + length > body) {
        break;
      }
      if (code == OPTION_RESOLUTION && length >= 1) {
        resolution = block[i + 4] & 0xff;
      } else if (code == OPTION_OFFSET && length >= 8) {
        long a = source.u32(block, i + 4);
        long b = source.u32(block, i + 8);
        offset = source.littleEndian ? b << 32 | a : a << 32 | b;
      }
      i += 4 + (length + 3 & ~3);
    }
    interfaces.add(new Interface(source.u16(block, 0), source.u32(block, 4), resolution, offset));
  }

  private void need(byte[] to, int length, long at, String otherwise) throws IOException {
    if (source.read(to, 0, length) < length) {
      throw damaged(at, otherwise);
    }
  }

  private void skip(long length, long at) throws IOException {
    if (source.skip(length) < length) {
      throw damaged(at, "a block is cut off");
    }
  }

  private CaptureDamagedException damaged(long at, String what) {
    return new CaptureDamagedException(
        source.file + ": damaged after frame " + frames + ", at byte " + at + ": " + what);
  }

  @Override
  public void close() throws IOException {
    source.close();
  }
}
