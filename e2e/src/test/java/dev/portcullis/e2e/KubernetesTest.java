package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.portcullis.core.counters.Counter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The quick start of the README on a real cluster of two nodes, and what happens to connections of
 * pods on both sides of the gateway while it is scaled, its pods end, die, move and are renewed,
 * and its policy changes: none of them ends. What each costs in answers that take longer than a
 * second is printed.
 *
 * <p>{@code -Dportcullis.clusterConnections=50} opens so many. {@code -Dportcullis.keepCluster}
 * leaves all as it is at the end, to be looked at.
 */
class KubernetesTest {

  private static final int CONNECTIONS = Integer.getInteger("portcullis.clusterConnections", 500);
  private static final int TRANSFERS = 2;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TAG = "0.1.0";
  private static final String NAMESPACE = "default";

  /** Longest answer while something happens that a gateway is made for, ms. */
  private static final long HARDLY_FELT_MS = 5_000;

  /** Longest answer while a pod ends that passes packets and has no other in its place, ms. */
  private static final long WITHOUT_A_POD_MS = 90_000;

  @TempDir Path folder;

  private Cluster cluster;
  private ClusterGateway gateway;
  private TunnelHosts hosts;
  private final List<String> tooLong = new ArrayList<>();

  @Test
  void shouldKeepEveryConnectionOfPodsWhateverHappensToTheGateway() throws Exception {
    Netns.need("ip", "ethtool", "jq");
    try (Cluster it = Cluster.need(2)) {
      cluster = it;
      assumeTrue(
          it.has("prometheus"),
          "the local cluster has no Prometheus that discovers pods: run its build prometheus");
      gateway = new ClusterGateway(it, "branch");
      cluster.images(TAG, "io", "worker", "switch", "operator");
      List<String> start = quickStart();
      try {
        begin(start);
        scale(start.getLast());
        look();
        end();
        change();
        die();
        move();
        renew();
        cluster.ask("delete", "pod", "client");
        gateway.awaitBalance();
        assertEquals(List.of(), tooLong);
      } finally {
        if (System.getProperty("portcullis.keepCluster") == null) {
          cluster.ask("uncordon", "node2");
          cluster.ask("delete", "packetgateway,gatewaypolicy", "--all", "--timeout=60s");
          cluster.ask("delete", "pod", "client", "server");
          cluster.ask("delete", "-f", "examples/kubernetes-tunnels.yaml");
          cluster.shell("helm uninstall portcullis -n portcullis-system --wait --timeout 2m");
        }
      }
      if (System.getProperty("portcullis.keepCluster") == null) {
        assertEquals("", cluster.awaitNothing());
        assertEquals("", cluster.ask("get", "crd", "packetgateways.portcullis.dev", "-o", "name"));
      }
    }
  }

  private void begin(List<String> start) throws Exception {
    for (String command : start.subList(1, start.size() - 1)) {
      cluster.shell(command);
    }
    cluster.kubectl("apply", "-f", "examples/kubernetes-tunnels.yaml");
    hosts = new TunnelHosts(cluster, NAMESPACE, folder);
    hosts.server("node2");
    hosts.client("node1", CONNECTIONS, TRANSFERS);
    Cluster.await(
        "all connections are open",
        180,
        () -> {
          TunnelHost.Line line = hosts.client();
          return line != null && line.open() == CONNECTIONS && line.transfers() > 0;
        });
    gateway.awaitRest(3);
    assertPodsHaveNoPrivileges();
  }

  private interface Event {
    void happen() throws Exception;
  }

  /** What a gateway is made for: hardly anybody feels it. */
  private void unfelt(String what, int workers, Event event) throws Exception {
    felt(what, HARDLY_FELT_MS, workers, event);
  }

  /** Answers may wait, for so long at the most. The story goes on where they wait longer. */
  private void felt(String what, long mostMs, int workers, Event event) throws Exception {
    Stalls stalls = survived(what, workers, event);
    if (stalls.longestMs() > mostMs) {
      tooLong.add(what + ": " + stalls);
    }
  }

  /** No connection ends by what happens, and afterwards there is a table of so many workers. */
  private Stalls survived(String what, int workers, Event event) throws Exception {
    long began = System.nanoTime();
    int before = hosts.lines().size();
    event.happen();
    gateway.awaitRest(workers);
    Thread.sleep(5_000);
    List<TunnelHost.Line> lines = hosts.lines();
    TunnelHost.Line line = lines.getLast();
    Stalls stalls = Stalls.of(lines.subList(before, lines.size()));
    System.out.println(
        what + ": " + (System.nanoTime() - began) / 1_000_000_000 + " s; " + line + "; " + stalls);
    System.out.println(what + ": dropped so far " + gateway.drops());
    assertEquals(0, line.ended(), () -> what + ": " + hosts.log("client"));
    assertEquals(0, line.wrong(), () -> what + ": " + line);
    assertEquals(0, line.failed(), () -> what + ": " + hosts.log("client"));
    assertEquals(CONNECTIONS, line.open(), () -> what + ": " + line);
    return stalls;
  }

  private void scale(String command) throws Exception {
    unfelt(
        "3 to 5 workers",
        5,
        () -> {
          cluster.shell(command);
          System.out.println(
              "B13: first packet on the new worker "
                  + gateway.firstPacketMs("branch-worker-4")
                  + " ms after it was started");
        });
    unfelt(
        "5 to 2 workers",
        2,
        () -> cluster.kubectl("scale", "statefulset/branch-worker", "--replicas=2"));
    unfelt(
        "2 to 3 workers",
        3,
        () -> cluster.kubectl("scale", "packetgateway/branch", "--replicas=3"));
  }

  /** What people look at: the plugin, and every panel of every dashboard. */
  private void look() throws Exception {
    String plugin = Plugin.in(Files.createDirectories(folder.resolve("plugin"))) + " ";
    String status = cluster.shell(plugin + "status");
    System.out.println(status);
    assertTrue(status.contains("3 in the table of 3 wanted"), status);
    assertTrue(status.contains("all work by it"), status);
    JsonNode counted = JSON.readTree(cluster.shell(plugin + "status branch -o json"));
    assertTrue(counted.path("packets_per_second").path("in").asInt() > 0, counted.toString());
    assertEquals(3, counted.path("flows").size(), counted.toString());
    String events = cluster.shell(plugin + "events");
    assertTrue(events.lines().filter(it -> it.contains(" done ")).count() >= 3, events);
    String flows = cluster.shell(plugin + "flows branch --limit 20");
    assertTrue(flows.lines().filter(it -> it.contains(":9000")).count() > 5, flows);
    try (ClusterPrometheus prometheus = new ClusterPrometheus(cluster, folder)) {
      Panels panels = new Panels(NAMESPACE, "branch", prometheus::page);
      panels.awaitSamples(gateway.modules());
      panels.assertData();
    }
  }

  private void end() throws Exception {
    unfelt(
        "a worker was told to end", 3, () -> cluster.kubectl("delete", "pod", "branch-worker-1"));
  }

  private void change() throws Exception {
    Path changed = folder.resolve("changed.yaml");
    Files.writeString(
        changed,
        Files.readString(Chart.ROOT.resolve("examples/kubernetes.yaml"))
            .replace("9000-9001]", "9000-9002]"));
    long before = gateway.epochs().iterator().next();
    unfelt(
        "the policy changed",
        3,
        () -> {
          cluster.kubectl("apply", "-f", changed.toString());
          Cluster.await(
              "a table with the new policy",
              120,
              () -> {
                try {
                  return gateway.epochs().stream().allMatch(it -> it > before);
                } catch (Exception e) {
                  return false;
                }
              });
        });
    assertEquals(
        "True",
        cluster.ask(
            "get",
            "packetgateway/branch",
            "-o",
            "jsonpath={.status.conditions[?(@.type=='PolicyAccepted')].status}"));
  }

  private void die() throws Exception {
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
    unfelt("the operator was killed", 3, () -> cluster.kill("portcullis-system", operator));
    unfelt("a switch was killed", 3, () -> cluster.kill(NAMESPACE, "branch-switch-0"));

    long before = gateway.sum("worker", Counter.REPLICA_TAKEOVERS);
    felt(
        "a worker was killed",
        WITHOUT_A_POD_MS,
        3,
        () -> {
          cluster.kill(NAMESPACE, "branch-worker-0");
          Cluster.await(
              "its guardian goes on",
              30,
              () -> {
                try {
                  return gateway.sum("worker", Counter.REPLICA_TAKEOVERS) > before;
                } catch (Exception e) {
                  return false;
                }
              });
        });
    felt(
        "the pod of a worker was deleted by force",
        WITHOUT_A_POD_MS,
        3,
        () -> cluster.kubectl("delete", "pod", "branch-worker-1", "--force", "--grace-period=0"));
  }

  private void move() throws Exception {
    felt(
        "a node was drained",
        WITHOUT_A_POD_MS,
        3,
        () ->
            cluster.kubectl(
                "drain",
                "node2",
                "--pod-selector=portcullis.dev/gateway=branch",
                "--delete-emptydir-data",
                "--timeout=5m"));
    cluster.kubectl("uncordon", "node2");
  }

  private void renew() throws Exception {
    felt(
        "new pods of workers",
        WITHOUT_A_POD_MS,
        3,
        () -> restart(NAMESPACE, "statefulset/branch-worker"));
    felt(
        "new pods of switches",
        WITHOUT_A_POD_MS,
        3,
        () -> restart(NAMESPACE, "statefulset/branch-switch"));
    unfelt(
        "a new pod of the operator",
        3,
        () -> restart("portcullis-system", "deployment/portcullis-operator"));
  }

  private void restart(String namespace, String set) throws Exception {
    cluster.kubectl("-n", namespace, "rollout", "restart", set);
    cluster.kubectl("-n", namespace, "rollout", "status", set, "--timeout=5m");
  }

  /** The restricted standard allows the gateway's pods, and they have no token of Kubernetes. */
  private void assertPodsHaveNoPrivileges() throws Exception {
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
}
