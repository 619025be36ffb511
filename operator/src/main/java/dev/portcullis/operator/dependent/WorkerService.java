package dev.portcullis.operator.dependent;

import dev.portcullis.core.policy.GatewaySpec.Pool;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.ServicePort;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The address of each worker, the one name that works with and without a mesh. It is there before
 * the worker is ready, because links are what makes it ready, and until its pod is gone. With
 * replication it has ports for those who go on in the worker's process.
 */
final class WorkerService implements GatewayDependent<Service> {

  @Override
  public List<Service> desired(Wanted wanted) {
    List<Service> services = new ArrayList<>();
    for (int number = 0; number < Math.max(wanted.workers(), wanted.served()); number++) {
      services.add(service(wanted, wanted.names().of("worker-" + number)));
    }
    for (Pool pool : wanted.config().gateway().pools()) {
      for (int i = 0; i < pool.replicas(); i++) {
        services.add(service(wanted, wanted.names().of(pool.name() + "-" + (pool.base() + i))));
      }
    }
    return services;
  }

  private static Service service(Wanted wanted, String pod) {
    List<ServicePort> ports = new ArrayList<>();
    ports.add(HeadlessService.grpc(wanted, "grpc", Names.WORKER_PORT));
    wanted
        .guestPorts()
        .forEach(port -> ports.add(HeadlessService.grpc(wanted, "grpc-" + port, port)));
    return new ServiceBuilder()
        .withMetadata(wanted.names().metadata(pod, "worker"))
        .withNewSpec()
        .withType("ClusterIP")
        .withPublishNotReadyAddresses(true)
        .withSelector(Map.of("statefulset.kubernetes.io/pod-name", pod))
        .withPorts(ports)
        .endSpec()
        .build();
  }
}
