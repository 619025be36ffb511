package dev.portcullis.operator.dependent;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Merges a change into a pod template as a strategic merge patch does: objects key by key, the
 * lists below by the key of their items, other lists as a whole.
 */
final class TemplateMerge {

  /** Merge keys of {@code k8s.io/api/core/v1}. */
  private static final Map<String, String> KEYS =
      Map.of(
          "containers", "name",
          "initContainers", "name",
          "env", "name",
          "volumes", "name",
          "imagePullSecrets", "name",
          "volumeMounts", "mountPath",
          "ports", "containerPort",
          "topologySpreadConstraints", "topologyKey",
          "hostAliases", "ip");

  private static final ObjectMapper JSON = new ObjectMapper();

  private TemplateMerge() {}

  static PodTemplateSpec merge(PodTemplateSpec template, @Nullable Object change) {
    if (!(change instanceof Map<?, ?> map) || map.isEmpty()) {
      return template;
    }
    Map<String, Object> whole = JSON.convertValue(template, new TypeReference<>() {});
    return JSON.convertValue(merged(whole, map), PodTemplateSpec.class);
  }

  private static Map<String, Object> merged(Map<?, ?> base, Map<?, ?> change) {
    Map<String, Object> result = new LinkedHashMap<>();
    base.forEach((key, value) -> result.put((String) key, value));
    change.forEach(
        (key, value) -> {
          Object old = result.get(key);
          if (value == null) {
            result.remove(key);
          } else if (value instanceof Map<?, ?> inner && old instanceof Map<?, ?> outer) {
            result.put((String) key, merged(outer, inner));
          } else if (value instanceof List<?> list
              && old instanceof List<?> had
              && KEYS.containsKey(key)) {
            result.put((String) key, merged(had, list, KEYS.get(key)));
          } else {
            result.put((String) key, value);
          }
        });
    return result;
  }

  private static List<Object> merged(List<?> base, List<?> change, String key) {
    List<Object> result = new ArrayList<>(base);
    for (Object it : change) {
      int at = -1;
      for (int i = 0; i < result.size(); i++) {
        if (it instanceof Map<?, ?> a
            && result.get(i) instanceof Map<?, ?> b
            && Objects.equals(a.get(key), b.get(key))) {
          at = i;
        }
      }
      if (at >= 0 && it instanceof Map<?, ?> a && result.get(at) instanceof Map<?, ?> b) {
        result.set(at, merged(b, a));
      } else {
        result.add(it);
      }
    }
    return result;
  }
}
