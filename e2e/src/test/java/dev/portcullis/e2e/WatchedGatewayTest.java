package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

  private static final String NAMESPACE = "edge";
  private static final String GATEWAY = "live";

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
    Panels panels =
        new Panels(
            NAMESPACE,
            GATEWAY,
            query -> {
              assertTrue(prometheus.isAlive(), "Prometheus does not run");
              return page(query);
            });
    panels.awaitSamples(modules.names().size());
    panels.assertData();
  }

  /** Modules with the labels that Prometheus gives them by the PodMonitor of the chart. */
  private static String scrape() {
    StringBuilder targets = new StringBuilder();
    for (String name : modules.names()) {
      String component = name.replaceAll("-.*", "");
      targets.append(
          "      - {targets: ['%s'], labels: {namespace: %s, portcullis_dev_gateway: %s, pod: %s, app_kubernetes_io_component: %s}}\n"
              .formatted(modules.address(name), NAMESPACE, GATEWAY, name, component));
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

  private static String page(String query) throws Exception {
    var answer =
        net.netns.call(
            net.gateway,
            "curl",
            "-s",
            "--data-urlencode",
            "query=" + query,
            "http://" + PROMETHEUS + "/api/v1/query");
    return answer.code() == 0 ? answer.out() : "";
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
    String program = Plugin.in(bin).toString();
    List<String> command =
        new ArrayList<>(List.of("env", "PATH=" + bin + ":" + System.getenv("PATH"), program));
    command.addAll(List.of(arguments));
    return net.netns.call(net.gateway, command.toArray(String[]::new));
  }
}
