package dev.portcullis.operator.dependent;

import dev.portcullis.core.policy.GatewaySpec.Pool;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The address of each worker, the one name that works with and without a mesh. It is there before
 * the worker is ready, because links are what makes it ready, and until its pod is gone.
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
    return new ServiceBuilder()
        .withMetadata(wanted.names().metadata(pod, "worker"))
        .withNewSpec()
        .withType("ClusterIP")
        .withPublishNotReadyAddresses(true)
        .withSelector(Map.of("statefulset.kubernetes.io/pod-name", pod))
        .withPorts(HeadlessService.grpc(wanted, Names.WORKER_PORT))
        .endSpec()
        .build();
  }
}
