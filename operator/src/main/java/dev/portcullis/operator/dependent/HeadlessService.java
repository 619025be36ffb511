package dev.portcullis.operator.dependent;

import dev.portcullis.core.policy.GatewaySpec;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.ServicePortBuilder;
import java.util.ArrayList;
import java.util.List;

/** Names of the pods of each set; a switch is reached before it is ready. */
final class HeadlessService implements GatewayDependent<Service> {

  @Override
  public List<Service> desired(Wanted wanted) {
    List<Service> services = new ArrayList<>();
    services.add(service(wanted, "switch", "switch", Names.SWITCH_PORT));
    services.add(service(wanted, "worker", "worker", Names.WORKER_PORT));
    for (GatewaySpec.Pool pool : wanted.config().gateway().pools()) {
      services.add(service(wanted, "worker", pool.name(), Names.WORKER_PORT));
    }
    for (GatewaySpec.Io io : wanted.config().gateway().io()) {
      services.add(service(wanted, "io", io.name(), 0));
    }
    return services;
  }

  private static Service service(Wanted wanted, String component, String set, int linkPort) {
    ServiceBuilder service =
        new ServiceBuilder()
            .withMetadata(wanted.names().metadata(wanted.names().of(set), component))
            .withNewSpec()
            .withClusterIP("None")
            .withPublishNotReadyAddresses(true)
            .withSelector(wanted.names().selector(component, set))
            .addNewPort()
            .withName("http")
            .withProtocol("TCP")
            .withPort(Names.HTTP_PORT)
            .withNewTargetPort("http")
            .endPort()
            .endSpec();
    if (linkPort > 0) {
      service.editSpec().addToPorts(grpc(wanted, "grpc", linkPort)).endSpec();
    }
    return service.build();
  }

  /** A port of links, by the name that the container gives it. */
  static ServicePort grpc(Wanted wanted, String name, int port) {
    return new ServicePortBuilder()
        .withName(name)
        .withProtocol("TCP")
        .withAppProtocol(wanted.settings().mesh().appProtocol())
        .withPort(port)
        .withNewTargetPort(name)
        .build();
  }
}
