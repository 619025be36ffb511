package dev.portcullis.operator.dependent;

import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSetBuilder;

/**
 * What the StatefulSets of a gateway have in common: they start all pods at once, and renew one at
 * a time.
 */
final class PodSet {

  private PodSet() {}

  static StatefulSet of(
      Wanted wanted, String component, String set, int replicas, PodTemplateSpec template) {
    return new StatefulSetBuilder()
        .withMetadata(wanted.names().metadata(wanted.names().of(set), component))
        .withNewSpec()
        .withReplicas(replicas)
        .withServiceName(wanted.names().of(set))
        .withPodManagementPolicy("Parallel")
        .withNewSelector()
        .withMatchLabels(wanted.names().selector(component, set))
        .endSelector()
        .withNewUpdateStrategy()
        .withType("RollingUpdate")
        .endUpdateStrategy()
        .withTemplate(template)
        .endSpec()
        .build();
  }
}
