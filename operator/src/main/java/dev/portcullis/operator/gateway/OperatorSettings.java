package dev.portcullis.operator.gateway;

import dev.portcullis.operator.dependent.Mesh;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the operator is told when it starts.
 *
 * @param images what the pods run
 * @param namespaces whose gateways it looks after; empty: all
 * @param issuer {@code Kind/name} of the cert-manager issuer that makes the certificates; null: the
 *     operator makes them
 * @param mesh the service mesh that carries the links
 * @param clusterDomain what names of Services end with: xDS has full names first, and gRPC takes no
 *     list of names that goes on to one with a dot at its end, as Istio writes them
 * @param namespace its own; the lease is there
 * @param name its own among those that may lead
 */
public record OperatorSettings(
    Images images,
    Set<String> namespaces,
    @Nullable String issuer,
    Mesh mesh,
    String clusterDomain,
    @Nullable String namespace,
    String name) {

  /** The lease that the leading operator holds. */
  public static final String LEASE = "portcullis-operator";

  /** Copies the collection. */
  public OperatorSettings {
    namespaces = Set.copyOf(namespaces);
  }

  /**
   * Images of the pods.
   *
   * @param io of IO modules
   * @param worker of workers
   * @param switchModule of switches
   * @param pullPolicy when they are pulled
   * @param pullSecrets what they are pulled with
   */
  public record Images(
      String io, String worker, String switchModule, String pullPolicy, List<String> pullSecrets) {}
}
