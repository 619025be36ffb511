package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * {@code k8s/} is the chart rendered for people without Helm: a base, and overlays that have what
 * other values make of it.
 */
class ChartKustomizeTest {

  private static final Path FOLDER = Chart.ROOT.resolve("k8s");
  private static final String NAMESPACE =
      """
      apiVersion: v1
      kind: Namespace
      metadata:
        name: portcullis-system
        labels:
          pod-security.kubernetes.io/enforce: restricted
      """;

  @Test
  void shouldFindTheBaseToBeTheChart() throws IOException {
    Map<String, String> files = rendered("default");
    Map<String, String> all = new TreeMap<>(files);
    all.put("namespace.yaml", NAMESPACE);
    all.put("kustomization.yaml", kustomization("resources", new TreeSet<>(all.keySet()), null));
    compare("base", all);
  }

  @ParameterizedTest
  @CsvSource({"observed", "cert-manager"})
  void shouldFindTheOverlayToBeTheChartWithOtherValues(String name) throws IOException {
    Map<String, String> base = rendered("default");
    Map<String, String> files = rendered(name);
    files.entrySet().removeIf(it -> it.getValue().equals(base.get(it.getKey())));
    TreeSet<String> resources = new TreeSet<>(files.keySet());
    resources.removeAll(base.keySet());
    TreeSet<String> patches = new TreeSet<>(files.keySet());
    patches.retainAll(base.keySet());
    resources.add("../../base");
    Map<String, String> all = new TreeMap<>(files);
    all.put("kustomization.yaml", kustomization("resources", resources, patches));
    compare("overlays/" + name, all);
  }

  private static String kustomization(
      String key,
      TreeSet<String> resources,
      @org.jspecify.annotations.Nullable TreeSet<String> patches) {
    StringBuilder text = new StringBuilder();
    text.append("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
    text.append(key).append(":\n");
    resources.forEach(it -> text.append("  - ").append(it).append('\n'));
    if (patches != null && !patches.isEmpty()) {
      text.append("patches:\n");
      patches.forEach(it -> text.append("  - path: ").append(it).append('\n'));
    }
    return text.toString();
  }

  /** What the chart makes of the values of a case, by template; without tests. */
  private static Map<String, String> rendered(String name) {
    String text =
        Chart.template()
            .withValuesFile(
                Path.of("src/test/resources/chart").toAbsolutePath().resolve(name + ".values.yaml"))
            .call();
    Map<String, String> files = new TreeMap<>();
    for (String part : text.split("(?m)^---\n")) {
      String marker = "# Source: portcullis/templates/";
      if (!part.startsWith(marker) || part.startsWith(marker + "tests/")) {
        continue;
      }
      int end = part.indexOf('\n');
      String document =
          part.substring(end + 1)
              .replaceAll("(?m)^ *helm.sh/chart: .*\n", "")
              .replace("managed-by: Helm", "managed-by: kustomize");
      files.merge(
          part.substring(marker.length(), end),
          document.stripTrailing() + "\n",
          (before, more) -> before + "---\n" + more);
    }
    return files;
  }

  private static void compare(String name, Map<String, String> expected) throws IOException {
    Path folder = FOLDER.resolve(name);
    for (Map.Entry<String, String> it : expected.entrySet()) {
      Chart.compare(folder.resolve(it.getKey()), it.getValue());
    }
    List<String> there = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      files.map(it -> it.getFileName().toString()).sorted().forEach(there::add);
    }
    assertEquals(List.copyOf(expected.keySet()), there, name);
  }
}
