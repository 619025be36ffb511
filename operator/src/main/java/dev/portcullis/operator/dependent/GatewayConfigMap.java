package dev.portcullis.operator.dependent;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import java.util.List;
import java.util.Map;

/** The configuration that is in use, as the modules read it. */
public final class GatewayConfigMap implements GatewayDependent<ConfigMap> {

  /** The key that has the documents. */
  public static final String KEY = "gateway.yaml";

  @Override
  public List<ConfigMap> desired(Wanted wanted) {
    return List.of(
        new ConfigMapBuilder()
            .withMetadata(wanted.names().metadata(wanted.names().of("config"), "config"))
            .withData(Map.of(KEY, wanted.source()))
            .build());
  }
}
