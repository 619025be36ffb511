package dev.portcullis.worker.stage.ftp;

/**
 * The lines of an FTP control connection that announce a data connection: {@code PORT} and 227 (RFC
 * 959 sections 4.1.2 and 4.2), {@code EPRT} and 229 (RFC 2428). Reads a line in place and writes
 * the one that takes its place; owns no bytes, allocates nothing, and stays inside of what it is
 * given.
 *
 * <p>Read is the first line of a segment, when it is whole (ends in CR LF or LF). A server's 227
 * and 229 may have text around the numbers; of a reply of several lines only the last begins with
 * the code and a space, and counts. Thread: one.
 */
public final class FtpCommand {

  /** {@link #kind}: nothing is announced. */
  public static final int NONE = 0;

  /** {@link #kind}: the client waits for the server at an IPv4 address. */
  public static final int PORT = 1;

  /** {@link #kind}: the client waits for the server at an address of either family. */
  public static final int EPRT = 2;

  /** {@link #kind}: the server waits for the client at an IPv4 address. */
  public static final int PASSIVE = 3;

  /** {@link #kind}: the server waits for the client at its own address. */
  public static final int EXTENDED_PASSIVE = 4;

  /** The longest line that is looked at; a longer one announces nothing. */
  public static final int MAX_LINE = 512;

  /** The most bytes that {@link #write} writes. */
  public static final int MAX_WRITTEN = 64;

  /** What the line announces. */
  public int kind;

  /** Upper half of the address; 0 in IPv4 and where the line has none. */
  public long high;

  /** Lower half of the address; 0 where the line has none. */
  public long low;

  /** IP version of the address; 0 where the line has none. */
  public int version;

  /** Port: 1 to 65535. */
  public int port;

  /** Where the part of the line that has address and port begins. */
  public int start;

  /** Behind that part. */
  public int end;

  private byte[] in = new byte[0];
  private int at;
  private int lineEnd;

  /** Makes an empty one. */
  public FtpCommand() {}

  /**
   * Reads the first line of {@code bytes[from, to)}.
   *
   * @param fromServer whether the server sent it: then replies are looked for, else commands
   * @return {@link #kind}
   */
  public int read(byte[] bytes, int from, int to, boolean fromServer) {
    kind = NONE;
    high = 0;
    low = 0;
    version = 0;
    port = 0;
    in = bytes;
    at = from;
    lineEnd = lineEnd(from, to);
    if (lineEnd < 0) {
      return NONE;
    }
    int read = fromServer ? reply() : command();
    kind = read != NONE && port > 0 ? read : NONE;
    return kind;
  }

  private int lineEnd(int from, int to) {
    int last = Math.min(to, from + MAX_LINE);
    for (int i = from; i < last; i++) {
      if (in[i] == '\n') {
        return i > from && in[i - 1] == '\r' ? i - 1 : i;
      }
    }
    return -1;
  }

  private int command() {
    if (word('P', 'O', 'R', 'T')) {
      return hostPort() && at == lineEnd ? PORT : NONE;
    }
    if (word('E', 'P', 'R', 'T')) {
      return extended() && at == lineEnd ? EPRT : NONE;
    }
    return NONE;
  }

  private boolean word(char a, char b, char c, char d) {
    if (at + 5 > lineEnd
        || upper(at) != a
        || upper(at + 1) != b
        || upper(at + 2) != c
        || upper(at + 3) != d
        || in[at + 4] != ' ') {
      return false;
    }
    at += 5;
    while (at < lineEnd && in[at] == ' ') {
      at++;
    }
    start = at;
    return true;
  }

  private int upper(int i) {
    int c = in[i];
    return c >= 'a' && c <= 'z' ? c - 32 : c;
  }

  private int reply() {
    if (at + 4 > lineEnd || in[at] != '2' || in[at + 1] != '2' || in[at + 3] != ' ') {
      return NONE;
    }
    int code = in[at + 2];
    at += 4;
    if (code == '9') {
      return extendedPassive() ? EXTENDED_PASSIVE : NONE;
    }
    return code == '7' && passive() ? PASSIVE : NONE;
  }

  /** Six numbers, in parentheses or not: the first place in the line where they stand. */
  private boolean passive() {
    for (int i = at; i < lineEnd; i++) {
      boolean digit = in[i] >= '0' && in[i] <= '9';
      boolean inside = i > at && in[i - 1] >= '0' && in[i - 1] <= '9';
      if (digit && !inside) {
        int resume = at;
        at = i;
        start = i;
        if (hostPort()) {
          return true;
        }
        at = resume;
      }
    }
    return false;
  }

  /** Reads {@code h1,h2,h3,h4,p1,p2}. */
  private boolean hostPort() {
    long address = 0;
    int of = 0;
    for (int i = 0; i < 6; i++) {
      if (i > 0 && !take(',')) {
        return false;
      }
      int number = number(255);
      if (number < 0) {
        return false;
      }
      if (i < 4) {
        address = address << 8 | number;
      } else {
        of = of << 8 | number;
      }
    }
    version = 4;
    low = address;
    port = of;
    end = at;
    return true;
  }

  /** Reads {@code |1|10.0.0.5|4000|} or {@code |2|fd00::5|4000|}; any character may part. */
  private boolean extended() {
    int delimiter = delimiter();
    if (delimiter < 0) {
      return false;
    }
    int family = number(2);
    if (family < 1 || !take(delimiter)) {
      return false;
    }
    boolean read = family == 1 ? dotted() : colons(delimiter);
    if (!read || !take(delimiter)) {
      return false;
    }
    port = number(65_535);
    if (port < 0 || !take(delimiter)) {
      return false;
    }
    version = family == 1 ? 4 : 6;
    end = at;
    return true;
  }

  private boolean extendedPassive() {
    while (at < lineEnd && in[at] != '(') {
      at++;
    }
    if (!take('(')) {
      return false;
    }
    start = at;
    int delimiter = delimiter();
    if (delimiter < 0 || !take(delimiter) || !take(delimiter)) {
      return false;
    }
    port = number(65_535);
    if (port < 0 || !take(delimiter)) {
      return false;
    }
    end = at;
    return take(')');
  }

  /** RFC 2428 section 2: a printable character that is neither digit nor part of an address. */
  private int delimiter() {
    if (at >= lineEnd) {
      return -1;
    }
    int c = in[at];
    boolean addressLike =
        c >= '0' && c <= '9'
            || c >= 'a' && c <= 'f'
            || c >= 'A' && c <= 'F'
            || c == '.'
            || c == ':';
    if (c < 33 || c > 126 || addressLike) {
      return -1;
    }
    at++;
    return c;
  }

  private boolean take(int c) {
    if (at < lineEnd && in[at] == c) {
      at++;
      return true;
    }
    return false;
  }

  /** Reads a decimal number of up to five digits; -1 where there is none, or it is too great. */
  private int number(int most) {
    int value = 0;
    int digits = 0;
    while (at < lineEnd && digits < 6 && in[at] >= '0' && in[at] <= '9') {
      value = value * 10 + in[at] - '0';
      at++;
      digits++;
    }
    return digits == 0 || value > most ? -1 : value;
  }

  private boolean dotted() {
    long address = 0;
    for (int i = 0; i < 4; i++) {
      if (i > 0 && !take('.')) {
        return false;
      }
      int number = number(255);
      if (number < 0) {
        return false;
      }
      address = address << 8 | number;
    }
    low = address;
    return true;
  }

  /** RFC 4291 section 2.2, forms 1 and 2, up to the delimiter. */
  private boolean colons(int delimiter) {
    long upper = 0;
    long lower = 0;
    int groups = 0;
    int gap = -1;
    while (at < lineEnd && in[at] != delimiter) {
      if (in[at] == ':') {
        boolean twice = at + 1 < lineEnd && in[at + 1] == ':';
        if (twice && gap < 0) {
          gap = groups;
          at += 2;
          continue;
        }
        if (twice || groups == 0 || gap == groups) {
          return false;
        }
        at++;
        if (at >= lineEnd || digit(in[at]) < 0) {
          return false;
        }
        continue;
      }
      int group = 0;
      int digits = 0;
      while (at < lineEnd && digits < 4 && digit(in[at]) >= 0) {
        group = group << 4 | digit(in[at]);
        at++;
        digits++;
      }
      boolean ended = at < lineEnd && (in[at] == ':' || in[at] == delimiter);
      if (digits == 0 || !ended || groups == 8) {
        return false;
      }
      upper = upper << 16 | lower >>> 48;
      lower = lower << 16 | group;
      groups++;
    }
    return place(upper, lower, groups, gap);
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

  private static long group(long upper, long lower, int fromBehind) {
    return (fromBehind < 4 ? lower >>> 16 * fromBehind : upper >>> 16 * (fromBehind - 4)) & 0xffff;
  }

  private static int digit(byte c) {
    return c >= '0' && c <= '9'
        ? c - '0'
        : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  }

  /** The line that was read lies in {@code bytes} now, at the same place. */
  void within(byte[] bytes) {
    in = bytes;
  }

  /**
   * Writes the part {@code start} to {@code end} of the line that was read, with another address
   * and port; up to {@link #MAX_WRITTEN} bytes.
   *
   * @param toHigh upper half of the address, of the family of the line
   * @param toLow lower half of the address
   * @return behind what was written
   */
  public int write(byte[] to, int offset, long toHigh, long toLow, int toPort) {
    int o = offset;
    switch (kind) {
      case PORT, PASSIVE -> {
        for (int shift = 24; shift >= 0; shift -= 8) {
          o = decimal(to, o, (int) (toLow >>> shift) & 0xff);
          to[o++] = ',';
        }
        o = decimal(to, o, toPort >>> 8);
        to[o++] = ',';
        return decimal(to, o, toPort & 0xff);
      }
      case EPRT -> {
        byte delimiter = in[start];
        to[o++] = delimiter;
        to[o++] = (byte) (version == 4 ? '1' : '2');
        to[o++] = delimiter;
        o = version == 4 ? dotted(to, o, toLow) : colons(to, o, toHigh, toLow);
        to[o++] = delimiter;
        o = decimal(to, o, toPort);
        to[o++] = delimiter;
        return o;
      }
      default -> {
        byte delimiter = in[start];
        to[o++] = delimiter;
        to[o++] = delimiter;
        to[o++] = delimiter;
        o = decimal(to, o, toPort);
        to[o++] = delimiter;
        return o;
      }
    }
  }

  private static int dotted(byte[] to, int offset, long address) {
    int o = offset;
    for (int shift = 24; shift >= 0; shift -= 8) {
      o = decimal(to, o, (int) (address >>> shift) & 0xff);
      if (shift > 0) {
        to[o++] = '.';
      }
    }
    return o;
  }

  /** All eight groups, without leading zeros: right everywhere, shortest nowhere. */
  private static int colons(byte[] to, int offset, long upper, long lower) {
    int o = offset;
    for (int i = 7; i >= 0; i--) {
      int group = (int) group(upper, lower, i);
      boolean begun = false;
      for (int shift = 12; shift >= 0; shift -= 4) {
        int digit = group >>> shift & 15;
        begun |= digit != 0 || shift == 0;
        if (begun) {
          to[o++] = (byte) (digit < 10 ? '0' + digit : 'a' + digit - 10);
        }
      }
      if (i > 0) {
        to[o++] = ':';
      }
    }
    return o;
  }

  private static int decimal(byte[] to, int offset, int value) {
    int o = offset;
    int divisor = 10_000;
    boolean begun = false;
    while (divisor > 0) {
      int digit = value / divisor % 10;
      begun |= digit != 0 || divisor == 1;
      if (begun) {
        to[o++] = (byte) ('0' + digit);
      }
      divisor /= 10;
    }
    return o;
  }
}
