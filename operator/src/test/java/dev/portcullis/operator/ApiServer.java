package dev.portcullis.operator;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.portcullis.operator.dependent.Mesh;
import dev.portcullis.operator.gateway.GatewayOperator;
import dev.portcullis.operator.gateway.OperatorCounts;
import dev.portcullis.operator.gateway.OperatorSettings;
import dev.portcullis.operator.gateway.SwitchPages;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A real API server: the one of {@code -Dportcullis.kubeconfig=FILE}, or of the local cluster that
 * runs, where {@code portcullis.shared} names the folder with its programs. Without either, tests
 * say that they skip.
 */
final class ApiServer implements AutoCloseable {

  static final Path ROOT = Path.of("").toAbsolutePath().getParent();

  private static final long PATIENCE_MS = 60_000;

  private final Config config;
  private final KubernetesClient client;

  /** Whether there were no definitions before: then there are none afterwards. */
  private boolean isFirst;

  private final List<AutoCloseable> closing = new ArrayList<>();

  private ApiServer(Config config) {
    this.config = config;
    this.client = new KubernetesClientBuilder().withConfig(config).build();
  }

  /** Finds it, and gives it the definitions. */
  static ApiServer find() throws Exception {
    Path kubeconfig = kubeconfig();
    assumeTrue(
        kubeconfig != null,
        "no local cluster runs, and no API server is named: start one (DIR/cluster/up 0, with"
            + " -Dportcullis.shared=DIR), or give -Dportcullis.kubeconfig=FILE");
    ApiServer it = new ApiServer(config(kubeconfig));
    it.isFirst = it.definitions().isEmpty();
    for (String kind : List.of("packetgateways", "gatewaypolicies")) {
      it.client
          .load(Files.newInputStream(ROOT.resolve("helm/portcullis/files/crds/" + kind + ".yaml")))
          .serverSideApply();
    }
    it.eventually(
        "the definitions hold",
        () ->
            it.definitions().stream()
                    .filter(
                        crd -> crd.getStatus() != null && crd.getStatus().getConditions() != null)
                    .filter(
                        crd ->
                            crd.getStatus().getConditions().stream()
                                .anyMatch(
                                    c ->
                                        c.getType().equals("Established")
                                            && c.getStatus().equals("True")))
                    .count()
                == 2);
    return it;
  }

  private List<CustomResourceDefinition> definitions() {
    return client.apiextensions().v1().customResourceDefinitions().list().getItems().stream()
        .filter(it -> it.getSpec().getGroup().equals("portcullis.dev"))
        .toList();
  }

  /** A key in PKCS#8 does not say of which kind it is; RSA is what the client takes it for. */
  private static Config config(Path kubeconfig) {
    Config config = Config.fromKubeconfig(kubeconfig.toFile());
    try (KubernetesClient tried = new KubernetesClientBuilder().withConfig(config).build()) {
      return tried.getConfiguration();
    } catch (KubernetesClientException e) {
      config.setClientKeyAlgo("EC");
      return config;
    }
  }

  private static @Nullable Path kubeconfig() {
    String given = System.getProperty("portcullis.kubeconfig");
    if (given != null) {
      return Path.of(given);
    }
    String state = System.getenv("PORTCULLIS_CLUSTER_STATE");
    Path running =
        Path.of(state != null ? state : "/var/lib/portcullis-cluster").resolve("kubeconfig");
    return System.getProperty("portcullis.shared") != null && Files.exists(running)
        ? running
        : null;
  }

  KubernetesClient client() {
    return client;
  }

  /** Makes a namespace that goes with the server. */
  String namespace() {
    String name = "portcullis-test-" + Long.toHexString(System.nanoTime());
    client
        .resource(new NamespaceBuilder().withNewMetadata().withName(name).endMetadata().build())
        .create();
    closing.add(() -> client.namespaces().withName(name).delete());
    return name;
  }

  /** Starts an operator; it ends with the server. */
  GatewayOperator operator(Set<String> namespaces) {
    return operator(namespaces, null, "operator", null, http -> {}, new OperatorCounts());
  }

  /** Starts an operator as a user, whose requests go through {@code http}. */
  GatewayOperator operator(
      Set<String> namespaces,
      @Nullable String lease,
      String name,
      @Nullable String user,
      Consumer<HttpClient.Builder> http,
      OperatorCounts counts) {
    Config as = new ConfigBuilder(config).build();
    if (user != null) {
      as.setImpersonateUsername(user);
    }
    GatewayOperator operator =
        GatewayOperator.start(
            new OperatorSettings(
                new OperatorSettings.Images(
                    "portcullis/io:test",
                    "portcullis/worker:test",
                    "portcullis/switch:test",
                    "Never",
                    List.of()),
                namespaces,
                null,
                Mesh.NONE,
                "cluster.local",
                lease,
                name),
            new KubernetesClientBuilder()
                .withConfig(as)
                .withKubernetesSerialization(GatewayOperator.serialization())
                .withHttpClientBuilderConsumer(http)
                .build(),
            new SwitchPages(8080),
            counts,
            InstantSource.system(),
            () -> {});
    closing.addFirst(operator);
    return operator;
  }

  /** Applies documents as {@code kubectl apply --server-side} does. */
  void apply(String namespace, String yaml) {
    client
        .load(
            new java.io.ByteArrayInputStream(
                yaml.getBytes(java.nio.charset.StandardCharsets.UTF_8)))
        .inNamespace(namespace)
        .forceConflicts()
        .serverSideApply();
  }

  /** Waits until it is so. */
  void eventually(String what, BooleanSupplier holds) throws InterruptedException {
    long end = System.currentTimeMillis() + PATIENCE_MS;
    while (!holds.getAsBoolean()) {
      if (System.currentTimeMillis() > end) {
        throw new AssertionError("after " + PATIENCE_MS / 1000 + " s it is not so that " + what);
      }
      Thread.sleep(100);
    }
  }

  @Override
  public void close() throws Exception {
    for (AutoCloseable it : closing) {
      try {
        it.close();
      } catch (KubernetesClientException e) {
        // a namespace that goes by itself
      }
    }
    if (isFirst) {
      definitions().forEach(it -> client.resource(it).delete());
      eventually("the definitions are gone", () -> definitions().isEmpty());
    }
    client.close();
  }
}
