package dev.portcullis.operator.gateway;

import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSetStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How far the pods are. Immutable.
 *
 * @param workers of pool default that exist
 * @param readyWorkers of those
 * @param ioReady IO modules that are ready
 * @param switchReady switches that are ready
 * @param missing a sentence for each set that has too few ready pods
 * @param rolling a sentence for each set that is being changed
 */
record Readiness(
    int workers,
    int readyWorkers,
    int ioReady,
    int switchReady,
    List<String> missing,
    List<String> rolling) {

  static Readiness of(Map<String, StatefulSet> sets, String gateway) {
    List<String> missing = new ArrayList<>();
    List<String> rolling = new ArrayList<>();
    int io = 0;
    int switches = 0;
    for (var entry : new TreeMap<>(sets).entrySet()) {
      String name = entry.getKey();
      StatefulSet set = entry.getValue();
      StatefulSetStatus status =
          set.getStatus() == null ? new StatefulSetStatus() : set.getStatus();
      int wanted = number(set.getSpec().getReplicas());
      int ready = number(status.getReadyReplicas());
      String component =
          set.getMetadata().getLabels().getOrDefault("app.kubernetes.io/component", "");
      io += component.equals("io") ? ready : 0;
      switches += component.equals("switch") ? ready : 0;
      if (ready < wanted) {
        missing.add(ready + " of " + wanted + " pods of " + name + " are ready");
      }
      boolean seen =
          status.getObservedGeneration() != null
              && status.getObservedGeneration().equals(set.getMetadata().getGeneration());
      if (!seen
          || number(status.getReplicas()) != wanted
          || number(status.getUpdatedReplicas()) < wanted) {
        rolling.add(name);
      }
    }
    StatefulSet workers = sets.get(gateway + "-worker");
    StatefulSetStatus status = workers == null ? null : workers.getStatus();
    return new Readiness(
        status == null ? 0 : number(status.getReplicas()),
        status == null ? 0 : number(status.getReadyReplicas()),
        io,
        switches,
        List.copyOf(missing),
        List.copyOf(rolling));
  }

  static int number(@Nullable Integer value) {
    return value == null ? 0 : value;
  }
}
