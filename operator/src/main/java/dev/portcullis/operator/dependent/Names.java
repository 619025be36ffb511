package dev.portcullis.operator.dependent;

import dev.portcullis.core.process.GuestPorts;
import dev.portcullis.operator.gateway.OperatorSettings;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Names, labels and owner of what is made for a gateway.
 *
 * @param gateway name of the gateway
 * @param namespace its namespace
 * @param owner reference to it: what is made goes with it
 */
public record Names(String gateway, String namespace, OwnerReference owner) {

  /** Label with the name of the gateway. */
  public static final String GATEWAY = "portcullis.dev/gateway";

  /** Label with the component. */
  public static final String COMPONENT = "app.kubernetes.io/component";

  /** Selects what the operator makes. */
  public static final String MANAGED = "app.kubernetes.io/managed-by=portcullis-operator";

  /** Port of links to workers. */
  static final int WORKER_PORT = 7500;

  /** Ports of links to workers that go on in the process of their guardian. */
  static final GuestPorts GUEST_PORTS = new GuestPorts(7501, 7504);

  /** Port of links to switches. */
  static final int SWITCH_PORT = 7400;

  /** Port of health and metrics. */
  static final int HTTP_PORT = 8080;

  /** Switches of a gateway: modules use the first that is there. */
  static final int SWITCHES = 2;

  /** Names of what is made for a gateway. */
  public static Names of(String kind, String apiVersion, ObjectMeta gateway) {
    return new Names(
        gateway.getName(),
        gateway.getNamespace(),
        new OwnerReferenceBuilder()
            .withApiVersion(apiVersion)
            .withKind(kind)
            .withName(gateway.getName())
            .withUid(gateway.getUid())
            .withController(true)
            .build());
  }

  /** Returns {@code GATEWAY-part}. */
  public String of(String part) {
    return gateway + "-" + part;
  }

  /** Labels of everything of a component. */
  Map<String, String> labels(String component) {
    Map<String, String> labels = new TreeMap<>(selector(component));
    labels.put("app.kubernetes.io/name", "portcullis");
    labels.put("app.kubernetes.io/managed-by", "portcullis-operator");
    return labels;
  }

  /** Labels that tell the pods of a component, never changed: a selector is immutable. */
  Map<String, String> selector(String component) {
    return Map.of("app.kubernetes.io/instance", gateway, COMPONENT, component, GATEWAY, gateway);
  }

  /** Labels that tell the pods of one set of a component. */
  Map<String, String> selector(String component, String set) {
    Map<String, String> labels = new TreeMap<>(selector(component));
    labels.put("portcullis.dev/set", set);
    return labels;
  }

  /** Metadata of something of a component. */
  public ObjectMeta metadata(String name, String component) {
    return new ObjectMetaBuilder()
        .withName(name)
        .withNamespace(namespace)
        .withLabels(labels(component))
        .withOwnerReferences(owner)
        .build();
  }

  /** Host name of the Service or pod in the cluster. */
  String host(String service) {
    return service + "." + namespace + ".svc";
  }

  /** Host name of a switch. */
  public String switchHost(int number) {
    return of("switch") + "-" + number + "." + host(of("switch"));
  }

  /** Link address of a Service, as links of a mesh name it. */
  String link(String service, int port, OperatorSettings settings) {
    String domain = settings.mesh() == Mesh.ISTIO_PROXYLESS ? "." + settings.clusterDomain() : "";
    return host(service) + domain + ":" + port;
  }

  /** Link addresses of the switches. */
  String switches(OperatorSettings settings) {
    return IntStream.range(0, SWITCHES)
        .mapToObj(
            it ->
                settings.mesh() == Mesh.NONE
                    ? switchHost(it) + ":" + SWITCH_PORT
                    : link(of("switch-" + it), SWITCH_PORT, settings))
        .collect(Collectors.joining(","));
  }
}
