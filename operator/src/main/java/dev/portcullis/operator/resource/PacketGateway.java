package dev.portcullis.operator.resource;

import dev.portcullis.core.policy.GatewayStatus;
import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Version;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A gateway. Its spec stays as it was written: {@code core.policy} reads and checks it, here as in
 * a file.
 */
@Group("portcullis.dev")
@Version("v1alpha1")
@Plural("packetgateways")
@ShortNames("pgw")
public final class PacketGateway extends CustomResource<Map<String, Object>, GatewayStatus>
    implements Namespaced {

  @Override
  protected @Nullable Map<String, Object> initSpec() {
    return null;
  }

  @Override
  protected @Nullable GatewayStatus initStatus() {
    return null;
  }
}
