package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.FlowPage;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Flows as a gateway tells of them, read back for people: {@link FlowPage#toJson} and objects of
 * texts and numbers with one object inside, {@code nat}.
 */
final class FlowLine {

  private static final Pattern PAGE =
      Pattern.compile("\\{\"flows\":\\[(.*)],\"more\":(true|false)}\\s*", Pattern.DOTALL);
  private static final Pattern NAT = Pattern.compile("\"nat\":\\{([^}]*)},?");

  private FlowLine() {}

  /** Reads a page; null where the text is something else. */
  static @Nullable FlowPage page(String text) {
    Matcher matcher = PAGE.matcher(text);
    if (!matcher.matches()) {
      return null;
    }
    List<String> lines = new ArrayList<>();
    int depth = 0;
    int start = 0;
    String body = matcher.group(1);
    boolean quoted = false;
    for (int i = 0; i < body.length(); i++) {
      char c = body.charAt(i);
      if (quoted) {
        if (c == '\\') {
          i++;
        } else if (c == '"') {
          quoted = false;
        }
      } else if (c == '"') {
        quoted = true;
      } else if (c == '{') {
        start = depth++ == 0 ? i : start;
      } else if (c == '}' && --depth == 0) {
        lines.add(body.substring(start, i + 1));
      }
    }
    return new FlowPage(lines, Boolean.parseBoolean(matcher.group(2)));
  }

  /** Prints flows as a table. */
  static void table(List<String> lines, PrintWriter out) {
    out.printf(
        "%-6s %-12s %-16s %7s %9s %9s %s%n",
        "worker", "state", "rule", "age", "packets", "bytes", "flow");
    for (String line : lines) {
      String plain = NAT.matcher(line).replaceFirst("");
      Matcher nat = NAT.matcher(line);
      String translated = nat.find() ? " → " + tuple(nat.group(1)) : "";
      out.printf(
          "%-6s %-12s %-16s %6ss %9d %9d %s %s%s%n",
          get(plain, "worker"),
          get(plain, "state"),
          get(plain, "rule"),
          get(plain, "age"),
          number(plain, "pkts_toserver") + number(plain, "pkts_toclient"),
          number(plain, "bytes_toserver") + number(plain, "bytes_toclient"),
          get(plain, "proto").toLowerCase(Locale.ROOT),
          tuple(plain),
          translated);
    }
  }

  private static String tuple(String object) {
    return end(object, "src") + " > " + end(object, "dest");
  }

  private static String end(String object, String side) {
    String address = get(object, side + "_ip");
    String port = get(object, side + "_port");
    return port.isEmpty()
        ? address
        : (address.indexOf(':') < 0 ? address : "[" + address + "]") + ":" + port;
  }

  private static long number(String object, String key) {
    String text = get(object, key);
    return text.isEmpty() ? 0 : Long.parseLong(text);
  }

  private static String get(String object, String key) {
    Matcher matcher =
        Pattern.compile("\"" + key + "\":(?:\"((?:[^\"\\\\]|\\\\.)*)\"|(-?\\d+))").matcher(object);
    if (!matcher.find()) {
      return "";
    }
    return matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
  }
}
