package dev.portcullis.operator.gateway;

import dev.portcullis.operator.resource.GatewayPolicy;
import dev.portcullis.operator.resource.PacketGateway;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Resources as the documents that modules read: what the API server and the operator add is left
 * out.
 */
final class Documents {

  private final KubernetesSerialization yaml;

  Documents(KubernetesSerialization yaml) {
    this.yaml = yaml;
  }

  /** The document of a gateway that runs so many workers. */
  String of(PacketGateway gateway, int workers) {
    Map<String, Object> spec = new LinkedHashMap<>(gateway.getSpec());
    spec.remove("pods");
    Map<String, Object> replicas = new LinkedHashMap<>();
    if (spec.get("workers") instanceof Map<?, ?> had) {
      had.forEach((key, value) -> replicas.put((String) key, value));
    }
    replicas.put("replicas", workers);
    spec.put("workers", replicas);
    return text("PacketGateway", gateway.getMetadata().getName(), spec);
  }

  /** The document of a policy; empty where there is none. */
  String of(@Nullable GatewayPolicy policy) {
    return policy == null
        ? ""
        : text("GatewayPolicy", policy.getMetadata().getName(), policy.getSpec());
  }

  private String text(String kind, String name, @Nullable Map<String, Object> spec) {
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("apiVersion", "portcullis.dev/v1alpha1");
    document.put("kind", kind);
    document.put("metadata", Map.of("name", name));
    document.put("spec", spec == null ? Map.of() : spec);
    String text = yaml.asYaml(document);
    return text.startsWith("---") ? text.substring(text.indexOf('\n') + 1) : text;
  }
}
