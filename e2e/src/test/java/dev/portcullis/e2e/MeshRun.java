package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.portcullis.core.counters.Counter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A gateway whose workers are linked by a real Istio: connections of pods go on while workers come
 * and go and proxies begin anew, and nobody gets in who is no module. {@code e2e/mesh istio} runs
 * it; it takes too long to be a test of every build.
 *
 * <p>{@code -Dportcullis.mesh=istio} or {@code istio-proxyless}; {@code -Dportcullis.shared=DIR}
 * has the programs of a local cluster and of a mesh for it. The report is {@code
 * target/mesh-report-MESH.md}.
 */
class MeshRun {

  private static final int CONNECTIONS = Integer.getInteger("portcullis.clusterConnections", 200);
  private static final int TRANSFERS = 2;
  private static final String TAG = "0.1.0";
  private static final String NAMESPACE = "default";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String mesh = System.getProperty("portcullis.mesh", "");
  private final List<String> report = new ArrayList<>();
  private final long beganNs = System.nanoTime();
  private ClusterGateway gateway;

  @TempDir Path folder;

  @Test
  void shouldKeepEveryConnectionAndLetNobodyInWhoIsNoModule() throws Exception {
    assumeTrue(
        List.of("istio", "istio-proxyless").contains(mesh),
        "needs -Dportcullis.mesh=istio or istio-proxyless: e2e/mesh runs it");
    Netns.need("ip", "ethtool", "jq");
    try (Cluster cluster = Cluster.need(2)) {
      Path kit = Path.of(System.getProperty("portcullis.shared"), "mesh");
      assumeTrue(Files.isExecutable(kit.resolve("up")), () -> kit + " has no mesh");
      cluster.shell(kit.resolve("up").toString());
      say("Istio runs");
      cluster.images(TAG, "io", "worker", "switch", "operator");
      try {
        install(cluster);
        run(cluster);
      } finally {
        write();
        if (System.getProperty("portcullis.keepCluster") == null) {
          cluster.ask("delete", "pod", "client", "server", "stranger", "outsider", "--now");
          cluster.ask("delete", "packetgateway,gatewaypolicy", "--all", "--timeout=60s");
          cluster.ask("delete", "-f", "examples/kubernetes-tunnels.yaml");
          cluster.shell("helm uninstall portcullis -n portcullis-system --wait --timeout 2m");
          cluster.shell(kit.resolve("down").toString());
        }
      }
    }
  }

  private void say(String line) {
    String text = "%4d s  %s".formatted((System.nanoTime() - beganNs) / 1_000_000_000, line);
    System.out.println(text);
    report.add(text);
  }

  private void write() throws Exception {
    Files.write(Path.of("target/mesh-report-" + mesh + ".txt"), report);
  }

  private void install(Cluster cluster) throws Exception {
    cluster.shell(
        "helm install portcullis helm/portcullis -n portcullis-system --create-namespace --wait"
            + " --timeout 4m --set mesh="
            + mesh);
    Path gateway = folder.resolve("gateway.yaml");
    Files.writeString(
        gateway,
        Files.readString(Chart.ROOT.resolve("examples/kubernetes.yaml"))
            .replace(
                "  workers: {replicas: 3}", "  workers: {replicas: 3}\n  switch: {mode: mesh}"));
    cluster.kubectl("apply", "-f", gateway.toString());
    cluster.kubectl("apply", "-f", "examples/kubernetes-tunnels.yaml");
  }

  private void run(Cluster cluster) throws Exception {
    gateway = new ClusterGateway(cluster, "branch");
    awaitTable(3);
    TunnelHosts hosts = new TunnelHosts(cluster, NAMESPACE, folder);
    hosts.server("node2");
    hosts.client("node1", CONNECTIONS, TRANSFERS);
    Cluster.await(
        "all connections are open",
        240,
        () -> {
          TunnelHost.Line line = hosts.client();
          return line != null && line.open() == CONNECTIONS && line.transfers() > 0;
        });
    check(hosts, "traffic passes");
    assertMutualTls(cluster);
    scale(cluster, hosts, 5);
    scale(cluster, hosts, 2);
    restartProxies(cluster, hosts);
    assertStrangersAreRefused(cluster);
    assertNobodyLinksAsWhatItIsNot(cluster);
    assertPlainTextIsRefused(cluster);
    check(hosts, "at the end");
    long passedOn = gateway.sum("worker", Counter.REDISTRIBUTED_PACKETS);
    long relayed = gateway.sum("switch", Counter.RELAYED_BATCHES);
    say(passedOn + " packets went from worker to worker, switches relayed " + relayed);
    assertTrue(passedOn > 0);
    assertEquals(0, relayed);
  }

  private void scale(Cluster cluster, TunnelHosts hosts, int workers) throws Exception {
    cluster.kubectl("scale", "packetgateway/branch", "--replicas=" + workers);
    awaitTable(workers);
    check(hosts, "scaled to " + workers + " workers");
    JsonNode last = gateway.lastScale();
    say("  " + last.toString().replaceAll(",\"(blocked|io_leaving)\":\\[.*?\\]", ""));
    assertEquals(0, last.path("flows_broken").asLong());
  }

  /** Links of the modules are plain text to themselves; on the wire they are those of the mesh. */
  private void assertMutualTls(Cluster cluster) throws Exception {
    String container = mesh.equals("istio") ? "istio-proxy" : "worker";
    String pods = cluster.kubectl("get", "pod", "branch-worker-0", "-o", "jsonpath={.spec}");
    assertTrue(pods.contains("\"" + container + "\""), pods);
    assertTrue(pods.contains("PORTCULLIS_WORKER_PLAINTEXT"), pods);
    assertFalse(pods.contains("branch-tls-worker"), pods);
    if (mesh.equals("istio")) {
      String certificates =
          cluster.kubectl(
              "exec",
              "branch-worker-0",
              "-c",
              "istio-proxy",
              "--",
              "pilot-agent",
              "request",
              "GET",
              "certs");
      String identity = "spiffe://cluster.local/ns/" + NAMESPACE + "/sa/branch-worker";
      assertTrue(certificates.contains(identity), certificates);
      say("the proxy of worker 0 is " + identity);
    }
  }

  /** The proxy of a worker, then that of an IO module; without one, the module itself. */
  private void restartProxies(Cluster cluster, TunnelHosts hosts) throws Exception {
    if (!mesh.equals("istio")) {
      cluster.kubectl("delete", "pod", "branch-worker-1");
      awaitTable(2);
      check(hosts, "a worker was restarted");
      return;
    }
    for (String pod : List.of("branch-worker-0", "branch-lan-0")) {
      long before = restarts(cluster, pod);
      cluster.ask(
          "exec", pod, "-c", "istio-proxy", "--", "pilot-agent", "request", "POST", "quitquitquit");
      Cluster.await(
          "the proxy of " + pod + " has begun anew",
          60,
          () -> {
            try {
              return restarts(cluster, pod) > before;
            } catch (Exception e) {
              return false;
            }
          });
      awaitTable(2);
      check(hosts, "the proxy of " + pod + " was restarted");
    }
  }

  private static long restarts(Cluster cluster, String pod) throws Exception {
    JsonNode status =
        JSON.readTree(cluster.kubectl("get", "pod", pod, "-o", "json")).path("status");
    long sum = 0;
    for (String kind : List.of("initContainerStatuses", "containerStatuses")) {
      for (JsonNode it : status.path(kind)) {
        sum +=
            it.path("name").asText().equals("istio-proxy") ? it.path("restartCount").asLong() : 0;
      }
    }
    return sum;
  }

  /** An IO pod with all that IO pods have, but for the service account. */
  private void assertStrangersAreRefused(Cluster cluster) throws Exception {
    ObjectNode pod =
        (ObjectNode)
            JSON.readTree(cluster.kubectl("get", "statefulset", "branch-lan", "-o", "json"))
                .path("spec")
                .path("template");
    pod.put("apiVersion", "v1").put("kind", "Pod");
    ObjectNode metadata = (ObjectNode) pod.path("metadata");
    metadata.put("name", "stranger");
    ObjectNode labels = (ObjectNode) metadata.path("labels");
    labels.remove(List.of("portcullis.dev/set", "app.kubernetes.io/component"));
    labels.put("apps.kubernetes.io/pod-index", "0");
    ObjectNode spec = (ObjectNode) pod.path("spec");
    spec.put("serviceAccountName", "default").put("restartPolicy", "Never");
    spec.remove("topologySpreadConstraints");
    cluster.apply(pod.toString());
    Cluster.await(
        "the stranger is refused",
        120,
        () -> log(cluster, "stranger").contains("PERMISSION_DENIED"));
    say(
        "a pod with another service account: "
            + log(cluster, "stranger")
                .lines()
                .filter(it -> it.contains("PERMISSION_DENIED"))
                .findFirst()
                .orElseThrow());
  }

  /** A pod with the identity of workers: it may link as one, and not as an IO module. */
  private void assertNobodyLinksAsWhatItIsNot(Cluster cluster) throws Exception {
    boolean xds = !mesh.equals("istio");
    LinkPods pods = new LinkPods(cluster, folder, NAMESPACE);
    cluster.apply(
        pods.documents(
            "outsider",
            "node1",
            "branch-worker",
            xds ? LinkPods.Proxy.PROXYLESS : LinkPods.Proxy.SIDECAR));
    pods.await();
    String worker =
        "connect branch-worker-0." + NAMESPACE + ".svc" + (xds ? ".cluster.local" : "") + " 7500";
    for (String module : List.of("io/0", "worker/99")) {
      try (LinkPods.Played outsider =
          pods.play("outsider", "hop-sender", xds ? "xds" : "plain", module)) {
        outsider.ask(worker);
        String link = outsider.ask("link");
        for (int i = 0; i < 60 && !link.contains("PERMISSION_DENIED"); i++) {
          Thread.sleep(500);
          link = outsider.ask("link");
        }
        say("a pod with the service account of workers, as " + module + ": " + link);
        // the mesh refuses what it is not, the worker itself a worker that the gateway has not
        assertTrue(link.contains("PERMISSION_DENIED"), link);
        assertEquals(module.startsWith("worker"), link.contains("worker/99 "), link);
      }
    }
  }

  private static String log(Cluster cluster, String pod) {
    try {
      return cluster.ask("logs", pod, "--all-containers", "--tail=200");
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** From the machine of the cluster: no member of the mesh. HTTP/2 in plain text gets nowhere. */
  private void assertPlainTextIsRefused(Cluster cluster) throws Exception {
    for (String target : List.of("worker:7500", "switch:7400")) {
      String[] parts = target.split(":");
      String ip = gateway.addresses(parts[0]).getFirst();
      String said = PlainText.knock(ip, Integer.parseInt(parts[1]));
      say("plain text to a " + parts[0] + ": " + said);
      assertTrue(said.startsWith("refused"), said);
    }
  }

  private void check(TunnelHosts hosts, String when) throws Exception {
    Thread.sleep(5_000);
    TunnelHost.Line line = Objects.requireNonNull(hosts.client(), when);
    say(when + ": " + line);
    assertEquals(0, line.ended(), () -> when + ": " + hosts.log("client"));
    assertEquals(0, line.wrong(), () -> when + ": " + line);
    assertEquals(0, line.failed(), () -> when + ": " + hosts.log("client"));
    assertEquals(CONNECTIONS, line.open(), () -> when + ": " + line);
  }

  private void awaitTable(int workers) throws Exception {
    gateway.awaitRest(workers);
    say("a table of " + workers + " workers");
  }
}
