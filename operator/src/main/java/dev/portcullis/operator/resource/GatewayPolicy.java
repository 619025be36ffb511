package dev.portcullis.operator.resource;

import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Version;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Rules and translations, as they were written. */
@Group("portcullis.dev")
@Version("v1alpha1")
@Plural("gatewaypolicies")
@ShortNames("gwp")
public final class GatewayPolicy extends CustomResource<Map<String, Object>, Void>
    implements Namespaced {

  @Override
  protected @Nullable Map<String, Object> initSpec() {
    return null;
  }

  @Override
  protected @Nullable Void initStatus() {
    return null;
  }
}
