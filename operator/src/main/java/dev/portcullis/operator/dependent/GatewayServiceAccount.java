package dev.portcullis.operator.dependent;

import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import java.util.List;
import java.util.stream.Stream;

/** Who the pods are: nobody has rights or a token. */
final class GatewayServiceAccount implements GatewayDependent<ServiceAccount> {

  @Override
  public List<ServiceAccount> desired(Wanted wanted) {
    return Stream.of("io", "worker", "switch")
        .map(
            component ->
                new ServiceAccountBuilder()
                    .withMetadata(wanted.names().metadata(wanted.names().of(component), component))
                    .withAutomountServiceAccountToken(false)
                    .build())
        .toList();
  }
}
