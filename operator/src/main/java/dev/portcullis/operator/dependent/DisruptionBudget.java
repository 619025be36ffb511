package dev.portcullis.operator.dependent;

import dev.portcullis.core.policy.GatewaySpec;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudgetBuilder;
import java.util.ArrayList;
import java.util.List;

/** One pod of a set at a time may be asked to leave a node. */
final class DisruptionBudget implements GatewayDependent<PodDisruptionBudget> {

  @Override
  public List<PodDisruptionBudget> desired(Wanted wanted) {
    List<PodDisruptionBudget> budgets = new ArrayList<>();
    budgets.add(budget(wanted, "switch", "switch"));
    budgets.add(budget(wanted, "worker", "worker"));
    for (GatewaySpec.Pool pool : wanted.config().gateway().pools()) {
      budgets.add(budget(wanted, "worker", pool.name()));
    }
    for (GatewaySpec.Io io : wanted.config().gateway().io()) {
      budgets.add(budget(wanted, "io", io.name()));
    }
    return budgets;
  }

  private static PodDisruptionBudget budget(Wanted wanted, String component, String set) {
    return new PodDisruptionBudgetBuilder()
        .withMetadata(wanted.names().metadata(wanted.names().of(set), component))
        .withNewSpec()
        .withNewMaxUnavailable(1)
        .withNewSelector()
        .withMatchLabels(wanted.names().selector(component, set))
        .endSelector()
        .endSpec()
        .build();
  }
}
