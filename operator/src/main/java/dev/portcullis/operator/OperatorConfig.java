package dev.portcullis.operator;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.operator.dependent.Mesh;
import dev.portcullis.operator.gateway.OperatorSettings;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Settings of the operator: from the environment ({@code PORTCULLIS_OPERATOR_IMAGE_IO}) or a file.
 *
 * <p>Not a {@code @ConfigMapping}: the build would load that interface into the JVM of Maven, which
 * may be too old for it.
 */
@Singleton
final class OperatorConfig {

  /** Image of IO modules. */
  @Inject
  @ConfigProperty(name = "portcullis.operator.image.io")
  Optional<String> imageIo;

  /** Image of workers. */
  @Inject
  @ConfigProperty(name = "portcullis.operator.image.worker")
  Optional<String> imageWorker;

  /** Image of switches. */
  @Inject
  @ConfigProperty(name = "portcullis.operator.image.switch")
  Optional<String> imageSwitch;

  /** When images are pulled. */
  @Inject
  @ConfigProperty(name = "portcullis.operator.image.pull.policy", defaultValue = "IfNotPresent")
  String pullPolicy;

  /** Secrets that they are pulled with. */
  @Inject
  @ConfigProperty(name = "portcullis.operator.image.pull.secrets")
  Optional<List<String>> pullSecrets;

  /** Namespaces whose gateways are looked after; none: all. */
  @Inject
  @ConfigProperty(name = "portcullis.operator.namespaces")
  Optional<List<String>> namespaces;

  /** Who makes certificates: own or cert-manager. */
  @Inject
  @ConfigProperty(name = "portcullis.operator.certificates", defaultValue = "own")
  String certificates;

  /** The issuer of cert-manager: Kind/name. */
  @Inject
  @ConfigProperty(name = "portcullis.operator.issuer")
  Optional<String> issuer;

  /** The service mesh of the cluster. */
  @Inject
  @ConfigProperty(name = "portcullis.operator.mesh", defaultValue = "none")
  String mesh;

  /** What names of Services end with. */
  @Inject
  @ConfigProperty(name = "portcullis.operator.cluster-domain", defaultValue = "cluster.local")
  String clusterDomain;

  /** Namespace of the operator: the lease is there. None: it leads without asking. */
  @Inject
  @ConfigProperty(name = "pod.namespace")
  Optional<String> namespace;

  /** Name of the operator among those that may lead. */
  @Inject
  @ConfigProperty(name = "pod.name", defaultValue = "portcullis-operator")
  String name;

  /**
   * Returns all of it, checked.
   *
   * @throws ModuleException with exit code 2 when something is missing or not well-formed
   */
  OperatorSettings settings() throws ModuleException {
    return new OperatorSettings(
        new OperatorSettings.Images(
            given(imageIo, "IMAGE_IO"),
            given(imageWorker, "IMAGE_WORKER"),
            given(imageSwitch, "IMAGE_SWITCH"),
            pullPolicy,
            pullSecrets.orElse(List.of())),
        Set.copyOf(namespaces.orElse(List.of())),
        issuer(),
        mesh(),
        clusterDomain,
        namespace.orElse(null),
        name);
  }

  private Mesh mesh() throws ModuleException {
    Mesh it = Mesh.of(mesh);
    if (it == null) {
      throw usage("PORTCULLIS_OPERATOR_MESH is one of " + Mesh.labels() + ", not \"" + mesh + "\"");
    }
    return it;
  }

  private @Nullable String issuer() throws ModuleException {
    return switch (certificates) {
      case "own" -> null;
      case "cert-manager" -> {
        String given = given(issuer, "ISSUER");
        if (!given.matches("(Issuer|ClusterIssuer)/[-a-z0-9.]+")) {
          throw usage(
              "PORTCULLIS_OPERATOR_ISSUER is Issuer/NAME or ClusterIssuer/NAME, not \""
                  + given
                  + "\"");
        }
        yield given;
      }
      default ->
          throw usage(
              "PORTCULLIS_OPERATOR_CERTIFICATES is own or cert-manager, not \""
                  + certificates
                  + "\"");
    };
  }

  private static String given(Optional<String> value, String name) throws ModuleException {
    return value.orElseThrow(() -> usage("PORTCULLIS_OPERATOR_" + name + " must be given"));
  }

  private static ModuleException usage(String message) {
    return new ModuleException(ExitCode.USAGE, message);
  }
}
