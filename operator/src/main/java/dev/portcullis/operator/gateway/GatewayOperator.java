package dev.portcullis.operator.gateway;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.portcullis.operator.certificate.LinkAuthority;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.javaoperatorsdk.operator.Operator;
import io.javaoperatorsdk.operator.OperatorException;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfiguration;
import io.javaoperatorsdk.operator.processing.retry.GenericRetry;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;

/** The operator: one of those that run leads, the others wait. Any thread. */
public final class GatewayOperator implements AutoCloseable {

  private static final System.Logger LOG = System.getLogger("operator");
  private static final Duration LEASE = Duration.ofSeconds(15);
  private static final Duration RENEW = Duration.ofSeconds(10);
  private static final Duration RETRY = Duration.ofSeconds(2);
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final long MOST_BETWEEN_MS = 30_000;

  private final Operator operator;

  private GatewayOperator(Operator operator) {
    this.operator = operator;
  }

  /**
   * Starts it; returns when it is asked to lead or another one does.
   *
   * @param settings what it is told
   * @param client how it speaks with the API server; closed here
   * @param pages of the switches
   * @param counts what is counted
   * @param clock what time it is
   * @param lost runs when another one leads, or it cannot start
   */
  public static GatewayOperator start(
      OperatorSettings settings,
      KubernetesClient client,
      SwitchPages pages,
      OperatorCounts counts,
      InstantSource clock,
      Runnable lost) {
    Operator operator =
        new Operator(
            config -> {
              config.withKubernetesClient(client).withCloseClientOnStop(true);
              if (settings.namespace() == null) {
                counts.leading(true);
                return;
              }
              config.withLeaderElectionConfiguration(
                  new LeaderElectionConfiguration(
                      OperatorSettings.LEASE,
                      settings.namespace(),
                      LEASE,
                      RENEW,
                      RETRY,
                      settings.name(),
                      new LeaderCallbacks(
                          () -> counts.leading(true),
                          () -> {
                            counts.leading(false);
                            lost.run();
                          },
                          leader -> {}),
                      false));
            });
    operator.register(
        new PacketGatewayReconciler(
            settings, client, new LinkAuthority(clock, new SecureRandom()), pages, counts, clock),
        controller -> {
          controller.withRetry(
              new GenericRetry()
                  .setInitialInterval(SECOND)
                  .setMaxInterval(MOST_BETWEEN_MS)
                  .withoutMaxAttempts());
          if (!settings.namespaces().isEmpty()) {
            controller.settingNamespaces(settings.namespaces());
          }
        });
    Thread.ofPlatform()
        .daemon()
        .name("operator")
        .start(
            () -> {
              try {
                operator.start();
              } catch (OperatorException e) {
                Throwable cause = e.getCause() == null ? e : e.getCause();
                LOG.log(
                    System.Logger.Level.ERROR,
                    "the operator does not start: {0}",
                    cause.getMessage());
                lost.run();
              }
            });
    return new GatewayOperator(operator);
  }

  /** How the client reads: what a newer operator has written is no fault. */
  public static KubernetesSerialization serialization() {
    return new KubernetesSerialization(
        JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build(),
        true);
  }

  /** Whether it does what it should, leading or waiting. */
  public boolean live() {
    return operator.getRuntimeInfo().allEventSourcesAreHealthy();
  }

  @Override
  public void close() {
    operator.stop();
  }
}
