package dev.portcullis.operator.gateway;

import dev.portcullis.core.policy.GatewayStatus;
import dev.portcullis.operator.dependent.Digest;
import dev.portcullis.operator.dependent.Names;
import dev.portcullis.operator.resource.PacketGateway;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What is said about a gateway, and what of it is news. One thread, used once. */
final class StatusStory {

  /** Pods that are not ready for longer than a start takes are a fault. */
  private static final Duration START = Duration.ofMinutes(2);

  private final @Nullable GatewayStatus before;
  private final Instant now;
  private final Conditions conditions;
  private final Long generation;
  private final List<News> events = new ArrayList<>();
  private boolean ready;
  private boolean settled;

  /**
   * Something that a person would want to know.
   *
   * @param warning whether something is wrong
   * @param reason in one word
   * @param note in a sentence
   */
  record News(boolean warning, String reason, String note) {}

  StatusStory(PacketGateway gateway, Instant now) {
    this.before = gateway.getStatus();
    this.now = now;
    this.generation = gateway.getMetadata().getGeneration();
    this.conditions = new Conditions(before, generation, now);
  }

  /** Tells it. */
  GatewayStatus tell(
      Configuration configuration,
      @Nullable Readiness readiness,
      SwitchPages.@Nullable Reading reading,
      Names names) {
    accepted(configuration);
    if (readiness == null) {
      conditions.set("Ready", false, "NoConfiguration", "there is no configuration without faults");
      conditions.set("Progressing", false, "NoConfiguration", "nothing is made without one");
      conditions.set("Degraded", true, "NoConfiguration", "no packet passes");
    } else {
      pods(readiness, reading);
    }
    conditions
        .turned()
        .forEach(
            it ->
                events.add(
                    new News(
                        it.status().equals("False") == !it.type().equals("Degraded")
                            && !it.type().equals("Progressing"),
                        it.type().equals("PolicyAccepted") || it.type().equals("Degraded")
                            ? it.reason()
                            : it.type() + it.status(),
                        it.message())));
    GatewayStatus.Scale scale =
        reading != null ? reading.lastScale() : before == null ? null : before.lastScale();
    news(scale);
    return new GatewayStatus(
        generation,
        readiness == null
            ? null
            : new GatewayStatus.Workers(
                readiness.workers(), readiness.readyWorkers(), selector(names)),
        readiness == null ? null : readiness.ioReady(),
        reading != null
            ? Integer.valueOf(reading.workers())
            : before == null ? null : before.quantity(),
        reading != null ? Integer.valueOf(reading.epoch()) : before == null ? null : before.epoch(),
        reading == null ? List.of() : reading.late(),
        configuration.config() == null ? null : Digest.of(configuration.source()),
        scale,
        conditions.all());
  }

  private void accepted(Configuration configuration) {
    boolean good = configuration.faults().isEmpty();
    String faults =
        configuration.faults().stream()
            .map(it -> it.path() + ": " + it.message())
            .collect(Collectors.joining("\n"));
    conditions.set(
        "PolicyAccepted",
        good,
        good ? "Accepted" : "Refused",
        good
            ? "the configuration is in use"
            : faults
                + (configuration.config() == null
                    ? ""
                    : "\nThe configuration before stays in use."));
  }

  private void pods(Readiness readiness, SwitchPages.@Nullable Reading reading) {
    String late = reading == null ? "" : String.join(", ", reading.late());
    ready = readiness.missing().isEmpty();
    settled = ready && readiness.rolling().isEmpty() && late.isEmpty();
    String missing = String.join("; ", readiness.missing());
    conditions.set(
        "Ready",
        ready,
        ready ? "AllReady" : "PodsNotReady",
        ready ? "all pods are ready" : missing);
    String rolling = String.join(", ", readiness.rolling());
    conditions.set(
        "Progressing",
        !settled,
        settled
            ? "Settled"
            : !rolling.isEmpty() ? "PodsChange" : !late.isEmpty() ? "TableChanges" : "PodsStart",
        settled
            ? "nothing changes"
            : !rolling.isEmpty()
                ? "pods change of " + rolling
                : !late.isEmpty() ? "modules are late: " + late : missing);
    boolean tooLong = !ready && isOld("Ready", "False");
    conditions.set(
        "Degraded",
        tooLong,
        tooLong ? "PodsNotReady" : "AsExpected",
        tooLong ? missing : "no pod is missing for long");
  }

  private boolean isOld(String type, String status) {
    return before != null
        && before.conditions() != null
        && before.conditions().stream()
            .filter(it -> it.type().equals(type) && it.status().equals(status))
            .map(GatewayStatus.Condition::lastTransitionTime)
            .filter(Objects::nonNull)
            .anyMatch(it -> Instant.parse(it).plus(START).isBefore(now));
  }

  private void news(GatewayStatus.@Nullable Scale scale) {
    if (scale != null && (before == null || !scale.equals(before.lastScale()))) {
      boolean bad = scale.flowsBroken() > 0 || !"done".equals(scale.result());
      events.add(
          new News(
              bad,
              "TableChanged",
              "from "
                  + scale.from()
                  + " to "
                  + scale.to()
                  + " workers, table "
                  + scale.epoch()
                  + ": "
                  + scale.result()
                  + ", "
                  + scale.flowsMoved()
                  + " flows moved, "
                  + scale.flowsBroken()
                  + " broken"));
    }
  }

  private static String selector(Names names) {
    return Names.GATEWAY + "=" + names.gateway() + ",portcullis.dev/set=worker";
  }

  List<News> events() {
    return events;
  }

  boolean ready() {
    return ready;
  }

  boolean settled() {
    return settled;
  }
}
