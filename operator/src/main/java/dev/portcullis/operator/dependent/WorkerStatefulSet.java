package dev.portcullis.operator.dependent;

import dev.portcullis.core.policy.GatewaySpec.Pool;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSetBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Workers: the pod's ordinal is the worker's identification number. One set for the pool {@code
 * default}, which is what is scaled, and one for each other pool.
 */
public final class WorkerStatefulSet implements GatewayDependent<StatefulSet> {

  /** Annotation: the replicas that the operator wrote last, so that it sees when others did. */
  public static final String WRITTEN = "portcullis.dev/replicas";

  @Override
  public List<StatefulSet> desired(Wanted wanted) {
    List<StatefulSet> sets = new ArrayList<>();
    sets.add(
        new StatefulSetBuilder(set(wanted, "worker", wanted.workers()))
            .editMetadata()
            .withAnnotations(Map.of(WRITTEN, String.valueOf(wanted.workers())))
            .endMetadata()
            .build());
    for (Pool pool : wanted.config().gateway().pools()) {
      sets.add(
          new StatefulSetBuilder(set(wanted, pool.name(), pool.replicas()))
              .editSpec()
              .withNewOrdinals(pool.base())
              .endSpec()
              .build());
    }
    return sets;
  }

  private static StatefulSet set(Wanted wanted, String set, int replicas) {
    Names names = wanted.names();
    PodTemplate template =
        new PodTemplate(wanted, "worker", set)
            .setting("NUMBER", "$(POD_INDEX)")
            .setting("LISTEN", "0.0.0.0:" + Names.WORKER_PORT)
            .setting(
                "ADVERTISE",
                names.link(names.of(set) + "-$(POD_INDEX)", Names.WORKER_PORT, wanted.settings()))
            .setting("SWITCH", names.switches(wanted.settings()));
    if (!wanted.guestPorts().isEmpty()) {
      template.setting("GUEST_PORTS", Names.GUEST_PORTS.toString());
      wanted.guestPorts().forEach(template::port);
    }
    return PodSet.of(
        wanted,
        "worker",
        set,
        replicas,
        template.build(wanted.settings().images().worker(), Names.WORKER_PORT, "1Gi"));
  }
}
