package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.portcullis.e2e.LinkPods.Proxy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a hop from worker to worker carries by each way, and what that costs: the gateway's own
 * links between pods, a sender that offers as much as the link takes. The ways take turns. {@code
 * e2e/mesh hops} runs it.
 *
 * <p>{@code -Dportcullis.mesh=hops}; {@code -Dportcullis.shared=DIR} has the programs of a local
 * cluster and of a mesh for it. The table is in {@code target/mesh-report-hops.txt}.
 */
class HopRun {

  private static final String NAMESPACE = "hops";
  private static final int PORT = 7500;
  private static final int ROUNDS = Integer.getInteger("portcullis.rounds", 7);
  private static final int WARM_UP_MS = 8_000;
  private static final int RAMP_MS = 500;
  private static final int WINDOW_MS = 3_000;

  @TempDir Path folder;

  private Cluster cluster;
  private LinkPods pods;

  /**
   * How a hop is made.
   *
   * @param security what modules are told: {@code plain}, {@code xds}, or the folder of
   *     certificates
   */
  private enum Way {
    SWITCH("over a switch, certificates of the modules", LinkPods.CERTIFICATES, Proxy.NONE),
    LINK("link, certificates of the modules", LinkPods.CERTIFICATES, Proxy.NONE),
    PROXYLESS("link, proxyless, certificates of istiod", "xds", Proxy.PROXYLESS),
    SIDECARS("link, two sidecars, certificates of istiod", "plain", Proxy.SIDECAR);

    private final String words;
    private final String security;
    private final Proxy proxy;

    Way(String words, String security, Proxy proxy) {
      this.words = words;
      this.security = security;
      this.proxy = proxy;
    }

    String pod(String role) {
      return role + "-" + name().toLowerCase(java.util.Locale.ROOT);
    }

    List<String> roles() {
      return this == SWITCH
          ? List.of("receiver", "relay", "sender")
          : List.of("receiver", "sender");
    }
  }

  /**
   * One window.
   *
   * @param mbPerSecond bytes of packets that arrived
   * @param cpuPerGb CPU seconds of all pods of the way
   */
  private record Window(double mbPerSecond, double cpuPerGb) {}

  @Test
  void shouldMeasureEachWayBesideTheOthers() throws Exception {
    assumeTrue("hops".equals(System.getProperty("portcullis.mesh")), "e2e/mesh hops runs it");
    try (Cluster it = Cluster.need(2)) {
      cluster = it;
      Path kit = Path.of(System.getProperty("portcullis.shared"), "mesh");
      assumeTrue(Files.isExecutable(kit.resolve("up")), () -> kit + " has no mesh");
      cluster.shell(kit.resolve("up").toString());
      pods = new LinkPods(cluster, folder, NAMESPACE);
      try {
        cluster.apply(documents());
        pods.await();
        measure();
      } finally {
        cluster.ask("delete", "namespace", NAMESPACE, "--timeout=120s");
        cluster.shell(kit.resolve("down").toString());
      }
    }
  }

  private String documents() throws IOException {
    StringBuilder yaml = new StringBuilder();
    try (var in = HopRun.class.getResourceAsStream("/kubernetes/hops.yaml")) {
      yaml.append(new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8));
    }
    for (Way way : Way.values()) {
      for (String role : way.roles()) {
        yaml.append(
            pods.documents(
                way.pod(role), role.equals("receiver") ? "node2" : "node1", "default", way.proxy));
      }
    }
    return yaml.toString();
  }

  private void measure() throws Exception {
    Map<Way, Map<String, LinkPods.Played>> asked = new LinkedHashMap<>();
    try {
      for (Way way : Way.values()) {
        Map<String, LinkPods.Played> roles = new LinkedHashMap<>();
        asked.put(way, roles);
        for (String role : way.roles()) {
          roles.put(role, pods.play(way.pod(role), "hop-" + role, way.security));
        }
        link(way, roles);
        window(way, roles, WARM_UP_MS);
      }
      Map<Way, List<Window>> windows = new LinkedHashMap<>();
      for (int round = 0; round < ROUNDS; round++) {
        for (Way way : Way.values()) {
          windows
              .computeIfAbsent(way, it -> new ArrayList<>())
              .add(window(way, asked.get(way), WINDOW_MS));
        }
      }
      report(windows);
    } finally {
      for (Map<String, LinkPods.Played> roles : asked.values()) {
        for (LinkPods.Played it : roles.values()) {
          it.close();
        }
      }
    }
  }

  private static void link(Way way, Map<String, LinkPods.Played> roles) throws Exception {
    String domain = "." + NAMESPACE + ".svc.cluster.local " + PORT;
    LinkPods.Played receiver = Objects.requireNonNull(roles.get("receiver"));
    LinkPods.Played sender = Objects.requireNonNull(roles.get("sender"));
    if (way == Way.SWITCH) {
      Objects.requireNonNull(roles.get("relay")).ask("listen 0.0.0.0 " + PORT);
      receiver.ask("through " + way.pod("relay") + domain);
      sender.ask("through " + way.pod("relay") + domain);
    } else {
      receiver.ask("listen 0.0.0.0 " + PORT);
      sender.ask("connect " + way.pod("receiver") + domain);
    }
  }

  private Window window(Way way, Map<String, LinkPods.Played> roles, int windowMs)
      throws Exception {
    LinkPods.Played receiver = Objects.requireNonNull(roles.get("receiver"));
    LinkPods.Played sender = Objects.requireNonNull(roles.get("sender"));
    sender.ask("go");
    Thread.sleep(RAMP_MS);
    String[] start = receiver.ask("read").split(" ");
    double cpuBefore = cpuSeconds(way);
    Thread.sleep(windowMs);
    String[] end = receiver.ask("read").split(" ");
    double cpu = cpuSeconds(way) - cpuBefore;
    sender.ask("stop");
    Thread.sleep(RAMP_MS);
    double bytes = Long.parseLong(end[2]) - Long.parseLong(start[2]);
    assertTrue(bytes > 0, () -> way + " carried nothing: " + folder);
    double seconds = (Long.parseLong(end[0]) - Long.parseLong(start[0])) / 1e9;
    return new Window(bytes / seconds / 1e6, cpu / (bytes / 1e9));
  }

  /** Of all containers of the pods of a way, as the kernel counts it. */
  private double cpuSeconds(Way way) throws Exception {
    double sum = 0;
    for (String role : way.roles()) {
      Path group = groups.get(way.pod(role));
      if (group == null) {
        String uid =
            cluster.kubectl(
                "-n", NAMESPACE, "get", "pod", way.pod(role), "-o", "jsonpath={.metadata.uid}");
        try (Stream<Path> all = Files.walk(Path.of("/sys/fs/cgroup/cpuacct"), 6)) {
          group = all.filter(it -> it.endsWith("pod" + uid)).findFirst().orElseThrow();
        }
        groups.put(way.pod(role), group);
      }
      sum += Long.parseLong(Files.readString(group.resolve("cpuacct.usage")).strip()) / 1e9;
    }
    return sum;
  }

  private final Map<String, Path> groups = new LinkedHashMap<>();

  private void report(Map<Way, List<Window>> windows) throws IOException {
    List<String> lines = new ArrayList<>();
    double link = median(Objects.requireNonNull(windows.get(Way.LINK)), false);
    lines.add("| hop | MB/s | of a link | lowest to highest MB/s | CPU s/GB |");
    lines.add("|---|---|---|---|---|");
    windows.forEach(
        (way, all) ->
            lines.add(
                "| %s | %.0f | %.2f | %.0f to %.0f | %.1f |"
                    .formatted(
                        way.words,
                        median(all, false),
                        median(all, false) / link,
                        all.stream().mapToDouble(Window::mbPerSecond).min().orElseThrow(),
                        all.stream().mapToDouble(Window::mbPerSecond).max().orElseThrow(),
                        median(all, true))));
    assertEquals(Way.values().length + 2, lines.size());
    lines.forEach(System.out::println);
    Files.write(Path.of("target/mesh-report-hops.txt"), lines);
  }

  private static double median(List<Window> all, boolean cpu) {
    double[] sorted =
        all.stream().mapToDouble(it -> cpu ? it.cpuPerGb : it.mbPerSecond).sorted().toArray();
    return sorted[sorted.length / 2];
  }
}
