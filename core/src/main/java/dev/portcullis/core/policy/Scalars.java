package dev.portcullis.core.policy;

import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.format.DateTimeParseException;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Values of the configuration that are written as one text. Any thread. */
final class Scalars {

  /** IP protocols by name, in alphabetical order (IANA, Protocol Numbers). */
  static final Map<String, Integer> PROTOCOLS =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("icmp", 1),
              Map.entry("igmp", 2),
              Map.entry("ipip", 4),
              Map.entry("tcp", 6),
              Map.entry("udp", 17),
              Map.entry("dccp", 33),
              Map.entry("ipv6", 41),
              Map.entry("gre", 47),
              Map.entry("esp", 50),
              Map.entry("ah", 51),
              Map.entry("icmpv6", 58),
              Map.entry("ospf", 89),
              Map.entry("pim", 103),
              Map.entry("vrrp", 112),
              Map.entry("l2tp", 115),
              Map.entry("sctp", 132),
              Map.entry("udplite", 136)));

  private Scalars() {}

  /** Whether a record of the model is written as one text and not as an object. */
  static boolean isText(Class<?> type) {
    return type == PolicySpec.PortRange.class || type == PolicySpec.IcmpMatch.class;
  }

  /** Reads {@code 80} or {@code 1000-2000}; null where it is neither. */
  static PolicySpec.@Nullable PortRange range(String text) {
    if (!text.matches("\\d{1,5}(-\\d{1,5})?")) {
      return null;
    }
    String[] ends = text.split("-");
    int first = Integer.parseInt(ends[0]);
    int last = Integer.parseInt(ends[ends.length - 1]);
    return first <= last && last <= 65535 ? new PolicySpec.PortRange(first, last) : null;
  }

  /** Reads {@code 8} or {@code 3/4}; null where it is neither. */
  static PolicySpec.@Nullable IcmpMatch icmp(String text) {
    if (!text.matches("\\d{1,3}(/\\d{1,3})?")) {
      return null;
    }
    String[] parts = text.split("/");
    int type = Integer.parseInt(parts[0]);
    int code = parts.length > 1 ? Integer.parseInt(parts[1]) : -1;
    return type <= 255 && code <= 255 ? new PolicySpec.IcmpMatch(type, code) : null;
  }

  static boolean isTime(String text) {
    return text.matches("([01]\\d|2[0-3]):[0-5]\\d|24:00");
  }

  static boolean isZone(String text) {
    try {
      return ZoneId.of(text).getRules() != null;
    } catch (DateTimeException e) {
      return false;
    }
  }

  static boolean isDate(String text) {
    try {
      return LocalDate.parse(text).getYear() > 0;
    } catch (DateTimeParseException e) {
      return false;
    }
  }
}
