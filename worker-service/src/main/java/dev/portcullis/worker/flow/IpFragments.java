package dev.portcullis.worker.flow;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;

/** The fields of network headers that say which part of a datagram a packet is. Any thread. */
public final class IpFragments {

  /** More fragments follow: RFC 791 section 3.1. */
  public static final int MORE = 0x2000;

  /** The datagram may not be fragmented: RFC 791 section 3.1. */
  public static final int DONT = 0x4000;

  private static final int COPIED = 0x80;
  private static final int NO_OPERATION = 1;
  private static final int AUTHENTICATION = 51;

  private IpFragments() {}

  /**
   * Writes length, flags, offset and checksum of an IPv4 header.
   *
   * @param length of the packet, in bytes
   * @param flagsAndOffset as RFC 791 section 3.1 has them: flags, and the offset in units of 8
   */
  public static void writeIpv4(
      byte[] bytes, int at, int headerLength, int length, int flagsAndOffset) {
    PacketHeader.put16(bytes, at + 2, length);
    PacketHeader.put16(bytes, at + 6, flagsAndOffset);
    Checksum.completeIpv4(bytes, at, headerLength);
  }

  /**
   * Writes the length of an IPv6 packet, and offset and flag of its fragment header, which is the
   * last 8 bytes of {@code headerLength}.
   *
   * @param length of the packet, in bytes
   * @param offsetAndMore as RFC 8200 section 4.5 has them: the offset in bytes, a multiple of 8,
   *     and 1 where more follow
   */
  public static void writeIpv6(
      byte[] bytes, int at, int headerLength, int length, int offsetAndMore) {
    PacketHeader.put16(bytes, at + 4, length - 40);
    PacketHeader.put16(bytes, at + headerLength - 6, offsetAndMore);
  }

  /**
   * Overwrites those options that only the first fragment carries with no-operations: those without
   * the copied flag (RFC 791 section 3.1). Options that contradict themselves stay as they are.
   */
  public static void keepCopiedOptions(byte[] bytes, int at, int headerLength) {
    int end = at + headerLength;
    int option = at + 20;
    while (option < end) {
      int type = bytes[option] & 0xff;
      if (type == 0) {
        return;
      }
      int length = type == NO_OPERATION ? 1 : option + 1 < end ? bytes[option + 1] & 0xff : 0;
      if (length < 1 || type != NO_OPERATION && length < 2 || option + length > end) {
        return;
      }
      if ((type & COPIED) == 0) {
        java.util.Arrays.fill(bytes, option, option + length, (byte) NO_OPERATION);
      }
      option += length;
    }
  }

  /**
   * Takes the fragment header out of an IPv6 packet that is no fragment; what is before it moves
   * behind.
   *
   * @param h its headers, {@link PacketHeader#fragmentAt} among them
   * @return where the packet begins now: 8 bytes further
   */
  public static int withoutFragmentHeader(byte[] bytes, PacketHeader h) {
    int at = h.offset;
    int next = at + 6;
    int header = at + 40;
    while (header < h.fragmentAt) {
      int unit = (bytes[next] & 0xff) == AUTHENTICATION ? 4 : 8;
      int first = unit == 4 ? 2 : 1;
      next = header;
      header += ((bytes[header + 1] & 0xff) + first) * unit;
    }
    bytes[next] = bytes[h.fragmentAt];
    PacketHeader.put16(bytes, at + 4, h.end - at - 40 - 8);
    System.arraycopy(bytes, at, bytes, at + 8, h.fragmentAt - at);
    return at + 8;
  }
}
