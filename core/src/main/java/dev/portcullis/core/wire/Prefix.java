package dev.portcullis.core.wire;

import org.jspecify.annotations.Nullable;

/**
 * An address and how many of its leading bits count (RFC 4632 section 3.1, RFC 4291 section 2.3).
 * Any thread.
 *
 * @param address the address; bits behind the prefix may be set (an address of a port)
 * @param length 0 to 32 or 128
 */
public record Prefix(IpAddress address, int length) {

  /**
   * Reads {@code 10.0.0.0/8}; an address alone is a prefix of full length. Null for anything else.
   */
  public static @Nullable Prefix parse(String text) {
    int slash = text.indexOf('/');
    IpAddress address = IpAddress.parse(slash < 0 ? text : text.substring(0, slash));
    if (address == null || slash < 0) {
      return address == null ? null : new Prefix(address, address.bits());
    }
    String digits = text.substring(slash + 1);
    if (!digits.matches("0|[1-9][0-9]{0,2}") || Integer.parseInt(digits) > address.bits()) {
      return null;
    }
    return new Prefix(address, Integer.parseInt(digits));
  }

  /** Returns whether the address is of this family and inside the prefix. */
  public boolean contains(IpAddress other) {
    return contains(other.version(), other.high(), other.low());
  }

  /** Returns whether the address with these halves is of this family and inside the prefix. */
  public boolean contains(int version, long otherHigh, long otherLow) {
    if (version != address.version()) {
      return false;
    }
    long high = otherHigh ^ address.high();
    long low = otherLow ^ address.low();
    int ignored = address.bits() - length;
    if (ignored >= 64) {
      return ignored == 128 || high >>> (ignored - 64) == 0;
    }
    return high == 0 && low >>> ignored == 0;
  }

  /** Returns whether no bit behind the prefix is set. */
  public boolean isNetwork() {
    int ignored = address.bits() - length;
    long low = ignored >= 64 ? address.low() : address.low() & ((1L << ignored) - 1);
    long high =
        ignored <= 64
            ? 0
            : ignored == 128 ? address.high() : address.high() & ((1L << (ignored - 64)) - 1);
    return low == 0 && high == 0;
  }

  @Override
  public String toString() {
    return address + "/" + length;
  }
}
