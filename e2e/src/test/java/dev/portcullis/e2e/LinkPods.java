package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.portcullis.standalone.bench.BenchChild;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** Pods in which roles of the hop benchmark are played: bare ends of the gateway's links. */
final class LinkPods {

  private static final String IMAGE = "portcullis-e2e/links:1";

  /** Where the certificates of {@code worker} and {@code switch} are in a pod. */
  static final String CERTIFICATES = "/tmp/certs";

  /** What a mesh does to a pod. */
  enum Proxy {
    NONE("", ""),
    SIDECAR(", sidecar.istio.io/inject: 'true'", ""),
    PROXYLESS(
        ", sidecar.istio.io/inject: 'true', security.istio.io/tlsMode: istio",
        "inject.istio.io/templates: grpc-agent, proxy.istio.io/config:"
            + " '{\"holdApplicationUntilProxyStarts\": true, \"proxyMetadata\":"
            + " {\"PKCS8_KEY\": \"true\"}}'");

    private final String labels;
    private final String annotations;

    Proxy(String labels, String annotations) {
      this.labels = labels;
      this.annotations = annotations;
    }
  }

  private final Cluster cluster;
  private final Path folder;
  private final String namespace;

  /** Makes their image: programs and certificates. */
  LinkPods(Cluster cluster, Path folder, String namespace) throws Exception {
    this.cluster = cluster;
    this.folder = Files.createDirectories(folder.resolve("links"));
    this.namespace = namespace;
    Path content = this.folder.resolve("content");
    Path lib = Files.createDirectories(content.resolve("lib"));
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
    Path certs = Files.createDirectories(content.resolve("certs"));
    for (String kind : List.of("worker", "switch")) {
      cluster.shell(
          ("cd %1$s; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
                  + " -subj /CN=%2$s -addext subjectAltName=URI:spiffe://portcullis/%2$s"
                  + " -keyout %2$s.key -out %2$s.pem; cat %2$s.pem >>trusted.pem; chmod a+r *")
              .formatted(certs, kind));
    }
    cluster.image(IMAGE, content, "/opt/links");
  }

  /** Documents of a pod and of the Service that leads to it. */
  String documents(String pod, String node, String account, Proxy proxy) throws IOException {
    try (var in = LinkPods.class.getResourceAsStream("/kubernetes/link-pod.yaml")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8)
          .replace("POD", pod)
          .replace("NAMESPACE", namespace)
          .replace("NODE", node)
          .replace("ACCOUNT", account)
          .replace("LABELS", proxy.labels)
          .replace("ANNOTATIONS", proxy.annotations)
          .replace("IMAGE", IMAGE);
    }
  }

  /** Waits until all of them run. */
  void await() throws Exception {
    cluster.kubectl(
        "-n",
        namespace,
        "wait",
        "pod",
        "-l",
        "link-pod",
        "--for=condition=Ready",
        "--timeout=240s");
  }

  /** Plays a role in a pod. */
  Played play(String pod, String role, String... arguments) throws IOException {
    String java =
        "exec java -Xmx256m -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED"
            + " --sun-misc-unsafe-memory-access=allow -cp $(ls -d /opt/links/lib/* | tr '\\n' :) "
            + String.join(" ", BenchChild.class.getName(), role, String.join(" ", arguments));
    return new Played(
        new ProcessBuilder(
            cluster.program("kubectl"),
            "--kubeconfig",
            cluster.kubeconfig().toString(),
            "-n",
            namespace,
            "exec",
            "-i",
            pod,
            "-c",
            "link",
            "--",
            "sh",
            "-c",
            java),
        folder.resolve(pod + ".log"));
  }

  /** A role that is played in a pod, and answers questions. */
  static final class Played implements AutoCloseable {
    private final Path log;
    private final Process process;
    private final BufferedReader answers;
    private final OutputStream questions;

    private Played(ProcessBuilder command, Path log) throws IOException {
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
          assertFalse(line.startsWith("= failed"), line);
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
}
