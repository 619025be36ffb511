package dev.portcullis.operator.dependent;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Who may open links, in the words of the mesh: nobody in plain text, IO modules and workers to
 * workers, all modules to the switches; and that streams have no end.
 */
public final class MeshResources implements GatewayDependent<GenericKubernetesResource> {

  private static final String LINKS = "/portcullis.link.v1.PacketLink/*";
  private static final String MANAGEMENT = "/portcullis.management.v1.Management/*";
  private static final String ISTIO_SECURITY = "security.istio.io/v1";
  private static final String ISTIO_NETWORKING = "networking.istio.io/v1";
  private static final String LINKERD_SERVER = "policy.linkerd.io/v1beta3";
  private static final String LINKERD_POLICY = "policy.linkerd.io/v1alpha1";
  private static final String KUMA = "kuma.io/v1alpha1";
  private static final List<String> ALL = List.of("io", "worker", "switch");

  /** Kinds that are made, as {@code group/version/kind}. */
  public static List<String> kinds(Mesh mesh) {
    return switch (mesh) {
      case NONE -> List.of();
      case ISTIO ->
          List.of(ISTIO_SECURITY + "/PeerAuthentication", ISTIO_SECURITY + "/AuthorizationPolicy");
      case ISTIO_PROXYLESS ->
          List.of(
              ISTIO_SECURITY + "/PeerAuthentication",
              ISTIO_SECURITY + "/AuthorizationPolicy",
              ISTIO_NETWORKING + "/DestinationRule");
      case LINKERD ->
          List.of(
              LINKERD_SERVER + "/Server",
              LINKERD_POLICY + "/MeshTLSAuthentication",
              LINKERD_POLICY + "/AuthorizationPolicy");
      case KUMA -> List.of(KUMA + "/MeshTrafficPermission", KUMA + "/MeshTimeout");
    };
  }

  @Override
  public List<GenericKubernetesResource> desired(Wanted wanted) {
    List<GenericKubernetesResource> all = new ArrayList<>();
    switch (wanted.settings().mesh()) {
      case NONE -> {}
      case ISTIO -> istio(wanted, all);
      case ISTIO_PROXYLESS -> {
        istio(wanted, all);
        linkServices(wanted).forEach(it -> all.add(destination(wanted, it)));
      }
      case LINKERD -> linkerd(wanted, all);
      case KUMA -> kuma(wanted, all);
    }
    return all;
  }

  private static void istio(Wanted wanted, List<GenericKubernetesResource> all) {
    all.add(
        make(
            wanted,
            ISTIO_SECURITY,
            "PeerAuthentication",
            "mesh",
            "mesh",
            Map.of(
                "selector",
                Map.of("matchLabels", Map.of(Names.GATEWAY, wanted.names().gateway())),
                "mtls",
                Map.of("mode", "STRICT"))));
    all.add(
        istioPolicy(
            wanted, "worker", Stream.of("io", "worker").map(it -> links(wanted, it)).toList()));
    all.add(
        istioPolicy(
            wanted,
            "switch",
            List.of(
                links(wanted, "worker"),
                Map.of(
                    "from", from(wanted, List.of("io", "worker")),
                    "to", to(MANAGEMENT)))));
  }

  private static GenericKubernetesResource istioPolicy(
      Wanted wanted, String component, List<?> rules) {
    return make(
        wanted,
        ISTIO_SECURITY,
        "AuthorizationPolicy",
        "mesh-" + component,
        component,
        Map.of(
            "action",
            "ALLOW",
            "selector",
            Map.of("matchLabels", wanted.names().selector(component)),
            "rules",
            rules));
  }

  /** Who opens a link says what it is, and may say nothing else than its service account is. */
  private static Map<String, Object> links(Wanted wanted, String component) {
    return Map.of(
        "from", from(wanted, List.of(component)),
        "to", to(LINKS),
        "when",
            List.of(
                Map.of(
                    "key",
                    "request.headers[portcullis-module]",
                    "values",
                    List.of(component + "/*"))));
  }

  private static List<?> from(Wanted wanted, List<String> components) {
    Names names = wanted.names();
    return List.of(
        Map.of(
            "source",
            Map.of(
                "principals",
                components.stream()
                    .map(it -> "*/ns/" + names.namespace() + "/sa/" + names.of(it))
                    .toList())));
  }

  /** On whatever port: who goes on in the process of another worker has one of its own. */
  private static List<?> to(String path) {
    return List.of(Map.of("operation", Map.of("paths", List.of(path))));
  }

  /** gRPC encrypts only where it is told to. */
  private static GenericKubernetesResource destination(Wanted wanted, String service) {
    return make(
        wanted,
        ISTIO_NETWORKING,
        "DestinationRule",
        service.substring(wanted.names().gateway().length() + 1),
        "mesh",
        Map.of("host", service, "trafficPolicy", Map.of("tls", Map.of("mode", "ISTIO_MUTUAL"))));
  }

  /** Services that links are opened to. */
  private static List<String> linkServices(Wanted wanted) {
    return Stream.concat(
            new SwitchService().desired(wanted).stream(),
            new WorkerService().desired(wanted).stream())
        .map(it -> it.getMetadata().getName())
        .toList();
  }

  private static void linkerd(Wanted wanted, List<GenericKubernetesResource> all) {
    linkerd(wanted, "worker", "mesh-worker", "grpc", all);
    linkerd(wanted, "switch", "mesh-switch", "grpc", all);
    // a server is one port, and one without is open to everybody
    for (int port : wanted.guestPorts()) {
      linkerd(wanted, "worker", "mesh-worker-" + port, port, all);
    }
    all.add(
        make(
            wanted,
            LINKERD_POLICY,
            "MeshTLSAuthentication",
            "mesh-modules",
            "mesh",
            Map.of(
                "identityRefs",
                Stream.of("io", "worker")
                    .map(it -> Map.of("kind", "ServiceAccount", "name", wanted.names().of(it)))
                    .toList())));
  }

  /** Modules and nobody else reach a port of a component. */
  private static void linkerd(
      Wanted wanted,
      String component,
      String server,
      Object port,
      List<GenericKubernetesResource> all) {
    all.add(
        make(
            wanted,
            LINKERD_SERVER,
            "Server",
            server,
            component,
            Map.of(
                "podSelector",
                Map.of("matchLabels", wanted.names().selector(component)),
                "port",
                port,
                "proxyProtocol",
                "HTTP/2")));
    all.add(
        make(
            wanted,
            LINKERD_POLICY,
            "AuthorizationPolicy",
            server + "-modules",
            component,
            Map.of(
                "targetRef",
                Map.of(
                    "group",
                    "policy.linkerd.io",
                    "kind",
                    "Server",
                    "name",
                    wanted.names().of(server)),
                "requiredAuthenticationRefs",
                List.of(
                    Map.of(
                        "group",
                        "policy.linkerd.io",
                        "kind",
                        "MeshTLSAuthentication",
                        "name",
                        wanted.names().of("mesh-modules"))))));
  }

  private static void kuma(Wanted wanted, List<GenericKubernetesResource> all) {
    for (String component : List.of("worker", "switch")) {
      all.add(
          make(
              wanted,
              KUMA,
              "MeshTrafficPermission",
              "mesh-" + component,
              component,
              Map.of(
                  "targetRef",
                  subset(wanted, component),
                  "from",
                  Stream.of("io", "worker")
                      .map(
                          it ->
                              Map.of(
                                  "targetRef",
                                  subset(wanted, it),
                                  "default",
                                  Map.of("action", "Allow")))
                      .toList())));
    }
    Map<String, Object> endless =
        Map.of(
            "idleTimeout",
            "0s",
            "http",
            Map.of("requestTimeout", "0s", "streamIdleTimeout", "0s", "maxStreamDuration", "0s"));
    List<?> everybody = List.of(Map.of("targetRef", Map.of("kind", "Mesh"), "default", endless));
    for (String component : ALL) {
      all.add(
          make(
              wanted,
              KUMA,
              "MeshTimeout",
              "mesh-endless-" + component,
              component,
              Map.of("targetRef", subset(wanted, component), "from", everybody, "to", everybody)));
    }
  }

  private static Map<String, Object> subset(Wanted wanted, String component) {
    return Map.of(
        "kind",
        "MeshSubset",
        "tags",
        Map.of(
            "k8s.kuma.io/namespace",
            wanted.names().namespace(),
            Names.GATEWAY,
            wanted.names().gateway(),
            Names.COMPONENT,
            component));
  }

  private static GenericKubernetesResource make(
      Wanted wanted, String api, String kind, String name, String component, Map<String, ?> spec) {
    return new GenericKubernetesResourceBuilder()
        .withApiVersion(api)
        .withKind(kind)
        .withMetadata(wanted.names().metadata(wanted.names().of(name), component))
        .withAdditionalProperties(Map.of("spec", spec))
        .build();
  }
}
