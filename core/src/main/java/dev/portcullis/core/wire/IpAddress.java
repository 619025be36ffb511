package dev.portcullis.core.wire;

import org.jspecify.annotations.Nullable;

/**
 * An IPv4 or IPv6 address as numbers. Text is read strictly and no name is ever resolved. Any
 * thread.
 *
 * @param version 4 or 6
 * @param high upper 64 bits, 0 for IPv4
 * @param low lower 64 bits; for IPv4 the unsigned 32-bit address
 */
public record IpAddress(int version, long high, long low) {

  /**
   * Reads dotted decimal without leading zeros, or RFC 4291 section 2.2 text; null for anything
   * else.
   */
  public static @Nullable IpAddress parse(String text) {
    if (text.indexOf(':') < 0) {
      long v4 = parseV4(text);
      return v4 < 0 ? null : new IpAddress(4, 0, v4);
    }
    return parseV6(text);
  }

  /** Width of an address in bits: 32 or 128. */
  public int bits() {
    return version == 4 ? 32 : 128;
  }

  private static long parseV4(String text) {
    String[] parts = text.split("\\.", -1);
    if (parts.length != 4) {
      return -1;
    }
    long value = 0;
    for (String part : parts) {
      int length = part.length();
      if (length < 1 || length > 3 || (length > 1 && part.charAt(0) == '0')) {
        return -1;
      }
      int octet = 0;
      for (int i = 0; i < length; i++) {
        char c = part.charAt(i);
        if (c < '0' || c > '9') {
          return -1;
        }
        octet = octet * 10 + (c - '0');
      }
      if (octet > 255) {
        return -1;
      }
      value = value << 8 | octet;
    }
    return value;
  }

  private static @Nullable IpAddress parseV6(String text) {
    int gap = text.indexOf("::");
    if (gap >= 0 && text.indexOf("::", gap + 1) >= 0) {
      return null;
    }
    int[] groups = new int[8];
    if (gap < 0) {
      return groups(text, groups, true) == 8 ? of(groups) : null;
    }
    int[] tail = new int[8];
    int before = groups(text.substring(0, gap), groups, false);
    int after = groups(text.substring(gap + 2), tail, true);
    if (before < 0 || after < 0 || before + after > 7) {
      return null;
    }
    System.arraycopy(tail, 0, groups, 8 - after, after);
    return of(groups);
  }

  /** Reads groups that colons part; returns how many, -1 where the text is not of that form. */
  private static int groups(String text, int[] into, boolean last) {
    if (text.isEmpty()) {
      return 0;
    }
    String[] parts = text.split(":", -1);
    int count = 0;
    for (int p = 0; p < parts.length; p++) {
      String part = parts[p];
      if (last && p == parts.length - 1 && part.indexOf('.') >= 0) {
        long v4 = parseV4(part);
        if (v4 < 0 || count > 6) {
          return -1;
        }
        into[count++] = (int) (v4 >>> 16);
        into[count++] = (int) (v4 & 0xffff);
        continue;
      }
      if (part.isEmpty() || part.length() > 4 || count > 7) {
        return -1;
      }
      int group = 0;
      for (int i = 0; i < part.length(); i++) {
        char c = part.charAt(i);
        int digit = c < 128 ? Character.digit(c, 16) : -1;
        if (digit < 0) {
          return -1;
        }
        group = group << 4 | digit;
      }
      into[count++] = group;
    }
    return count;
  }

  private static IpAddress of(int[] groups) {
    long high = 0;
    long low = 0;
    for (int i = 0; i < 4; i++) {
      high = high << 16 | groups[i];
      low = low << 16 | groups[i + 4];
    }
    return new IpAddress(6, high, low);
  }

  /** Writes dotted decimal, or the one form of RFC 5952 section 4. */
  @Override
  public String toString() {
    if (version == 4) {
      return (low >>> 24 & 255)
          + "."
          + (low >>> 16 & 255)
          + "."
          + (low >>> 8 & 255)
          + "."
          + (low & 255);
    }
    if (high == 0 && low >>> 32 == 0xffff) {
      return "::ffff:" + new IpAddress(4, 0, low & 0xffffffffL); // RFC 5952 section 5
    }
    int[] groups = new int[8];
    for (int i = 0; i < 8; i++) {
      groups[i] = (int) ((i < 4 ? high : low) >>> (48 - 16 * (i & 3)) & 0xffff);
    }
    int start = -1;
    int length = 1;
    for (int i = 0; i < 8; i++) {
      int n = 0;
      while (i + n < 8 && groups[i + n] == 0) {
        n++;
      }
      if (n > length) {
        start = i;
        length = n;
      }
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      if (i == start) {
        text.append("::");
        i += length - 1;
        continue;
      }
      if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
        text.append(':');
      }
      text.append(Integer.toHexString(groups[i]));
    }
    return text.toString();
  }
}
