package dev.portcullis.core.wire;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The Internet checksum: in full (RFC 1071) and by what changed (RFC 1624, equation 3). Sums are
 * one's complement numbers of 16 bits; of the two zeros, {@code 0xffff} is the one that stands for
 * "nothing wrong". Any thread.
 */
public final class Checksum {

  /** A change that changes nothing. */
  public static final int NO_CHANGE = 0xffff;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private Checksum() {}

  /**
   * Returns the one's complement sum of {@code length} bytes, continued from {@code initial}: 0 to
   * 0xffff. An odd last byte counts as if a zero followed it (RFC 1071 section 4.1).
   */
  public static int sum(byte[] bytes, int offset, int length, long initial) {
    long sum = initial;
    int at = offset;
    int left = length;
    for (; left >= 8; left -= 8, at += 8) {
      long word = (long) LONGS.get(bytes, at);
      sum += (word >>> 32) + (word & 0xffff_ffffL);
    }
    for (; left >= 2; left -= 2, at += 2) {
      sum += PacketHeader.u16(bytes, at);
    }
    if (left == 1) {
      sum += (bytes[at] & 0xff) << 8;
    }
    return fold(sum);
  }

  /** Folds carries back in until 16 bits are left. */
  public static int fold(long sum) {
    long folded = (sum >>> 32) + (sum & 0xffff_ffffL);
    folded = (folded >>> 16) + (folded & 0xffff);
    folded = (folded >>> 16) + (folded & 0xffff);
    return (int) ((folded >>> 16) + (folded & 0xffff));
  }

  /**
   * Returns the sum of the pseudo-header of TCP, UDP (RFC 9293 section 3.1) and everything over
   * IPv6 (RFC 8200 section 8.1).
   */
  public static int pseudoHeader(PacketHeader header, int transportLength) {
    return fold(
        words(header.sourceHigh)
            + words(header.sourceLow)
            + words(header.destinationHigh)
            + words(header.destinationLow)
            + header.protocol
            + (transportLength >>> 16)
            + (transportLength & 0xffff));
  }

  /** Returns the change from one 16-bit word to another: what {@link #apply} takes. */
  public static int change(int before, int after) {
    return fold((~before & 0xffff) + (after & 0xffff));
  }

  /** Returns the change from one address to another, both halves (the upper is 0 in IPv4). */
  public static int change(long highBefore, long lowBefore, long highAfter, long lowAfter) {
    long before = fold(words(highBefore) + words(lowBefore));
    return fold((~before & 0xffff) + words(highAfter) + words(lowAfter));
  }

  /** Returns both changes in one. */
  public static int both(int one, int other) {
    return fold(one + other);
  }

  /** Returns the change that takes {@code change} back. */
  public static int undone(int change) {
    return ~change & 0xffff;
  }

  /** Brings the checksum at {@code at} up to date with a change of what it covers. */
  public static void apply(byte[] bytes, int at, int change) {
    PacketHeader.put16(bytes, at, ~fold((~PacketHeader.u16(bytes, at) & 0xffff) + change));
  }

  /**
   * Computes the checksum of TCP, UDP, ICMP or ICMPv6 of a whole packet in full and writes it; does
   * nothing to other protocols and to packets whose transport header is not there.
   *
   * @param header the parsed packet
   */
  public static void complete(byte[] bytes, PacketHeader header) {
    complete(bytes, header.transportOffset, header.end - header.transportOffset, header);
  }

  /**
   * As {@link #complete(byte[], PacketHeader)}, for a packet whose transport header and what is
   * behind it stand elsewhere.
   *
   * @param at offset of the transport header
   * @param length bytes from there to the end of the packet
   * @param header headers with its protocol and addresses
   */
  public static void complete(byte[] bytes, int at, int length, PacketHeader header) {
    int field =
        switch (header.protocol) {
          case PacketHeader.TCP -> 16;
          case PacketHeader.UDP -> 6;
          case PacketHeader.ICMP, PacketHeader.ICMPV6 -> 2;
          default -> -1;
        };
    if (field < 0 || length < field + 2) {
      return;
    }
    PacketHeader.put16(bytes, at + field, 0);
    long pseudo = header.protocol == PacketHeader.ICMP ? 0 : pseudoHeader(header, length);
    int checksum = ~sum(bytes, at, length, pseudo) & 0xffff;
    if (checksum == 0 && header.protocol == PacketHeader.UDP) {
      checksum = 0xffff; // 0 says that there is none, RFC 768
    }
    PacketHeader.put16(bytes, at + field, checksum);
  }

  /** Computes the checksum of an IPv4 header in full and writes it. */
  public static void completeIpv4(byte[] bytes, int at, int headerLength) {
    PacketHeader.put16(bytes, at + 10, 0);
    PacketHeader.put16(bytes, at + 10, ~sum(bytes, at, headerLength, 0));
  }

  private static long words(long value) {
    return (value >>> 32) + (value & 0xffff_ffffL);
  }
}
