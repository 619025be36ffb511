package dev.portcullis.core.policy;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What a running gateway can take of a changed configuration: the policy, what the gateway says
 * about it, the number of workers that packets go to, and how much the program says of itself.
 * Ports, routes, distribution, limits and the rest are what its modules were built from.
 */
public enum LiveChange {
  /** Workers are processes of their own: more may come and some may go. */
  OF_PROCESSES(
      "spec.workers.replicas, spec.workers.quantity",
      it -> new GatewaySpec.Workers(1, null, it.shards())),
  /** The gateway is one process, and has the workers that it began with. */
  OF_ONE_PROCESS(
      "spec.workers.quantity", it -> new GatewaySpec.Workers(it.replicas(), null, it.shards()));

  private static final Set<String> TAKEN = Set.of("policy", "onPolicyChange");

  private final String workersTaken;
  private final UnaryOperator<GatewaySpec.Workers> workersBuilt;

  LiveChange(String workersTaken, UnaryOperator<GatewaySpec.Workers> workersBuilt) {
    this.workersTaken = workersTaken;
    this.workersBuilt = workersBuilt;
  }

  /**
   * Returns one sentence that says why {@code after} cannot take the place of {@code before} while
   * the gateway runs, null where it can.
   */
  public @Nullable String refusal(GatewayConfig before, GatewayConfig after) {
    List<String> changed = new ArrayList<>();
    for (RecordComponent field : GatewaySpec.class.getRecordComponents()) {
      if (!TAKEN.contains(field.getName())
          && !Objects.equals(built(field, before.gateway()), built(field, after.gateway()))) {
        changed.add("spec." + Binder.key(field));
      }
    }
    if (changed.isEmpty()) {
      return null;
    }
    return String.join(", ", changed)
        + (changed.size() == 1 ? " has" : " have")
        + " changed, which takes a restart of the gateway; what it takes while it runs is another"
        + " policy, spec.policy, spec.onPolicyChange, "
        + workersTaken
        + " and spec.log.level; the old configuration stays in use";
  }

  /** Returns the value of a field, less what of it a running gateway takes. */
  private @Nullable Object built(RecordComponent field, GatewaySpec spec) {
    return switch (field.getName()) {
      case "log" -> spec.log().withLevel(GatewaySpec.LogLevel.WARN);
      case "workers" -> workersBuilt.apply(spec.workers());
      default -> read(field, spec);
    };
  }

  private static @Nullable Object read(RecordComponent field, GatewaySpec spec) {
    try {
      return field.getAccessor().invoke(spec);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(field + " cannot be read", e);
    }
  }
}
