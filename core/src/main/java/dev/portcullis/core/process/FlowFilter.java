package dev.portcullis.core.process;

import dev.portcullis.core.event.ProtocolName;
import dev.portcullis.core.wire.Prefix;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which live flows are asked for. Of a flow, the request counts: its sender, its receiver before
 * translation.
 *
 * @param source null: any
 * @param destination null: any
 * @param port of either side, -1: any
 * @param protocol IP protocol, -1: any
 * @param state name of a state, null: any
 * @param rule name of a rule, null: any
 * @param worker number of a worker, -1: any
 * @param limit most flows of the answer, 1 to {@link #MAX}
 */
public record FlowFilter(
    @Nullable Prefix source,
    @Nullable Prefix destination,
    int port,
    int protocol,
    @Nullable String state,
    @Nullable String rule,
    int worker,
    int limit) {

  /** The most flows of one answer. */
  public static final int MAX = 10_000;

  private static final List<String> NAMES =
      List.of("source", "destination", "port", "proto", "state", "rule", "worker", "limit");

  /**
   * Reads filters from the parameters of a query.
   *
   * @throws ModuleException with a sentence when one is not known or not well-formed
   */
  public static FlowFilter of(Map<String, String> query) throws ModuleException {
    for (String name : query.keySet()) {
      if (!NAMES.contains(name)) {
        throw wrong(name, "is no filter", "allowed are " + String.join(", ", NAMES));
      }
    }
    String proto = query.get("proto");
    int protocol = proto == null ? -1 : ProtocolName.parse(proto);
    if (proto != null && protocol < 0) {
      throw wrong(
          "proto", "is \"" + proto + "\"", "allowed is a name such as tcp or a number to 255");
    }
    return new FlowFilter(
        prefix(query, "source"),
        prefix(query, "destination"),
        number(query, "port", -1, 0, 65_535),
        protocol,
        query.get("state"),
        query.get("rule"),
        number(query, "worker", -1, 0, (1 << 24) - 1),
        number(query, "limit", 100, 1, MAX));
  }

  /**
   * Reads the query of a URL.
   *
   * @throws ModuleException with a sentence when a filter is not known or not well-formed
   */
  public static FlowFilter ofQuery(@Nullable String rawQuery) throws ModuleException {
    Map<String, String> query = new HashMap<>();
    for (String part : (rawQuery == null ? "" : rawQuery).split("&", -1)) {
      int equals = part.indexOf('=');
      if (equals > 0) {
        query.put(part.substring(0, equals), decoded(part.substring(equals + 1)));
      } else if (!part.isEmpty()) {
        query.put(part, "");
      }
    }
    return of(query);
  }

  private static String decoded(String text) throws ModuleException {
    try {
      return java.net.URLDecoder.decode(text, java.nio.charset.StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw wrong("query", "is not encoded as URLs are", "allowed is %XX");
    }
  }

  private static @Nullable Prefix prefix(Map<String, String> query, String name)
      throws ModuleException {
    String text = query.get(name);
    if (text == null) {
      return null;
    }
    Prefix prefix = Prefix.parse(text);
    if (prefix == null) {
      throw wrong(
          name, "is \"" + text + "\"", "allowed is an address or a prefix such as 10.0.0.0/8");
    }
    return prefix;
  }

  private static int number(Map<String, String> query, String name, int otherwise, int min, int max)
      throws ModuleException {
    String text = query.get(name);
    if (text == null) {
      return otherwise;
    }
    if (!text.matches("\\d{1,8}") || Integer.parseInt(text) < min || Integer.parseInt(text) > max) {
      throw wrong(name, "is \"" + text + "\"", "allowed is " + min + " to " + max);
    }
    return Integer.parseInt(text);
  }

  private static ModuleException wrong(String name, String is, String allowed) {
    return new ModuleException(ExitCode.USAGE, name + " " + is + "; " + allowed);
  }
}
