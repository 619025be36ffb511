package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.portcullis.core.counters.Counter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The quick start of the README on a real cluster of two nodes, and what happens to connections of
 * pods on both sides of the gateway while it is scaled, its pods end or die and its policy changes.
 *
 * <p>{@code -Dportcullis.clusterConnections=500} opens so many. {@code -Dportcullis.keepCluster}
 * leaves all as it is at the end, to be looked at.
 */
class KubernetesTest {

  private static final int CONNECTIONS = Integer.getInteger("portcullis.clusterConnections", 200);
  private static final int TRANSFERS = 2;
  private static final int LONGEST_END_SECONDS = 120;
  private static final String TAG = "0.1.0";
  private static final String NAMESPACE = "default";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

  @TempDir Path folder;

  @Test
  void shouldKeepEveryConnectionOfPodsWhileTheGatewayIsScaledAndItsPodsEnd() throws Exception {
    Netns.need("ip", "ethtool", "jq");
    try (Cluster cluster = Cluster.need(2)) {
      cluster.images(TAG, "io", "worker", "switch", "operator");
      List<String> start = quickStart();
      try {
        run(cluster, start);
      } finally {
        if (System.getProperty("portcullis.keepCluster") == null) {
          cluster.ask("delete", "packetgateway,gatewaypolicy", "--all", "--timeout=60s");
          cluster.ask("delete", "pod", "client", "server");
          cluster.ask("delete", "-f", "examples/kubernetes-tunnels.yaml");
          cluster.shell("helm uninstall portcullis -n portcullis-system --wait --timeout 2m");
        }
      }
      assertNothingIsLeft(cluster);
    }
  }

  private void run(Cluster cluster, List<String> start) throws Exception {
    for (String command : start.subList(1, start.size() - 1)) {
      cluster.shell(command);
    }
    cluster.kubectl("apply", "-f", "examples/kubernetes-tunnels.yaml");
    TunnelHosts hosts = new TunnelHosts(cluster, NAMESPACE, folder);
    hosts.server("node2");
    hosts.client("node1", CONNECTIONS, TRANSFERS);
    Cluster.await(
        "all connections are open",
        180,
        () -> {
          TunnelHost.Line line = hosts.client();
          return line != null && line.open() == CONNECTIONS && line.transfers() > 0;
        });

    assertPodsHaveNoPrivileges(cluster);
    cluster.shell(start.getLast());
    awaitTable(cluster, 5);
    check(hosts, "3 to 5 workers");
    cluster.kubectl("scale", "statefulset/branch-worker", "--replicas=2");
    awaitTable(cluster, 2);
    check(hosts, "5 to 2 workers");
    cluster.kubectl("scale", "packetgateway/branch", "--replicas=3");
    awaitTable(cluster, 3);
    check(hosts, "2 to 3 workers");

    cluster.kubectl("delete", "pod", "branch-worker-1");
    awaitTable(cluster, 3);
    check(hosts, "a worker was restarted");

    String operator =
        cluster.kubectl(
            "-n",
            "portcullis-system",
            "get",
            "pod",
            "-l",
            "app.kubernetes.io/component=operator",
            "-o",
            "jsonpath={.items[0].metadata.name}");
    cluster.kill("portcullis-system", operator);
    check(hosts, "the operator was killed");

    cluster.kill(NAMESPACE, "branch-switch-0");
    check(hosts, "a switch was killed");
    awaitTable(cluster, 3);

    Path changed = folder.resolve("changed.yaml");
    Files.writeString(
        changed,
        Files.readString(Chart.ROOT.resolve("examples/kubernetes.yaml"))
            .replace("9000-9001]", "9000-9002]"));
    long before = epochs(cluster).iterator().next();
    cluster.kubectl("apply", "-f", changed.toString());
    Cluster.await(
        "all work by another table, with the new policy",
        120,
        () -> {
          try {
            Set<Long> epochs = epochs(cluster);
            return epochs.size() == 1 && epochs.iterator().next() > before;
          } catch (Exception e) {
            return false;
          }
        });
    assertEquals("True", ask(cluster, "{.status.conditions[?(@.type=='PolicyAccepted')].status}"));
    awaitTable(cluster, 3);
    check(hosts, "the policy changed");

    cluster.kill(NAMESPACE, "branch-worker-0");
    Thread.sleep(60_000);
    awaitTable(cluster, 3);
    // without a second copy of its flows they break; what counts is that all others live
    TunnelHost.Line after = Objects.requireNonNull(hosts.client());
    System.out.println("a worker was killed: " + after);
    assertTrue(after.open() > 0, after.toString());
    assertEquals(0, after.wrong());

    cluster.ask("delete", "pod", "client");
    awaitBalance(cluster);
    say(hosts);
  }

  /** The restricted standard allows the gateway's pods, and they have no token of Kubernetes. */
  private static void assertPodsHaveNoPrivileges(Cluster cluster) throws Exception {
    String warnings =
        cluster.kubectl(
            "label",
            "--dry-run=server",
            "--overwrite",
            "namespace",
            NAMESPACE,
            "pod-security.kubernetes.io/enforce=restricted");
    // the hosts of this test are named: so it looks
    assertTrue(warnings.contains("client"), warnings);
    assertFalse(warnings.contains("branch-"), warnings);
    String pods =
        cluster.kubectl("get", "pods", "-l", "portcullis.dev/gateway=branch", "-o", "yaml");
    assertFalse(pods.contains("kube-api-access"), "a pod of the gateway has a token");
  }

  /** The commands of the README's quick start. */
  private static List<String> quickStart() throws Exception {
    String readme = Files.readString(Chart.ROOT.resolve("README.md"));
    Matcher block =
        Pattern.compile("## On Kubernetes, in five commands\n.*?```\n(.*?)```", Pattern.DOTALL)
            .matcher(readme);
    assertTrue(block.find(), "the README has no quick start on Kubernetes");
    List<String> commands = block.group(1).lines().map(it -> it.replaceAll(" +#.*", "")).toList();
    assertEquals(5, commands.size(), commands.toString());
    assertEquals("build/images " + TAG, commands.getFirst());
    return commands;
  }

  private static String ask(Cluster cluster, String path) {
    try {
      return cluster.ask("get", "packetgateway/branch", "-o", "jsonpath=" + path);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** Nobody has lost a connection, a while after what happened. */
  private static void check(TunnelHosts hosts, String when) throws Exception {
    Thread.sleep(5_000);
    TunnelHost.Line line = Objects.requireNonNull(hosts.client(), when);
    System.out.println(when + ": " + line);
    assertEquals(0, line.ended(), () -> when + ": " + hosts.log("client"));
    assertEquals(0, line.wrong(), () -> when + ": " + line);
    assertEquals(0, line.failed(), () -> when + ": " + hosts.log("client"));
    assertEquals(CONNECTIONS, line.open(), () -> when + ": " + line);
  }

  /** A table of so many workers holds at every module. */
  private static void awaitTable(Cluster cluster, int workers) throws Exception {
    long began = System.nanoTime();
    Cluster.await(
        "a table of " + workers + " workers",
        180,
        () -> {
          try {
            JsonNode status = status(cluster);
            return status != null
                && status.path("workers").size() == workers
                && status.path("settled").asBoolean()
                && epochs(cluster).size() == 1;
          } catch (Exception e) {
            return false;
          }
        });
    System.out.println(
        "a table of "
            + workers
            + " workers after "
            + (System.nanoTime() - began) / 1_000_000_000
            + " s");
  }

  private static @org.jspecify.annotations.Nullable JsonNode status(Cluster cluster)
      throws Exception {
    for (String ip : addresses(cluster, "app.kubernetes.io/component=switch")) {
      JsonNode status = JSON.readTree(get(ip, "/q/portcullis/status"));
      if (status.path("epoch").asInt() > 0) {
        return status;
      }
    }
    return null;
  }

  /** Numbers of the tables that IO modules and workers work by. */
  private static Set<Long> epochs(Cluster cluster) throws Exception {
    Set<Long> epochs = new TreeSet<>();
    for (String ip : addresses(cluster, "app.kubernetes.io/component in (io,worker)")) {
      epochs.add(new Accounts().with(get(ip, "/q/metrics")).max(Counter.TABLE_EPOCH));
    }
    return epochs;
  }

  private static List<String> addresses(Cluster cluster, String components) throws Exception {
    return cluster
        .kubectl(
            "get",
            "pods",
            "-l",
            "portcullis.dev/gateway=branch," + components,
            "-o",
            "jsonpath={range .items[*]}{.status.podIP}{\"\\n\"}{end}")
        .lines()
        .filter(it -> !it.isBlank())
        .toList();
  }

  private static String get(String ip, String path) throws Exception {
    return HTTP.send(
            HttpRequest.newBuilder(URI.create("http://" + ip + ":8080" + path))
                .timeout(Duration.ofSeconds(10))
                .build(),
            HttpResponse.BodyHandlers.ofString())
        .body();
  }

  /** The books of every module that runs balance once nothing is under way. */
  private static void awaitBalance(Cluster cluster) throws Exception {
    AssertionError last = null;
    for (int i = 0; i < 30; i++) {
      Accounts accounts = new Accounts();
      for (String ip : addresses(cluster, "app.kubernetes.io/component in (io,worker)")) {
        accounts.with(get(ip, "/q/metrics"));
      }
      try {
        accounts.assertModulesBalance("at the end");
        return;
      } catch (AssertionError e) {
        last = e;
        Thread.sleep(1000);
      }
    }
    throw Objects.requireNonNull(last);
  }

  /** What the slowest answers of the run were, and those around the gateway in the same second. */
  private static void say(TunnelHosts hosts) {
    hosts.lines().stream()
        .filter(it -> it.slowestMs() > 1000)
        .forEach(it -> System.out.println("slow: " + it));
  }

  /** All goes with what it belongs to; pods take the time that they need to end. */
  private static void assertNothingIsLeft(Cluster cluster) throws Exception {
    if (System.getProperty("portcullis.keepCluster") != null) {
      return;
    }
    String left = left(cluster);
    for (int i = 0; i < LONGEST_END_SECONDS && !left.isEmpty(); i++) {
      Thread.sleep(1000);
      left = left(cluster);
    }
    assertEquals("", left);
    assertEquals("", cluster.ask("get", "crd", "packetgateways.portcullis.dev", "-o", "name"));
  }

  private static String left(Cluster cluster) throws Exception {
    return cluster.ask(
        "get",
        "all,configmap,secret,networkpolicy,poddisruptionbudget,serviceaccount",
        "-A",
        "-l",
        "app.kubernetes.io/name=portcullis",
        "-o",
        "name");
  }
}
