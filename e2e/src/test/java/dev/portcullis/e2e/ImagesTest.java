package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.exception.NotFoundException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.images.builder.Transferable;

/**
 * The images that {@code build/images} makes with Docker: a gateway of containers. Needs Docker
 * ({@code DOCKER_HOST}), and in it {@code portcullis/jre:25} ({@code docker/jre.Dockerfile}, or the
 * archive of a local cluster).
 */
class ImagesTest {

  private static final String TAG = "e2e";
  private static final String BASE = "portcullis/jre:25";
  private static final int READY_SECONDS = 300;
  private static final int BUILD_SECONDS = 900;

  @TempDir Path folder;

  private final Map<String, GenericContainer<?>> containers = new LinkedHashMap<>();
  private final HttpClient http =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private Network network;
  private int feedPort;

  @BeforeEach
  void open() throws Exception {
    assumeTrue(DockerClientFactory.instance().isDockerAvailable(), "needs Docker");
    assumeTrue(hasBase() || loadBase(), "needs Docker with " + BASE + ": docker/jre.Dockerfile");
    for (String name : List.of("io", "worker", "switch")) {
      command(List.of("build/images", "--only", name, TAG));
    }
    network = Network.newNetwork();
    feedPort = ModuleProcesses.freePort();
  }

  @AfterEach
  void end() {
    containers.values().forEach(GenericContainer::close);
    if (network != null) {
      network.close();
    }
  }

  @Test
  void shouldPassCapturesAndGoOnWhenContainersWereKilled() throws Exception {
    start("switch", "switch", "--listen", "0.0.0.0:7400");
    for (int i = 0; i < 3; i++) {
      String name = "worker-" + i;
      start(name, "worker", "" + i, "--advertise", name + ":7500", "--switch", "switch:7400");
    }
    String feed = hostAddress() + ":" + feedPort;
    for (String name : List.of("io-a", "io-b")) {
      start(name, "io", name, "--switch", "switch:7400", "--feed", feed);
    }
    awaitReady();
    List<Path> captures = Playground.some(3);
    pass(captures.get(0));

    kill("switch");
    pass(captures.get(1));

    restart("switch");
    kill("worker-1");
    restart("worker-1");
    awaitReady();
    pass(captures.get(2));

    for (String name : containers.keySet()) {
      awaitHealth(name);
    }
  }

  private static boolean hasBase() {
    try {
      docker().inspectImageCmd(BASE).exec();
      return true;
    } catch (NotFoundException e) {
      return false;
    }
  }

  /** Where there is no registry, the base is an archive of the local cluster. */
  private static boolean loadBase() throws Exception {
    String image = System.getProperty("portcullis.shared", "") + "/cluster/image";
    if (!Files.isExecutable(Path.of(image))) {
      return false;
    }
    command(List.of("bash", "-ec", "docker load -i \"$(" + image + " path " + BASE + ")\""));
    return hasBase();
  }

  private static DockerClient docker() {
    return DockerClientFactory.lazyClient();
  }

  private static void command(List<String> words) throws Exception {
    Path said = Files.createTempFile("portcullis-images", ".out");
    try {
      Process process =
          new ProcessBuilder(words)
              .directory(Playground.ROOT.toFile())
              .redirectErrorStream(true)
              .redirectOutput(said.toFile())
              .start();
      boolean ended = process.waitFor(BUILD_SECONDS, TimeUnit.SECONDS);
      process.destroyForcibly();
      assertEquals(true, ended && process.exitValue() == 0, () -> words + "\n" + read(said));
    } finally {
      Files.delete(said);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }

  private void start(String name, String image, String... arguments) throws Exception {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("-f", "/tmp/gateway.yaml", "--plaintext"));
    GenericContainer<?> container =
        new GenericContainer<>("portcullis/" + image + ":" + TAG)
            .withNetwork(network)
            .withNetworkAliases(name)
            .withCommand(all.toArray(String[]::new))
            .withCopyToContainer(
                Transferable.of(
                    Files.readAllBytes(Playground.ROOT.resolve("examples/transparent.yaml"))),
                "/tmp/gateway.yaml");
    container.start();
    containers.put(name, container);
  }

  private GenericContainer<?> container(String name) {
    return Objects.requireNonNull(containers.get(name), name);
  }

  private void kill(String name) {
    docker().killContainerCmd(container(name).getContainerId()).exec();
  }

  private void restart(String name) {
    docker().startContainerCmd(container(name).getContainerId()).exec();
  }

  private InspectContainerResponse state(String name) {
    return docker().inspectContainerCmd(container(name).getContainerId()).exec();
  }

  /** The address of this machine in the network of the containers. */
  private String hostAddress() {
    return Objects.requireNonNull(
            docker()
                .inspectNetworkCmd()
                .withNetworkId(network.getId())
                .exec()
                .getIpam()
                .getConfig())
        .getFirst()
        .getGateway();
  }

  /** Every module has a table, and links to those that it is about. */
  private void awaitReady() throws Exception {
    for (String name : containers.keySet()) {
      Cluster.await(name + " is ready", READY_SECONDS, () -> isReady(name));
    }
  }

  private boolean isReady(String name) {
    try {
      String ip =
          state(name).getNetworkSettings().getNetworks().values().iterator().next().getIpAddress();
      return http.send(
                  HttpRequest.newBuilder(URI.create("http://" + ip + ":8080/q/health/ready"))
                      .timeout(Duration.ofSeconds(5))
                      .build(),
                  HttpResponse.BodyHandlers.discarding())
              .statusCode()
          == 200;
    } catch (Exception e) {
      return false;
    }
  }

  /** What the image's own check says. */
  private void awaitHealth(String name) throws Exception {
    Cluster.await(
        name + " is healthy",
        120,
        () ->
            "healthy"
                .equals(Objects.requireNonNull(state(name).getState().getHealth()).getStatus()));
  }

  private void pass(Path capture) throws Exception {
    Path out = folder.resolve("out");
    Said said =
        Said.by(
            "replay",
            "-f",
            Playground.ROOT.resolve("examples/transparent.yaml").toString(),
            "--feed",
            "0.0.0.0:" + feedPort,
            "--out",
            out.toString(),
            "--workers",
            "3",
            "--capture",
            capture.toString());
    assertEquals(0, said.exitCode(), said.toString());
    SameBytes.assertLeft(out, capture);
  }
}
