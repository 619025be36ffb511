package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.portcullis.standalone.bench.BenchChild;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
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
  private static final String IMAGE = "portcullis-e2e/hops:1";
  private static final int PORT = 7500;
  private static final int ROUNDS = Integer.getInteger("portcullis.rounds", 7);
  private static final int WARM_UP_MS = 8_000;
  private static final int RAMP_MS = 500;
  private static final int WINDOW_MS = 3_000;

  @TempDir Path folder;

  private Cluster cluster;

  /**
   * How a hop is made.
   *
   * @param security what modules are told: nothing, {@code xds}, or the folder of certificates
   * @param mesh which pods the mesh has a hand in
   */
  private enum Way {
    SWITCH("over a switch, certificates of the modules", "/tmp/certs", "none"),
    LINK("link, certificates of the modules", "/tmp/certs", "none"),
    PROXYLESS("link, proxyless, certificates of istiod", "xds", "proxyless"),
    SIDECARS("link, two sidecars, certificates of istiod", "", "sidecars");

    private final String words;
    private final String security;
    private final String mesh;

    Way(String words, String security, String mesh) {
      this.words = words;
      this.security = security;
      this.mesh = mesh;
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

  /** A program in a pod, which answers questions. */
  private static final class Asked implements AutoCloseable {
    private final Process process;
    private final BufferedReader answers;
    private final OutputStream questions;

    private final Path log;

    Asked(ProcessBuilder command, Path log) throws IOException {
      this.log = log;
      this.process = command.redirectError(log.toFile()).start();
      this.answers = process.inputReader(StandardCharsets.UTF_8);
      this.questions = process.getOutputStream();
    }

    String ask(String question) throws IOException {
      questions.write((question + "\n").getBytes(StandardCharsets.UTF_8));
      questions.flush();
      for (String line = answers.readLine(); line != null; line = answers.readLine()) {
        if (line.startsWith("= ")) {
          assertTrue(!line.startsWith("= failed"), line);
          return line.substring(2);
        }
      }
      throw new IOException("no answer to " + question + ": " + Files.readString(log));
    }

    @Override
    public void close() throws Exception {
      questions.close();
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroy();
      }
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
      cluster.image(IMAGE, content(), "/opt/hops");
      try {
        cluster.apply(pods());
        cluster.kubectl(
            "-n", NAMESPACE, "wait", "pod", "--all", "--for=condition=Ready", "--timeout=240s");
        measure();
      } finally {
        cluster.ask("delete", "namespace", NAMESPACE, "--timeout=120s");
        cluster.shell(kit.resolve("down").toString());
      }
    }
  }

  /** Programs and certificates. */
  private Path content() throws Exception {
    Path lib = Files.createDirectories(folder.resolve("content/lib"));
    for (String entry :
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
            .split(":")) {
      Path it = Path.of(entry);
      if (Files.isDirectory(it) && it.endsWith("target/classes")) {
        cluster.shell("cp -r " + it + " " + lib.resolve(it.getParent().getParent().getFileName()));
      } else if (Files.isRegularFile(it)) {
        Files.copy(it, lib.resolve(it.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    Path certs = Files.createDirectories(folder.resolve("content/certs"));
    for (String kind : List.of("worker", "switch")) {
      cluster.shell(
          ("cd %1$s; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
                  + " -subj /CN=%2$s -addext subjectAltName=URI:spiffe://portcullis/%2$s"
                  + " -keyout %2$s.key -out %2$s.pem; cat %2$s.pem >>trusted.pem; chmod a+r *")
              .formatted(certs, kind));
    }
    return folder.resolve("content");
  }

  private static String pods() throws IOException {
    StringBuilder yaml = new StringBuilder(resource("/kubernetes/hops.yaml"));
    for (Way way : Way.values()) {
      for (String role : way.roles()) {
        yaml.append(
            resource("/kubernetes/hop.yaml")
                .replace("POD", way.pod(role))
                .replace("NODE", role.equals("receiver") ? "node2" : "node1")
                .replace("LABELS", resourceOf(way, "labels"))
                .replace("ANNOTATIONS", resourceOf(way, "annotations"))
                .replace("IMAGE", IMAGE));
      }
    }
    return yaml.toString();
  }

  private static String resourceOf(Way way, String what) {
    return switch (way.mesh + " " + what) {
      case "sidecars labels" -> ", sidecar.istio.io/inject: 'true'";
      case "proxyless labels" ->
          ", sidecar.istio.io/inject: 'true', security.istio.io/tlsMode: istio";
      case "proxyless annotations" ->
          "inject.istio.io/templates: grpc-agent, proxy.istio.io/config:"
              + " '{\"holdApplicationUntilProxyStarts\": true, \"proxyMetadata\":"
              + " {\"PKCS8_KEY\": \"true\"}}'";
      default -> "";
    };
  }

  private static String resource(String name) throws IOException {
    try (var in = HopRun.class.getResourceAsStream(name)) {
      return new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private void measure() throws Exception {
    Map<Way, Map<String, Asked>> asked = new LinkedHashMap<>();
    try {
      for (Way way : Way.values()) {
        Map<String, Asked> roles = new LinkedHashMap<>();
        asked.put(way, roles);
        for (String role : way.roles()) {
          roles.put(role, start(way, role));
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
      for (Map<String, Asked> roles : asked.values()) {
        for (Asked it : roles.values()) {
          it.close();
        }
      }
    }
  }

  private Asked start(Way way, String role) throws Exception {
    List<String> command =
        Stream.of(
                cluster.program("kubectl"),
                "--kubeconfig",
                cluster.kubeconfig().toString(),
                "-n",
                NAMESPACE,
                "exec",
                "-i",
                way.pod(role),
                "-c",
                "hop",
                "--",
                "sh",
                "-c",
                "exec java -Xmx256m -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED"
                    + " --sun-misc-unsafe-memory-access=allow -cp $(ls -d /opt/hops/lib/* | tr '\\n' :) "
                    + BenchChild.class.getName()
                    + " hop-"
                    + role
                    + " "
                    + way.security)
            .toList();
    return new Asked(new ProcessBuilder(command), folder.resolve(way.pod(role) + ".log"));
  }

  private static void link(Way way, Map<String, Asked> roles) throws Exception {
    String domain = "." + NAMESPACE + ".svc.cluster.local " + PORT;
    Asked receiver = Objects.requireNonNull(roles.get("receiver"));
    Asked sender = Objects.requireNonNull(roles.get("sender"));
    if (way == Way.SWITCH) {
      Objects.requireNonNull(roles.get("relay")).ask("listen 0.0.0.0 " + PORT);
      receiver.ask("through " + way.pod("relay") + domain);
      sender.ask("through " + way.pod("relay") + domain);
    } else {
      receiver.ask("listen 0.0.0.0 " + PORT);
      sender.ask("connect " + way.pod("receiver") + domain);
    }
  }

  private Window window(Way way, Map<String, Asked> roles, int windowMs) throws Exception {
    Asked receiver = Objects.requireNonNull(roles.get("receiver"));
    Asked sender = Objects.requireNonNull(roles.get("sender"));
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
