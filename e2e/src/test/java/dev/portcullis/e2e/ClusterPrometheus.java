package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Prometheus on this machine: it discovers pods by the cluster's API as the PodMonitor of the chart
 * says, in words of Prometheus itself, as there is no Prometheus operator that reads one.
 */
final class ClusterPrometheus implements AutoCloseable {

  private static final String ADDRESS = "127.0.0.1:9092";

  private final HttpClient http =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private final Path log;
  private final Process process;

  ClusterPrometheus(Cluster cluster, Path folder) throws Exception {
    Path config = folder.resolve("prometheus.yaml");
    Files.writeString(config, scrape(cluster.kubeconfig()));
    log = folder.resolve("prometheus.log");
    process =
        new ProcessBuilder(
                cluster.program("prometheus"),
                "--config.file=" + config,
                "--storage.tsdb.path=" + folder.resolve("prometheus"),
                "--web.listen-address=" + ADDRESS)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
  }

  private static String scrape(Path kubeconfig) {
    Map<?, ?> monitor =
        Chart.documents(Chart.template().set("metrics.podMonitor.enabled", "true").call()).stream()
            .filter(it -> "PodMonitor".equals(it.get("kind")))
            .map(it -> (Map<?, ?>) it.get("spec"))
            .findFirst()
            .orElseThrow();
    Map<?, ?> endpoint = (Map<?, ?>) ((List<?>) monitor.get("podMetricsEndpoints")).getFirst();
    StringBuilder relabel = new StringBuilder();
    for (Object it : (List<?>) ((Map<?, ?>) monitor.get("selector")).get("matchExpressions")) {
      relabel.append(
          "  - {source_labels: [__meta_kubernetes_pod_labelpresent_%s], regex: 'true', action: keep}\n"
              .formatted(label(((Map<?, ?>) it).get("key"))));
    }
    for (Object it : (List<?>) monitor.get("podTargetLabels")) {
      relabel.append(
          "  - {source_labels: [__meta_kubernetes_pod_label_%1$s], target_label: %1$s}\n"
              .formatted(label(it)));
    }
    return """
        global: {scrape_interval: 1s}
        scrape_configs:
        - job_name: gateways
          metrics_path: %s
          kubernetes_sd_configs: [{role: pod, kubeconfig_file: %s}]
          relabel_configs:
          - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: '%s', action: keep}
          - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
          - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
        %s"""
        .formatted(endpoint.get("path"), kubeconfig, endpoint.get("port"), relabel);
  }

  private static String label(Object name) {
    return name.toString().replaceAll("[^a-zA-Z0-9_]", "_");
  }

  /** The answer to a query; empty where it does not listen yet. */
  String page(String query) throws Exception {
    assertTrue(process.isAlive(), () -> "Prometheus does not run: " + said());
    try {
      return http.send(
              HttpRequest.newBuilder(
                      URI.create(
                          "http://"
                              + ADDRESS
                              + "/api/v1/query?query="
                              + URLEncoder.encode(query, StandardCharsets.UTF_8)))
                  .timeout(Duration.ofSeconds(10))
                  .build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    } catch (ConnectException e) {
      return "";
    }
  }

  private String said() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.getMessage();
    }
  }

  @Override
  public void close() throws Exception {
    process.destroy();
    assertTrue(process.waitFor(20, TimeUnit.SECONDS), "Prometheus does not end");
  }
}
