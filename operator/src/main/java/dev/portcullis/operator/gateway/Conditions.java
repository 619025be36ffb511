package dev.portcullis.operator.gateway;

import dev.portcullis.core.policy.GatewayStatus;
import dev.portcullis.core.policy.GatewayStatus.Condition;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The conditions of a gateway; one that stays as it was keeps its time. One thread. */
final class Conditions {

  private static final int MESSAGE = 2000;

  private final List<Condition> before;
  private final @Nullable Long generation;
  private final String now;
  private final List<Condition> conditions = new ArrayList<>();
  private final List<Condition> turned = new ArrayList<>();

  Conditions(@Nullable GatewayStatus before, @Nullable Long generation, Instant now) {
    this.before = before == null || before.conditions() == null ? List.of() : before.conditions();
    this.generation = generation;
    this.now = now.truncatedTo(ChronoUnit.SECONDS).toString();
  }

  /** Says what holds. */
  void set(String type, boolean holds, String reason, String message) {
    String status = holds ? "True" : "False";
    Condition old = before.stream().filter(it -> it.type().equals(type)).findFirst().orElse(null);
    String since = old != null && old.status().equals(status) ? old.lastTransitionTime() : now;
    Condition condition =
        new Condition(
            type,
            status,
            reason,
            message.length() > MESSAGE ? message.substring(0, MESSAGE) + "..." : message,
            since,
            generation);
    conditions.add(condition);
    if (old == null || !old.status().equals(status) || !old.reason().equals(reason)) {
      turned.add(condition);
    }
  }

  /** All that were set. */
  List<Condition> all() {
    return conditions;
  }

  /** Those that are not what they were. */
  List<Condition> turned() {
    return turned;
  }
}
