package dev.portcullis.operator.dependent;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The address of each switch in a mesh: names of pods lead past it, or to where a pod was before.
 */
final class SwitchService implements GatewayDependent<Service> {

  @Override
  public List<Service> desired(Wanted wanted) {
    if (wanted.settings().mesh() == Mesh.NONE) {
      return List.of();
    }
    return IntStream.range(0, Names.SWITCHES)
        .mapToObj(it -> wanted.names().of("switch-" + it))
        .map(
            pod ->
                new ServiceBuilder()
                    .withMetadata(wanted.names().metadata(pod, "switch"))
                    .withNewSpec()
                    .withType("ClusterIP")
                    .withPublishNotReadyAddresses(true)
                    .withSelector(Map.of("statefulset.kubernetes.io/pod-name", pod))
                    .withPorts(HeadlessService.grpc(wanted, "grpc", Names.SWITCH_PORT))
                    .endSpec()
                    .build())
        .toList();
  }
}
