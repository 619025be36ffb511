package dev.portcullis.core.wire;

/**
 * The options of an IPv4 header: RFC 791 section 3.1. They are read, never changed: record route
 * and timestamp stay as they came, though RFC 1812 section 5.2.4 would have a router fill them in.
 * Any thread.
 */
public final class Ipv4Options {

  /** {@link #scan}: loose or strict source and record route is there. */
  public static final int SOURCE_ROUTE = 1;

  /** {@link #scan}: an option has a length or a pointer that it cannot have. */
  public static final int MALFORMED = 2;

  private static final int END = 0, NO_OPERATION = 1;
  private static final int RECORD_ROUTE = 7, TIMESTAMP = 68, LOOSE = 131, STRICT = 137;

  private Ipv4Options() {}

  /**
   * Looks through options.
   *
   * @param from offset of the first option
   * @param to behind the header; all bytes up to here are there
   * @return {@link #SOURCE_ROUTE}, {@link #MALFORMED}, both or 0
   */
  public static int scan(byte[] bytes, int from, int to) {
    int found = 0;
    int at = from;
    while (at < to) {
      int type = bytes[at] & 0xff;
      if (type == END) {
        return found;
      }
      if (type == NO_OPERATION) {
        at++;
        continue;
      }
      int length = at + 1 < to ? bytes[at + 1] & 0xff : 0;
      if (length < 2 || at + length > to) {
        return found | MALFORMED;
      }
      switch (type) {
        case LOOSE, STRICT -> {
          // RFC 1812 section 5.2.4.1: one at the most
          found |= (found & SOURCE_ROUTE) != 0 || !pointsIn(bytes, at, 4) ? MALFORMED : 0;
          found |= SOURCE_ROUTE;
        }
        case RECORD_ROUTE -> found |= pointsIn(bytes, at, 4) ? 0 : MALFORMED;
        case TIMESTAMP -> found |= length >= 4 && pointsIn(bytes, at, 5) ? 0 : MALFORMED;
        default -> {}
      }
      at += length;
    }
    return found;
  }

  private static boolean pointsIn(byte[] bytes, int at, int least) {
    return (bytes[at + 1] & 0xff) >= 3 && (bytes[at + 2] & 0xff) >= least;
  }
}
