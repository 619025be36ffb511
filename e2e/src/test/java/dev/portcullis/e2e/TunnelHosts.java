package dev.portcullis.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Pods that are hosts behind a gateway, joined to it by VXLAN ({@link TunnelHost} runs in them).
 */
final class TunnelHosts {

  static final String IMAGE = "portcullis-e2e/host:1";
  static final String SERVER = "198.51.100.20";

  private final Cluster cluster;
  private final String namespace;

  TunnelHosts(Cluster cluster, String namespace, Path folder) throws Exception {
    this.cluster = cluster;
    this.namespace = namespace;
    cluster.image(IMAGE, content(folder), "/opt/host");
  }

  /** The program and what makes a tunnel: ip and ethtool of this machine with their libraries. */
  private static Path content(Path folder) throws Exception {
    Path classes = folder.resolve("classes/dev/portcullis/e2e");
    Path bin = folder.resolve("bin");
    Path lib = folder.resolve("lib");
    for (Path it : List.of(classes, bin, lib)) {
      Files.createDirectories(it);
    }
    Path compiled =
        Path.of(TunnelHost.class.getProtectionDomain().getCodeSource().getLocation().toURI())
            .resolve("dev/portcullis/e2e");
    try (Stream<Path> all = Files.list(compiled)) {
      for (Path it :
          all.filter(it -> it.getFileName().toString().startsWith("TunnelHost")).toList()) {
        Files.copy(it, classes.resolve(it.getFileName()));
      }
    }
    for (String name : List.of("ip", "ethtool")) {
      Path program = program(name);
      Files.copy(program, bin.resolve(name));
      for (Path it : libraries(program)) {
        Path copy = lib.resolve(it.getFileName());
        if (!Files.exists(copy)) {
          Files.copy(it.toRealPath(), copy);
        }
      }
    }
    return folder;
  }

  private static Path program(String name) throws IOException {
    for (String folder : List.of("/usr/sbin", "/sbin", "/usr/bin", "/bin")) {
      Path it = Path.of(folder, name);
      if (Files.isExecutable(it)) {
        return it.toRealPath();
      }
    }
    throw new IOException(name + " is not installed");
  }

  /** Libraries of a program but those of the C library, which the base of the image has. */
  private static List<Path> libraries(Path program) throws IOException {
    Process ldd = new ProcessBuilder("ldd", program.toString()).start();
    return new String(ldd.getInputStream().readAllBytes())
        .lines()
        .filter(it -> it.contains("=> /"))
        .map(it -> it.replaceAll(".*=> (/\\S+) .*", "$1"))
        .filter(it -> !it.matches(".*/(libc|libm|libdl|libpthread|ld-linux.*)\\.so.*"))
        .map(Path::of)
        .toList();
  }

  /** A host in zone wan that answers. */
  void server(String node) throws Exception {
    start("server", node, "43", "wan", SERVER + "/24", "", "server, 198.51.100.1");
    Cluster.await("the server serves", 120, () -> log("server").contains("serving"));
  }

  /** A host in zone lan that asks. */
  void client(String node, int connections, int transfers) throws Exception {
    String around =
        cluster.kubectl("-n", namespace, "get", "pod", "server", "-o", "jsonpath={.status.podIP}");
    start(
        "client",
        node,
        "42",
        "lan",
        "192.0.2.5/24",
        "ip route add 198.51.100.0/24 via 192.0.2.1",
        "client, " + SERVER + ", " + around + ", \"" + connections + "\", \"" + transfers + "\"");
  }

  private void start(
      String name,
      String node,
      String vni,
      String zone,
      String address,
      String route,
      String arguments)
      throws Exception {
    String remote =
        cluster.kubectl(
            "-n",
            namespace,
            "get",
            "service",
            "branch-" + zone + "-tunnel",
            "-o",
            "jsonpath={.spec.clusterIP}");
    String yaml =
        new String(
            Objects.requireNonNull(TunnelHosts.class.getResourceAsStream("/kubernetes/host.yaml"))
                .readAllBytes());
    cluster.apply(
        yaml.replace("HOST", name)
            .replace("NAMESPACE", namespace)
            .replace("NODE", node)
            .replace("IMAGE", IMAGE)
            .replace("VNI", vni)
            .replace("REMOTE", remote.strip())
            .replace("ADDRESS", address)
            .replace("ROUTE", route)
            .replace("ARGUMENTS", arguments));
  }

  /** How the client is now; null before it has said anything. */
  TunnelHost.@org.jspecify.annotations.Nullable Line client() {
    return log("client")
        .lines()
        .filter(it -> it.matches("-?\\d+( \\d+){7}"))
        .reduce((first, second) -> second)
        .map(TunnelHost.Line::of)
        .orElse(null);
  }

  /** Every line of the client. */
  List<TunnelHost.Line> lines() {
    try {
      return cluster
          .ask("-n", namespace, "logs", "client")
          .lines()
          .filter(it -> it.matches("-?\\d+( \\d+){7}"))
          .map(TunnelHost.Line::of)
          .toList();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  String log(String pod) {
    try {
      return cluster.ask("-n", namespace, "logs", pod, "--tail=50");
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
