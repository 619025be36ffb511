package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What the panels of all dashboards and the sums of rules ask, asked of a Prometheus. */
final class Panels {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Asks a Prometheus; returns its page, empty where it does not listen yet. */
  interface Source {
    String page(String query) throws Exception;
  }

  private final String namespace;
  private final String gateway;
  private final Source source;

  Panels(String namespace, String gateway, Source source) {
    this.namespace = namespace;
    this.gateway = gateway;
    this.source = source;
  }

  /** Every query has data. */
  void assertData() throws Exception {
    List<String> empty = new ArrayList<>();
    int asked = 0;
    for (Path file : MonitoringTest.dashboards()) {
      JsonNode board = JSON.readTree(file.toFile());
      for (JsonNode panel : board.path("panels")) {
        for (JsonNode target : panel.path("targets")) {
          asked++;
          if (ask(target.path("expr").asText()).isEmpty()) {
            empty.add(file.getFileName() + ", " + panel.path("title") + ": " + target.path("expr"));
          }
        }
      }
      for (JsonNode annotation : board.path("annotations").path("list")) {
        ask(annotation.path("expr").asText());
      }
    }
    for (Map<?, ?> rule : MonitoringTest.rules("record")) {
      asked++;
      if (ask(rule.get("expr").toString()).isEmpty()) {
        empty.add("rule " + rule.get("record"));
      }
    }
    assertTrue(asked > 50, asked + " queries");
    assertEquals("", String.join("\n", empty));
  }

  /** Waits until so many modules were scraped: rates need two samples, and one more may be late. */
  void awaitSamples(int modules) throws Exception {
    String all =
        "count(count_over_time(up{namespace=\"$namespace\"}[1m]) >= 8 and up{namespace=\"$namespace\"} == 1)";
    for (int i = 0; i < 240; i++) {
      if (ask(all).path(0).path("value").path(1).asInt() == modules) {
        return;
      }
      Thread.sleep(500);
    }
    throw new AssertionError("not all " + modules + " modules are scraped");
  }

  private JsonNode ask(String query) throws Exception {
    String given =
        query
            .replace("$namespace", namespace)
            .replace("$gateway", gateway)
            .replace("$__rate_interval", "5s")
            .replaceAll("[$](worker|port)", ".*");
    String page = source.page(given);
    if (page.isEmpty()) {
      return JSON.createArrayNode();
    }
    JsonNode answer = JSON.readTree(page);
    assertEquals("success", answer.path("status").asText(), () -> given + ": " + page);
    return answer.path("data").path("result");
  }
}
