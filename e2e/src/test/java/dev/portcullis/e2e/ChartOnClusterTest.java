package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A release of the chart on a real cluster, from the chart before this one to its end. The chart
 * before is this one with a lower version and definitions without {@code timeouts.silence}.
 */
class ChartOnClusterTest {

  private static final String TAG = "0.1.0";
  private static final String SPACE = "portcullis-chart";
  private static final String RELEASE = " portcullis -n " + SPACE + " ";
  private static final String WAIT = " --wait --timeout 5m";

  @TempDir Path folder;

  @Test
  void shouldBeUpgradedTestedRolledBackAndLeaveNothing() throws Exception {
    Netns.need("jq");
    try (Cluster cluster = Cluster.need(2)) {
      cluster.images(TAG, "operator");
      Path before = before();
      try {
        cluster.shell("helm install" + RELEASE + before + " --create-namespace" + WAIT);
        cluster.kubectl("apply", "-n", SPACE, "-f", policy().toString());
        assertEquals("", silence(cluster));
        assertTested(cluster);

        cluster.shell("helm upgrade" + RELEASE + "helm/portcullis" + WAIT);
        assertEquals("5s", silence(cluster));
        assertEquals("portcullis-0.1.0 deployed", release(cluster));
        assertTested(cluster);

        cluster.shell("helm rollback" + RELEASE + "1" + WAIT);
        assertEquals("", silence(cluster));
        assertEquals("portcullis-0.0.9 deployed", release(cluster));
        assertTested(cluster);
        assertEquals(
            "gatewaypolicy.portcullis.dev/branch-policy",
            cluster.kubectl("get", "gatewaypolicies", "-n", SPACE, "-o", "name").strip());
      } finally {
        cluster.shell("helm uninstall" + RELEASE + WAIT);
      }
      assertEquals("", cluster.awaitNothing());
      assertEquals(
          "",
          cluster.ask(
              "get",
              "clusterrole,clusterrolebinding,crd",
              "-l",
              "app.kubernetes.io/name=portcullis",
              "-o",
              "name"));
      cluster.kubectl("delete", "namespace", SPACE, "--timeout=2m");
    }
  }

  private Path before() throws IOException {
    Path copy = folder.resolve("portcullis");
    try (Stream<Path> files = Files.walk(Chart.FOLDER)) {
      for (Path it : files.toList()) {
        Files.copy(it, copy.resolve(Chart.FOLDER.relativize(it).toString()));
      }
    }
    replace(copy.resolve("Chart.yaml"), "(?m)^version: .*$", "version: 0.0.9");
    replace(copy.resolve("files/crds/packetgateways.yaml"), "(?m)^( +)silence:\n(\\1  .*\n)+", "");
    return copy;
  }

  private static void replace(Path file, String what, String by) throws IOException {
    String text = Files.readString(file);
    String changed = text.replaceFirst(what, by);
    assertTrue(!changed.equals(text), () -> file + " has no " + what);
    Files.writeString(file, changed);
  }

  /** Something of a user that must outlive all changes of the release. */
  private Path policy() throws IOException {
    List<String> documents =
        List.of(
            Files.readString(Chart.ROOT.resolve("examples/kubernetes.yaml")).split("(?m)^---\n"));
    return Files.writeString(folder.resolve("policy.yaml"), documents.getLast());
  }

  /** The default of a field that only the new definition has. */
  private static String silence(Cluster cluster) throws Exception {
    return cluster.kubectl(
        "get",
        "crd",
        "packetgateways.portcullis.dev",
        "-o",
        "jsonpath={.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.timeouts"
            + ".properties.silence.default}");
  }

  private static String release(Cluster cluster) throws Exception {
    return cluster
        .shell("helm list -n " + SPACE + " -o json | jq -r '.[] | .chart + \" \" + .status'")
        .strip();
  }

  private static void assertTested(Cluster cluster) throws Exception {
    String said = cluster.shell("helm test" + RELEASE + "--timeout 2m");
    assertTrue(said.matches("(?s).*Phase: +Succeeded.*"), said);
  }
}
