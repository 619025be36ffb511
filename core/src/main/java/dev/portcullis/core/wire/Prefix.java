package dev.portcullis.core.wire;

import java.net.InetAddress;

/**
 * An address prefix, or one address. IPv4 addresses stand in the low half as unsigned 32-bit numbers.
 *
 * @param version 4 or 6
 * @param high upper half of the first address
 * @param low lower half of the first address
 * @param length bits that are given: 0 to 32 or 128
 */
public record Prefix(int version, long high, long low, int length) {

  /** Clears the bits behind the prefix. */
  public Prefix {
    int bits = version == 4 ? 32 : 128;
    if (length < 0 || length > bits) {
      throw new IllegalArgumentException("the length of a prefix of IPv" + version + " is 0 to " + bits + ", not " + length);
    }
    int from64 = version == 4 ? length + 32 : Math.max(0, length - 64);
    low = from64 == 0 ? 0 : low & -1L << 64 - from64;
    high = version == 4 || length == 0 ? 0 : length >= 64 ? high : high & -1L << 64 - length;
  }

  /**
   * Reads {@code 10.0.0.0/8}, {@code 2001:db8::/32} or one address.
   *
   * @throws IllegalArgumentException for anything else
   */
  public static Prefix parse(String text) {
    int slash = text.indexOf('/');
    byte[] address = InetAddress.ofLiteral(slash < 0 ? text : text.substring(0, slash)).getAddress();
    int version = address.length == 4 ? 4 : 6;
    int length = slash < 0 ? address.length * 8 : Integer.parseInt(text.substring(slash + 1));
    return version == 4
        ? new Prefix(4, 0, PacketHeader.u32(address, 0), length)
        : new Prefix(6, PacketHeader.u64(address, 0), PacketHeader.u64(address, 8), length);
  }

  /** Upper half of the last address. */
  public long lastHigh() {
    return version == 4 || length >= 64 ? high : length == 0 ? -1L : high | -1L >>> length;
  }

  /** Lower half of the last address. */
  public long lastLow() {
    int behind = version == 4 ? 32 - length : Math.min(64, 128 - length);
    return behind == 0 ? low : behind == 64 ? -1L : low | (1L << behind) - 1;
  }

  /** Whether the address lies in the prefix. */
  public boolean contains(int addressVersion, long addressHigh, long addressLow) {
    return addressVersion == version
        && compare(addressHigh, addressLow, high, low) >= 0
        && compare(addressHigh, addressLow, lastHigh(), lastLow()) <= 0;
  }

  /** Compares two addresses as unsigned numbers. */
  public static int compare(long highA, long lowA, long highB, long lowB) {
    int byHigh = Long.compareUnsigned(highA, highB);
    return byHigh != 0 ? byHigh : Long.compareUnsigned(lowA, lowB);
  }
}
