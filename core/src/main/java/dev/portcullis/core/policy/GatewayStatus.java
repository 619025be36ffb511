package dev.portcullis.core.policy;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The {@code status} of a {@code PacketGateway}, as the operator writes it; every field may be
 * missing. Immutable.
 *
 * @param observedGeneration generation of the resource that this status is about
 * @param workers the worker modules
 * @param io IO modules that are ready
 * @param quantity N, the workers that packets go to
 * @param epoch number of the newest distribution table
 * @param late modules that do not work by it yet
 * @param config digest of the configuration that the modules are given
 * @param lastScale the last change of the table
 * @param conditions what holds, by type
 */
public record GatewayStatus(
    @Field(doc = "Generation of the resource that this status is about.")
        @Nullable Long observedGeneration,
    @Field(doc = "Worker modules.") @Nullable Workers workers,
    @Field(doc = "IO modules that are ready.") @Nullable Integer io,
    @Field(doc = "N: workers that packets go to.") @Nullable Integer quantity,
    @Field(doc = "Number of the newest distribution table.") @Nullable Integer epoch,
    @Field(doc = "Modules that do not work by the newest table yet.") List<String> late,
    @Field(doc = "Digest of the configuration that the modules are given.") @Nullable String config,
    @Field(doc = "The last change of the table.") @Nullable Scale lastScale,
    @Field(doc = "What holds: Ready, Progressing, Degraded, PolicyAccepted.")
        List<Condition> conditions) {

  /** Worker modules as the scale subresource wants them. */
  public record Workers(
      @Field(doc = "Workers that exist.") int replicas,
      @Field(doc = "Workers that are ready.") int ready,
      @Field(doc = "Label selector of their pods.") @Nullable String selector) {}

  /** A change of the table that is over. */
  public record Scale(
      @Field(doc = "When it ended.") @Nullable String time,
      @Field(doc = "Number of the table that held after it.") int epoch,
      @Field(doc = "Workers before.") int from,
      @Field(doc = "Workers that were wanted.") int to,
      @Field(doc = "done, aborted or given_up.") @Nullable String result,
      @Field(doc = "Flows that got another worker.") long flowsMoved,
      @Field(doc = "Flows that lost their state.") long flowsBroken,
      @Field(doc = "Packets that waited for the state of their flow.") long packetsHeld,
      @Field(doc = "Milliseconds that the packet waited that waited longest.") double blockedMs,
      @Field(doc = "Milliseconds from the wish to the end.") double durationMs) {}

  /** One condition, as Kubernetes has them. */
  public record Condition(
      @Field(doc = "Name.", required = true) String type,
      @Field(doc = "True, False or Unknown.", required = true) String status,
      @Field(doc = "Why, in one word.") String reason,
      @Field(doc = "Why, in a sentence.") String message,
      @Field(doc = "Since when the status is this.") @Nullable String lastTransitionTime,
      @Field(doc = "Generation of the resource that it was found for.")
          @Nullable Long observedGeneration) {}
}
