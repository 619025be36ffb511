package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.portcullis.core.counters.Counter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Rules and dashboards of the chart, played and asked: they show what there is. */
class MonitoringTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path FILES = Chart.FOLDER.resolve("files");
  private static final Path RUNBOOKS = Chart.ROOT.resolve("docs/runbooks");
  private static final Pattern METRIC = Pattern.compile("portcullis_[a-z_]+");
  @TempDir Path folder;

  static List<Path> dashboards() throws IOException {
    try (Stream<Path> files = Files.list(FILES.resolve("dashboards"))) {
      return files.sorted().toList();
    }
  }

  static List<Map<?, ?>> rules(String kind) throws IOException {
    List<Map<?, ?>> rules = new ArrayList<>();
    Map<String, Object> file =
        Chart.documents(Files.readString(FILES.resolve("alerts.yaml"))).getFirst();
    for (Object group : (List<?>) file.get("groups")) {
      for (Object rule : (List<?>) ((Map<?, ?>) group).get("rules")) {
        if (rule instanceof Map<?, ?> it && it.containsKey(kind)) {
          rules.add(it);
        }
      }
    }
    return rules;
  }

  @Test
  void shouldFireEachAlertWhereItMustAndNowhereElse() throws Exception {
    Netns.need("promtool");
    Files.copy(FILES.resolve("alerts.yaml"), folder.resolve("alerts.yaml"));
    Path played = folder.resolve("alerts-test.yaml");
    Files.copy(Path.of("src/test/resources/alerts/alerts-test.yaml"), played);
    String said = promtool("check", "rules", folder.resolve("alerts.yaml").toString());
    assertTrue(said.contains("SUCCESS"), said);
    said = promtool("test", "rules", played.toString());
    assertTrue(said.contains("SUCCESS"), said);
    String tests = Files.readString(played);
    for (Map<?, ?> rule : rules("alert")) {
      for (String what : List.of(" fires", " keeps quiet")) {
        assertTrue(tests.contains("name: " + rule.get("alert") + what), rule.get("alert") + what);
      }
    }
  }

  private String promtool(String... arguments) throws Exception {
    Path said = folder.resolve("promtool.out");
    List<String> command = new ArrayList<>(List.of("promtool"));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile()).start();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "promtool does not end");
    String text = Files.readString(said);
    assertEquals(0, process.exitValue(), text);
    return text;
  }

  @Test
  void shouldHaveARunbookForEachAlertAndNoOther() throws IOException {
    Set<String> alerts = new TreeSet<>();
    for (Map<?, ?> rule : rules("alert")) {
      Map<?, ?> annotations = (Map<?, ?>) rule.get("annotations");
      assertEquals(Set.of("summary", "description", "runbook_url"), annotations.keySet());
      Object severity = ((Map<?, ?>) rule.get("labels")).get("severity");
      assertTrue(Set.of("info", "warning", "critical").contains(severity), rule.toString());
      String page = rule.get("alert") + ".md";
      assertEquals("docs/runbooks/" + page, annotations.get("runbook_url"));
      assertTrue(Files.readString(RUNBOOKS.resolve(page)).contains(rule.get("expr").toString()));
      alerts.add(page);
    }
    alerts.add("README.md");
    try (Stream<Path> pages = Files.list(RUNBOOKS)) {
      assertEquals(
          alerts,
          pages
              .map(it -> it.getFileName().toString())
              .collect(Collectors.toCollection(TreeSet::new)));
    }
  }

  @Test
  void shouldAskInRulesForWhatModulesCountOnly() throws IOException {
    assertEquals(Set.of(), unknown(Files.readString(FILES.resolve("alerts.yaml"))));
  }

  /** Names that look like metrics of the gateway and are none. */
  private static Set<String> unknown(String text) {
    Set<String> known =
        Arrays.stream(Counter.values()).map(Counter::metric).collect(Collectors.toSet());
    return METRIC
        .matcher(text)
        .results()
        .map(it -> it.group().replaceAll("_bucket$", ""))
        .filter(it -> !it.startsWith("portcullis_dev_") && !known.contains(it))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @ParameterizedTest
  @MethodSource("dashboards")
  void shouldBeADashboardThatGrafanaTakes(Path file) throws IOException {
    JsonNode board = JSON.readTree(file.toFile());
    assertTrue(board.path("uid").asText().matches("portcullis-[a-z]+"));
    assertEquals(39, board.path("schemaVersion").asInt());
    assertEquals(Set.of(), unknown(board.toString()));
    Set<Integer> ids = new HashSet<>();
    List<int[]> places = new ArrayList<>();
    for (JsonNode panel : board.path("panels")) {
      String title = file.getFileName() + ": " + panel.path("title").asText();
      assertTrue(ids.add(panel.path("id").asInt()), title);
      JsonNode at = panel.path("gridPos");
      int[] place = {
        at.path("x").asInt(), at.path("y").asInt(), at.path("w").asInt(), at.path("h").asInt()
      };
      assertTrue(place[2] > 0 && place[3] > 0 && place[0] + place[2] <= 24, title);
      for (int[] other : places) {
        assertFalse(overlaps(place, other), title + " lies over another panel");
      }
      places.add(place);
      if (!panel.path("type").asText().equals("row")) {
        assertTrue(Set.of("timeseries", "stat").contains(panel.path("type").asText()), title);
        assertFalse(panel.path("targets").isEmpty(), title);
        assertFalse(panel.path("fieldConfig").path("defaults").path("unit").isMissingNode(), title);
      }
    }
  }

  private static boolean overlaps(int[] a, int[] b) {
    return a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3];
  }
}
