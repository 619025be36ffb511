package dev.portcullis.operator.dependent;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Certificates that cert-manager makes, where the operator is told so: it fills the Secrets. */
public final class IssuedCertificate implements GatewayDependent<GenericKubernetesResource> {

  /** API of cert-manager. */
  public static final String API = "cert-manager.io/v1";

  @Override
  public List<GenericKubernetesResource> desired(Wanted wanted) {
    String issuer = wanted.settings().issuer();
    if (issuer == null || wanted.settings().mesh() != Mesh.NONE) {
      return List.of();
    }
    String[] parts = issuer.split("/", 2);
    return Stream.of("io", "worker", "switch")
        .map(component -> certificate(wanted, component, parts[0], parts[parts.length - 1]))
        .toList();
  }

  private static GenericKubernetesResource certificate(
      Wanted wanted, String component, String issuerKind, String issuerName) {
    String name = wanted.names().of("tls-" + component);
    return new GenericKubernetesResourceBuilder()
        .withApiVersion(API)
        .withKind("Certificate")
        .withMetadata(wanted.names().metadata(name, component))
        .withAdditionalProperties(
            Map.of(
                "spec",
                Map.of(
                    "secretName", name,
                    "uris", List.of(identity(wanted.names(), component)),
                    "usages", List.of("digital signature", "server auth", "client auth"),
                    "privateKey",
                        Map.of(
                            "algorithm", "ECDSA",
                            "size", 256,
                            "encoding", "PKCS8",
                            "rotationPolicy", "Always"),
                    "issuerRef", Map.of("kind", issuerKind, "name", issuerName))))
        .build();
  }

  /** The identity of a module of a gateway: docs/wire.md. */
  public static String identity(Names names, String component) {
    return "spiffe://portcullis/" + component + "/" + names.namespace() + "/" + names.gateway();
  }
}
