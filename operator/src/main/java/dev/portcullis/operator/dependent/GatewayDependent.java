package dev.portcullis.operator.dependent;

import io.fabric8.kubernetes.api.model.HasMetadata;
import java.util.List;

/** One kind of thing that the operator makes for a gateway. Pure: the same for the same wishes. */
@FunctionalInterface
public interface GatewayDependent<R extends HasMetadata> {

  /** Returns what there shall be. */
  List<R> desired(Wanted wanted);

  /** All of them, in the order in which they are made: what pods need comes before the pods. */
  List<GatewayDependent<?>> ALL =
      List.of(
          new GatewayServiceAccount(),
          new GatewayConfigMap(),
          new IssuedCertificate(),
          new GatewayNetworkPolicy(),
          new MeshResources(),
          new HeadlessService(),
          new WorkerService(),
          new SwitchService(),
          new DisruptionBudget(),
          new SwitchStatefulSet(),
          new WorkerStatefulSet(),
          new IoStatefulSet());
}
