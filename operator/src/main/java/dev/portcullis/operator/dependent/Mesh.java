package dev.portcullis.operator.dependent;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The service mesh of the cluster, and what pods and Services say so that it takes links as they
 * are: long streams, never balanced, never timed out. With one, modules speak plain text and the
 * mesh encrypts and identifies; health, metrics and tunnels stay outside of it.
 */
public enum Mesh {
  /** No mesh: modules encrypt links themselves. */
  NONE("none", "grpc"),
  /** Istio with an Envoy beside each module. */
  ISTIO("istio", "kubernetes.io/h2c"),
  /** Istio without: modules get certificates and addresses from istiod themselves. */
  ISTIO_PROXYLESS("istio-proxyless", "kubernetes.io/h2c"),
  /** Linkerd, which knows HTTP/2 by this application protocol alone. */
  LINKERD("linkerd", "kubernetes.io/h2c"),
  /** Kuma. */
  KUMA("kuma", "grpc");

  private final String label;
  private final String appProtocol;

  Mesh(String label, String appProtocol) {
    this.label = label;
    this.appProtocol = appProtocol;
  }

  /** Returns the mesh of this name, null where there is none. */
  public static @Nullable Mesh of(String label) {
    return Arrays.stream(values()).filter(it -> it.label.equals(label)).findFirst().orElse(null);
  }

  /** Returns the names of all, with commas between. */
  public static String labels() {
    return Arrays.stream(values()).map(it -> it.label).collect(Collectors.joining(", "));
  }

  /** What Services say that links speak. */
  String appProtocol() {
    return appProtocol;
  }

  /** Labels of pods beside the operator's. */
  Map<String, String> podLabels() {
    return switch (this) {
      case NONE, LINKERD -> Map.of();
      case ISTIO -> Map.of("sidecar.istio.io/inject", "true");
      // without the second one clients send plain text (istio, grpcgen)
      case ISTIO_PROXYLESS ->
          Map.of("sidecar.istio.io/inject", "true", "security.istio.io/tlsMode", "istio");
      case KUMA -> Map.of("kuma.io/sidecar-injection", "enabled");
    };
  }

  /**
   * Annotations of pods beside the operator's.
   *
   * @param open TCP ports that are no links, with commas between
   */
  Map<String, String> podAnnotations(String open) {
    return switch (this) {
      case NONE -> Map.of();
      // the proxy is there before the module, and goes when the last link has been closed
      case ISTIO ->
          new TreeMap<>(
              Map.of(
                  "traffic.sidecar.istio.io/excludeInboundPorts",
                  open,
                  "proxy.istio.io/config",
                  "{\"holdApplicationUntilProxyStarts\": true,"
                      + " \"proxyMetadata\": {\"EXIT_ON_ZERO_ACTIVE_CONNECTIONS\": \"true\"}}"));
      // gRPC reads keys in PKCS #8 alone (grpc-java#9883)
      case ISTIO_PROXYLESS ->
          new TreeMap<>(
              Map.of(
                  "inject.istio.io/templates",
                  "grpc-agent",
                  "proxy.istio.io/config",
                  "{\"holdApplicationUntilProxyStarts\": true,"
                      + " \"proxyMetadata\": {\"PKCS8_KEY\": \"true\"}}"));
      case LINKERD ->
          new TreeMap<>(
              Map.of(
                  "linkerd.io/inject",
                  "enabled",
                  "config.linkerd.io/skip-inbound-ports",
                  open,
                  "config.linkerd.io/shutdown-grace-period",
                  2 * PodTemplate.GRACE_SECONDS + "s"));
      case KUMA -> Map.of("traffic.kuma.io/exclude-inbound-ports", open);
    };
  }
}
