package dev.portcullis.standalone.cli;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which live flows a command is about. */
final class FlowFilterOptions {

  @Option(names = "--source", paramLabel = "CIDR", description = "Sender of the requests.")
  private @Nullable String source;

  @Option(
      names = "--destination",
      paramLabel = "CIDR",
      description = "Receiver of the requests, before translation.")
  private @Nullable String destination;

  @Option(names = "--port", paramLabel = "P", description = "Port of either side.")
  private @Nullable String port;

  @Option(names = "--proto", paramLabel = "NAME", description = "tcp, udp, icmp, ... or a number.")
  private @Nullable String proto;

  @Option(names = "--state", paramLabel = "S", description = "new, established, closed, ...")
  private @Nullable String state;

  @Option(names = "--rule", paramLabel = "NAME", description = "Rule that let the flow through.")
  private @Nullable String rule;

  @Option(names = "--worker", paramLabel = "K", description = "Number of a worker.")
  private @Nullable String worker;

  /** Returns the filters that were given, by name. */
  Map<String, String> query() {
    Map<String, @Nullable String> given = new LinkedHashMap<>();
    given.put("source", source);
    given.put("destination", destination);
    given.put("port", port);
    given.put("proto", proto);
    given.put("state", state);
    given.put("rule", rule);
    given.put("worker", worker);
    Map<String, String> query = new LinkedHashMap<>();
    given.forEach(
        (name, value) -> {
          if (value != null) {
            query.put(name, value);
          }
        });
    return query;
  }

  /** Returns filters as the query of a URL. */
  static String encoded(Map<String, String> query) {
    return query.entrySet().stream()
        .map(it -> it.getKey() + "=" + URLEncoder.encode(it.getValue(), StandardCharsets.UTF_8))
        .collect(Collectors.joining("&"));
  }
}
