package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What people look at, of a gateway of processes with traffic: the panels of dashboards, by a real
 * Prometheus, and {@code kubectl portcullis}, whose kubectl leads to the processes. Needs root.
 */
class WatchedGatewayTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PROMETHEUS = "127.0.0.1:9090";

  /** What Prometheus says of modules, as the PodMonitor of the chart has it. */
  private static final Map<String, String> TARGET =
      Map.of("namespace", "edge", "portcullis_dev_gateway", "live");

  @TempDir static Path folder;
  private static LiveNetwork net;
  private static ModuleProcesses modules;

  @BeforeAll
  static void start() throws Exception {
    Netns.need("ip", "sysctl", "curl", "ping", "ethtool", "jq");
    net = new LiveNetwork(LiveNetwork.Driver.ROUTED, folder);
    modules = new ModuleProcesses(folder, Netns.inside(net.gateway));
    modules.startAll(net.yaml("flow-hash", 1));
    // what passes, what a rule drops, and what nobody takes at the other side
    asks("ping -q -i 0.05 10.72.0.2");
    asks("while :; do curl -sm 1 http://10.72.0.2:7001; done");
    asks("ping -q -i 0.2 10.72.0.77");
  }

  private static void asks(String line) throws Exception {
    net.netns.start(net.client, folder.resolve("traffic.log"), "sh", "-c", line);
  }

  @AfterAll
  static void stop() throws Exception {
    if (modules != null) {
      modules.close();
    }
    if (net != null) {
      net.close();
    }
  }

  @Test
  void shouldGetDataForEveryQueryOfEveryPanel() throws Exception {
    Netns.need("prometheus");
    Process prometheus =
        net.netns.start(
            net.gateway,
            folder.resolve("prometheus.log"),
            "prometheus",
            "--config.file=" + Files.writeString(folder.resolve("scrape.yaml"), scrape()),
            "--storage.tsdb.path=" + folder.resolve("data"),
            "--web.listen-address=" + PROMETHEUS);
    awaitSamples(prometheus);
    List<String> empty = new ArrayList<>();
    int asked = 0;
    for (Path file : MonitoringTest.dashboards()) {
      JsonNode board = JSON.readTree(file.toFile());
      for (JsonNode panel : board.path("panels")) {
        for (JsonNode target : panel.path("targets")) {
          asked++;
          if (!hasData(target.path("expr").asText())) {
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
      if (!hasData(rule.get("expr").toString())) {
        empty.add("rule " + rule.get("record"));
      }
    }
    assertTrue(asked > 50, asked + " queries");
    assertEquals("", String.join("\n", empty));
  }

  private static String scrape() {
    StringBuilder targets = new StringBuilder();
    for (String name : modules.names()) {
      String component = name.replaceAll("-.*", "");
      targets.append(
          "      - {targets: ['%s'], labels: {namespace: %s, portcullis_dev_gateway: %s, pod: %s, app_kubernetes_io_component: %s}}\n"
              .formatted(
                  modules.address(name),
                  TARGET.get("namespace"),
                  TARGET.get("portcullis_dev_gateway"),
                  name,
                  component));
    }
    return """
        global: {scrape_interval: 1s}
        scrape_configs:
          - job_name: gateways
            metrics_path: /q/metrics
            static_configs:
        %s"""
        .formatted(targets);
  }

  /** Rates need two samples, and a second more where one is late. */
  private static void awaitSamples(Process prometheus) throws Exception {
    int targets = modules.names().size();
    String all = "count(count_over_time(up{namespace=\"edge\"}[1m]) >= 8 and up == 1)";
    for (int i = 0; i < 240; i++) {
      assertTrue(prometheus.isAlive(), "Prometheus does not run");
      JsonNode result = ask(all);
      if (result.path(0).path("value").path(1).asInt() == targets) {
        return;
      }
      Thread.sleep(500);
    }
    throw new AssertionError("not all " + targets + " modules are scraped");
  }

  private static boolean hasData(String query) throws Exception {
    return !ask(query).isEmpty();
  }

  private static JsonNode ask(String query) throws Exception {
    String given =
        query
            .replace("$namespace", TARGET.get("namespace"))
            .replace("$gateway", TARGET.get("portcullis_dev_gateway"))
            .replace("$__rate_interval", "5s")
            .replaceAll("[$](worker|port)", ".*");
    var answer =
        net.netns.call(
            net.gateway,
            "curl",
            "-s",
            "--data-urlencode",
            "query=" + given,
            "http://" + PROMETHEUS + "/api/v1/query");
    if (answer.code() != 0) {
      return JSON.createArrayNode(); // it does not listen yet
    }
    JsonNode page = JSON.readTree(answer.out());
    assertEquals("success", page.path("status").asText(), () -> given + ": " + page);
    return page.path("data").path("result");
  }

  @Test
  void shouldShowTheStateOfTheGatewayOnOneScreen() throws Exception {
    String screen = plugin("status", "live");
    assertTrue(screen.contains("gateway live in edge"), screen);
    assertTrue(screen.contains("3 in the table of 3 wanted"), screen);
    assertTrue(screen.contains("all work by it"), screen);
    assertTrue(screen.matches("(?s).*traffic +[1-9].* packets/s in.*"), screen);
    assertFalse(screen.contains("\u001b"), "colours where there is no terminal");
    assertTrue(screen.lines().allMatch(it -> it.length() < 160), screen);
  }

  @Test
  void shouldSayTheSameAsJson() throws Exception {
    JsonNode status = JSON.readTree(plugin("status", "-o", "json"));
    assertEquals("live", status.path("gateway").asText());
    assertEquals(3, status.path("n").asInt());
    assertEquals(3, status.path("flows").size());
    assertTrue(status.path("settled").asBoolean());
    assertTrue(status.path("packets_per_second").path("in").asInt() > 0, status.toString());
    assertEquals(0, status.path("late").size());
    assertTrue(JSON.readTree(plugin("events", "-o", "json")).path("scale_events").isArray());
  }

  @Test
  void shouldListFlowsOfAllWorkers() throws Exception {
    String flows = plugin("flows", "live", "--limit", "5");
    assertTrue(flows.contains("10.71.0.2"), flows);
  }

  @Test
  void shouldSayWhatIsWrongInOneSentence() throws Exception {
    var ended = call("status", "-o", "yaml");
    assertEquals(2, ended.code());
    assertEquals("-o is json, not \"yaml\"\n", ended.out());
  }

  private static String plugin(String... arguments) throws Exception {
    var ended = call(arguments);
    assertEquals(0, ended.code(), ended.out());
    return ended.out();
  }

  private static Netns.Ended call(String... arguments) throws Exception {
    Path bin = Files.createDirectories(folder.resolve("bin"));
    Path kubectl = bin.resolve("kubectl");
    try (var source = WatchedGatewayTest.class.getResourceAsStream("/kubectl/kubectl")) {
      Files.write(kubectl, Objects.requireNonNull(source).readAllBytes());
    }
    assertTrue(kubectl.toFile().setExecutable(true));
    StringBuilder pods = new StringBuilder();
    modules.names().forEach(it -> pods.append(it + " " + modules.address(it) + "\n"));
    Files.writeString(bin.resolve("pods"), pods);
    Files.writeString(
        bin.resolve("portcullis"),
        "#!/bin/sh\nexec " + String.join(" ", Said.command("-Xmx256m")) + " \"$@\"\n");
    assertTrue(bin.resolve("portcullis").toFile().setExecutable(true));
    Files.copy(
        Chart.ROOT.resolve("kubectl-portcullis"),
        bin.resolve("kubectl-portcullis"),
        StandardCopyOption.REPLACE_EXISTING);
    List<String> command =
        new ArrayList<>(
            List.of("env", "PATH=" + bin + ":" + System.getenv("PATH"), "kubectl-portcullis"));
    command.addAll(List.of(arguments));
    return net.netns.call(net.gateway, command.toArray(String[]::new));
  }
}
