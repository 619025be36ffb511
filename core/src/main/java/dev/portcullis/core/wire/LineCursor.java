package dev.portcullis.core.wire;

/**
 * Reads numbers and addresses from a line of text, in place: a reusable cursor that never leaves
 * its line. What cannot be read returns -1 or false, with the cursor anywhere in the line. Thread:
 * one.
 */
final class LineCursor {

  private byte[] in = new byte[0];

  /** Where the next byte is read. */
  int at;

  /** Behind the last byte of the line. */
  int end;

  /** The last IPv4 or IPv6 address that was read. */
  long high, low;

  void of(byte[] bytes, int from, int to) {
    in = bytes;
    at = from;
    end = to;
  }

  /** The byte at {@code index}, as an unsigned number, in upper case. */
  int upper(int index) {
    int c = in[index] & 0xff;
    return c >= 'a' && c <= 'z' ? c - 32 : c;
  }

  boolean isDigit(int index) {
    return in[index] >= '0' && in[index] <= '9';
  }

  /** Goes behind the next {@code c}; false where there is none. */
  boolean skipBehind(int c) {
    while (at < end) {
      if (in[at++] == c) {
        return true;
      }
    }
    return false;
  }

  void skipSpaces() {
    while (at < end && in[at] == ' ') {
      at++;
    }
  }

  boolean take(int c) {
    if (at < end && in[at] == c) {
      at++;
      return true;
    }
    return false;
  }

  /**
   * Reads a decimal number of up to six digits; -1 where there is none, it has more, or it is too
   * great.
   */
  int number(int most) {
    int value = 0;
    int digits = 0;
    while (at < end && digits < 6 && isDigit(at)) {
      value = value * 10 + in[at] - '0';
      at++;
      digits++;
    }
    boolean goesOn = at < end && isDigit(at);
    return digits == 0 || goesOn || value > most ? -1 : value;
  }

  /** RFC 2428 section 2: a printable character that is neither digit nor part of an address. */
  int delimiter() {
    if (at >= end) {
      return -1;
    }
    int c = in[at];
    if (c < 33 || c > 126 || digit(c) >= 0 || c == '.' || c == ':') {
      return -1;
    }
    at++;
    return c;
  }

  /** Reads four numbers with {@code separator} between them. */
  boolean fourNumbers(int separator) {
    long address = 0;
    for (int i = 0; i < 4; i++) {
      if (i > 0 && !take(separator)) {
        return false;
      }
      int number = number(255);
      if (number < 0) {
        return false;
      }
      address = address << 8 | number;
    }
    high = 0;
    low = address;
    return true;
  }

  /** Reads an IPv6 address up to a delimiter: RFC 4291 section 2.2, forms 1 and 2. */
  boolean ipv6(int delimiter) {
    long upper = 0;
    long lower = 0;
    int groups = 0;
    int gap = -1;
    while (at < end && in[at] != delimiter) {
      if (in[at] == ':') {
        boolean twice = at + 1 < end && in[at + 1] == ':';
        if (twice && gap < 0) {
          gap = groups;
          at += 2;
          continue;
        }
        if (twice || groups == 0 || gap == groups) {
          return false;
        }
        at++;
      }
      int group = group();
      if (group < 0 || groups == 8 || at < end && in[at] != ':' && in[at] != delimiter) {
        return false;
      }
      upper = upper << 16 | lower >>> 48;
      lower = lower << 16 | group;
      groups++;
    }
    return place(upper, lower, groups, gap);
  }

  private int group() {
    int group = 0;
    int digits = 0;
    while (at < end && digits < 4 && digit(in[at]) >= 0) {
      group = group << 4 | digit(in[at]);
      at++;
      digits++;
    }
    return digits == 0 ? -1 : group;
  }

  /** Puts the groups in front of the gap and those behind it in their places. */
  private boolean place(long upper, long lower, int groups, int gap) {
    if (gap < 0) {
      high = upper;
      low = lower;
      return groups == 8;
    }
    if (groups > 7) {
      return false;
    }
    int missing = 8 - groups;
    high = 0;
    low = 0;
    for (int i = 0; i < 8; i++) {
      int from = i < gap ? i : i - missing;
      long group = i >= gap && i < gap + missing ? 0 : group(upper, lower, groups - 1 - from);
      high = high << 16 | low >>> 48;
      low = low << 16 | group;
    }
    return true;
  }

  /** Returns a group of 16 bits of an address, counted from behind. */
  static long group(long upper, long lower, int fromBehind) {
    return (fromBehind < 4 ? lower >>> 16 * fromBehind : upper >>> 16 * (fromBehind - 4)) & 0xffff;
  }

  private static int digit(int c) {
    return c >= '0' && c <= '9'
        ? c - '0'
        : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  }
}
