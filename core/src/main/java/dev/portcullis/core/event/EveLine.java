package dev.portcullis.core.event;

import dev.portcullis.core.wire.IpAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * One line of JSON under construction, as UTF-8 in a buffer that is used again: objects, arrays,
 * numbers, texts, addresses and times, in the order of the calls. One thread.
 */
public final class EveLine {

  private static final long NS = 1_000_000_000L;
  private static final long DAY_S = 86_400;

  private byte[] bytes = new byte[1024];
  private int length;
  private boolean first = true;

  /** Makes an empty line. */
  public EveLine() {}

  /** Begins anew. */
  public EveLine clear() {
    length = 0;
    first = true;
    return this;
  }

  /** The line is in here, from 0. */
  public byte[] bytes() {
    return bytes;
  }

  /** Length of the line in bytes. */
  public int length() {
    return length;
  }

  /** Opens an object or an array. */
  public EveLine open(char bracket) {
    comma();
    put(bracket);
    first = true;
    return this;
  }

  /** Closes it. */
  public EveLine close(char bracket) {
    put(bracket);
    first = false;
    return this;
  }

  /** Writes the key of the next value. */
  public EveLine key(String name) {
    comma();
    quoted(name);
    put(':');
    first = true;
    return this;
  }

  /** Writes a number. */
  public EveLine value(long number) {
    comma();
    digits(number);
    return this;
  }

  /** Writes a truth value. */
  public EveLine value(boolean is) {
    comma();
    ascii(is ? "true" : "false");
    return this;
  }

  /** Writes a text. */
  public EveLine value(String text) {
    comma();
    quoted(text);
    return this;
  }

  /** Writes eight bits as a text of two hexadecimal digits. */
  public EveLine hex(int value) {
    comma();
    put('"');
    put(Character.forDigit(value >>> 4 & 15, 16));
    put(Character.forDigit(value & 15, 16));
    put('"');
    return this;
  }

  /** Writes an address as a text. */
  public EveLine address(int version, long high, long low) {
    comma();
    put('"');
    if (version == 4) {
      for (int shift = 24; shift >= 0; shift -= 8) {
        digits(low >>> shift & 255);
        if (shift > 0) {
          put('.');
        }
      }
    } else {
      ascii(new IpAddress(version, high, low).toString());
    }
    put('"');
    return this;
  }

  /**
   * Writes a time as Suricata does: {@code 2017-04-07T22:24:37.251547+0000}.
   *
   * @param ns nanoseconds since 1970-01-01T00:00:00Z, unsigned
   */
  public EveLine time(long ns) {
    comma();
    put('"');
    long seconds = Long.divideUnsigned(ns, NS);
    date(seconds / DAY_S);
    put('T');
    int ofDay = (int) (seconds % DAY_S);
    padded(ofDay / 3600, 2);
    put(':');
    padded(ofDay / 60 % 60, 2);
    put(':');
    padded(ofDay % 60, 2);
    put('.');
    padded((int) (Long.remainderUnsigned(ns, NS) / 1000), 6);
    ascii("+0000\"");
    return this;
  }

  /** Days since 1970 as a date of the Gregorian calendar; years begin in March inside. */
  private void date(long days) {
    long z = days + 719_468;
    long era = z / 146_097;
    int ofEra = (int) (z % 146_097);
    int yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365;
    int ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    int shifted = (5 * ofYear + 2) / 153;
    int month = shifted < 10 ? shifted + 3 : shifted - 9;
    padded((int) (yearOfEra + era * 400) + (month <= 2 ? 1 : 0), 4);
    put('-');
    padded(month, 2);
    put('-');
    padded(ofYear - (153 * shifted + 2) / 5 + 1, 2);
  }

  /** Ends the line. */
  public EveLine end() {
    put('\n');
    return this;
  }

  private void comma() {
    if (!first) {
      put(',');
    }
    first = false;
  }

  private void put(char one) {
    ensure(1);
    bytes[length++] = (byte) one;
  }

  private void padded(int number, int width) {
    int divisor = 1;
    for (int i = 1; i < width; i++) {
      divisor *= 10;
    }
    for (; divisor > 0; divisor /= 10) {
      put((char) ('0' + number / divisor % 10));
    }
  }

  private void digits(long number) {
    if (number < 0) {
      ascii(Long.toString(number));
      return;
    }
    ensure(20);
    int count = 1;
    for (long rest = number / 10; rest > 0; rest /= 10) {
      count++;
    }
    long rest = number;
    for (int at = length + count - 1; at >= length; at--) {
      bytes[at] = (byte) ('0' + rest % 10);
      rest /= 10;
    }
    length += count;
  }

  private void ascii(String text) {
    ensure(text.length());
    for (int i = 0; i < text.length(); i++) {
      bytes[length++] = (byte) text.charAt(i);
    }
  }

  private void quoted(String text) {
    put('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        put('\\');
        put(c);
      } else if (c < 0x20) {
        ascii("\\u00");
        put(Character.forDigit(c >> 4, 16));
        put(Character.forDigit(c & 15, 16));
      } else if (c < 0x80) {
        put(c);
      } else {
        int end = i + 1;
        while (end < text.length() && text.charAt(end) >= 0x80) {
          end++;
        }
        byte[] encoded = text.substring(i, end).getBytes(StandardCharsets.UTF_8);
        ensure(encoded.length);
        System.arraycopy(encoded, 0, bytes, length, encoded.length);
        length += encoded.length;
        i = end - 1;
      }
    }
    put('"');
  }

  private void ensure(int count) {
    if (length + count > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(length + count, bytes.length * 2));
    }
  }

  /** Returns the line without its end. */
  @Override
  public String toString() {
    int end = length > 0 && bytes[length - 1] == '\n' ? length - 1 : length;
    return new String(bytes, 0, end, StandardCharsets.UTF_8);
  }
}
