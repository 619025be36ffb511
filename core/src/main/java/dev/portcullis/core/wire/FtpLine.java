package dev.portcullis.core.wire;

/**
 * The lines of an FTP control connection that announce a data connection: {@code PORT} and 227 (RFC
 * 959 sections 4.1.2 and 4.2), {@code EPRT} and 229 (RFC 2428). Reads a line in place and writes
 * what takes the place of address and port in it; owns no bytes, allocates nothing, and stays
 * inside of what it is given, whatever that is.
 *
 * <p>A line ends in LF, with or without CR. A server's 227 and 229 may have text around the
 * numbers; of a reply of several lines only the last begins with the code and a space, and counts.
 * Thread: one.
 */
public final class FtpLine {

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

  /** The longest line that is looked at, in bytes; a longer one announces nothing. */
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

  /** Where the next line begins; -1 where this one has no end. */
  public int next;

  private final LineCursor cursor = new LineCursor();
  private int delimiter;

  /** Makes an empty one. */
  public FtpLine() {}

  /**
   * Reads the line that begins at {@code from}.
   *
   * @param to where the bytes end
   * @param fromServer whether the server sent it: then replies are looked for, else commands
   * @return {@link #kind}
   */
  public int read(byte[] bytes, int from, int to, boolean fromServer) {
    kind = NONE;
    high = 0;
    low = 0;
    version = 0;
    port = 0;
    next = -1;
    int lineFeed = from;
    while (lineFeed < to && bytes[lineFeed] != '\n') {
      lineFeed++;
    }
    if (lineFeed >= to) {
      return NONE;
    }
    next = lineFeed + 1;
    if (next - from > MAX_LINE) {
      return NONE;
    }
    int lineEnd = lineFeed > from && bytes[lineFeed - 1] == '\r' ? lineFeed - 1 : lineFeed;
    cursor.of(bytes, from, lineEnd);
    int read = fromServer ? reply() : command();
    kind = read != NONE && port > 0 ? read : NONE;
    return kind;
  }

  private int command() {
    if (word('P', 'O', 'R', 'T')) {
      return hostPort() && cursor.at == cursor.end ? PORT : NONE;
    }
    if (word('E', 'P', 'R', 'T')) {
      return extended() && cursor.at == cursor.end ? EPRT : NONE;
    }
    return NONE;
  }

  private boolean word(char a, char b, char c, char d) {
    int at = cursor.at;
    if (at + 5 > cursor.end
        || cursor.upper(at) != a
        || cursor.upper(at + 1) != b
        || cursor.upper(at + 2) != c
        || cursor.upper(at + 3) != d
        || cursor.upper(at + 4) != ' ') {
      return false;
    }
    cursor.at += 5;
    cursor.skipSpaces();
    return true;
  }

  private int reply() {
    int at = cursor.at;
    if (at + 4 > cursor.end
        || cursor.upper(at) != '2'
        || cursor.upper(at + 1) != '2'
        || cursor.upper(at + 3) != ' ') {
      return NONE;
    }
    int code = cursor.upper(at + 2);
    cursor.at += 4;
    if (code == '9') {
      return extendedPassive() ? EXTENDED_PASSIVE : NONE;
    }
    return code == '7' && passive() ? PASSIVE : NONE;
  }

  /** Six numbers, in parentheses or not: the first place in the line where they stand. */
  private boolean passive() {
    int first = cursor.at;
    for (int i = first; i < cursor.end; i++) {
      if (cursor.isDigit(i) && (i == first || !cursor.isDigit(i - 1))) {
        cursor.at = i;
        if (hostPort()) {
          return true;
        }
      }
    }
    return false;
  }

  /** Reads {@code h1,h2,h3,h4,p1,p2}. */
  private boolean hostPort() {
    int from = cursor.at;
    if (!cursor.fourNumbers(',') || !cursor.take(',')) {
      return false;
    }
    int upper = cursor.number(255);
    int lower = cursor.take(',') ? cursor.number(255) : -1;
    if (upper < 0 || lower < 0) {
      return false;
    }
    announces(4, upper << 8 | lower, from);
    return true;
  }

  private void announces(int ofVersion, int ofPort, int from) {
    version = ofVersion;
    high = cursor.high;
    low = cursor.low;
    port = ofPort;
    start = from;
    end = cursor.at;
  }

  /** Reads {@code |1|10.0.0.5|4000|} or {@code |2|fd00::5|4000|}; any character may part. */
  private boolean extended() {
    int from = cursor.at;
    delimiter = cursor.delimiter();
    if (delimiter < 0) {
      return false;
    }
    int family = cursor.number(2);
    if (family < 1 || !cursor.take(delimiter)) {
      return false;
    }
    boolean read = family == 1 ? cursor.fourNumbers('.') : cursor.ipv6(delimiter);
    if (!read || !cursor.take(delimiter)) {
      return false;
    }
    int number = cursor.number(65_535);
    if (number < 0 || !cursor.take(delimiter)) {
      return false;
    }
    announces(family == 1 ? 4 : 6, number, from);
    return true;
  }

  /** Reads {@code (|||4000|)}: the first place in the line where that stands. */
  private boolean extendedPassive() {
    while (cursor.skipBehind('(')) {
      int from = cursor.at;
      delimiter = cursor.delimiter();
      if (delimiter >= 0 && cursor.take(delimiter) && cursor.take(delimiter)) {
        int number = cursor.number(65_535);
        if (number >= 0 && cursor.take(delimiter)) {
          cursor.high = 0;
          cursor.low = 0;
          announces(0, number, from);
          if (cursor.take(')')) {
            return true;
          }
        }
      }
      cursor.at = from;
    }
    port = 0;
    return false;
  }

  /**
   * Writes the part {@link #start} to {@link #end} of the line that was read, with another address
   * and port; up to {@link #MAX_WRITTEN} bytes.
   *
   * @param toHigh upper half of the address, of the family of the line
   * @param toLow lower half of the address
   * @return behind what was written
   */
  public int write(byte[] to, int offset, long toHigh, long toLow, int toPort) {
    switch (kind) {
      case PORT, PASSIVE -> {
        int o = bytes(to, offset, toLow, ',');
        to[o++] = ',';
        o = decimal(to, o, toPort >>> 8);
        to[o++] = ',';
        return decimal(to, o, toPort & 0xff);
      }
      case EPRT -> {
        int o = offset;
        to[o++] = (byte) delimiter;
        to[o++] = (byte) (version == 4 ? '1' : '2');
        to[o++] = (byte) delimiter;
        o = version == 4 ? bytes(to, o, toLow, '.') : ipv6(to, o, toHigh, toLow);
        return delimitedPort(to, o, toPort);
      }
      default -> {
        to[offset] = (byte) delimiter;
        to[offset + 1] = (byte) delimiter;
        return delimitedPort(to, offset + 2, toPort);
      }
    }
  }

  private int delimitedPort(byte[] to, int offset, int toPort) {
    to[offset] = (byte) delimiter;
    int o = decimal(to, offset + 1, toPort);
    to[o] = (byte) delimiter;
    return o + 1;
  }

  private static int bytes(byte[] to, int offset, long address, char separator) {
    int o = offset;
    for (int shift = 24; shift >= 0; shift -= 8) {
      o = decimal(to, o, (int) (address >>> shift) & 0xff);
      if (shift > 0) {
        to[o++] = (byte) separator;
      }
    }
    return o;
  }

  /** All eight groups, without leading zeros: right everywhere, shortest nowhere. */
  private static int ipv6(byte[] to, int offset, long upper, long lower) {
    int o = offset;
    for (int i = 7; i >= 0; i--) {
      int group = (int) LineCursor.group(upper, lower, i);
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
    boolean begun = false;
    for (int divisor = 10_000; divisor > 0; divisor /= 10) {
      int digit = value / divisor % 10;
      begun |= digit != 0 || divisor == 1;
      if (begun) {
        to[o++] = (byte) ('0' + digit);
      }
    }
    return o;
  }
}
