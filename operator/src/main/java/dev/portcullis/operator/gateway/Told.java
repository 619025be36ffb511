package dev.portcullis.operator.gateway;

import dev.portcullis.operator.resource.PacketGateway;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.api.model.MicroTime;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;

/** Events about a gateway, for people who look with {@code kubectl describe}. Any thread. */
final class Told {

  private static final System.Logger LOG = System.getLogger("operator");
  private static final int NOTE = 1000;

  private final KubernetesClient client;
  private final InstantSource clock;
  private final String instance;

  Told(KubernetesClient client, InstantSource clock, String instance) {
    this.client = client;
    this.clock = clock;
    this.instance = instance;
  }

  /** Says something; that it cannot be said stops nothing. */
  void say(PacketGateway gateway, boolean warning, String reason, String note) {
    String now = clock.instant().truncatedTo(ChronoUnit.MICROS).toString();
    String second = clock.instant().truncatedTo(ChronoUnit.SECONDS).toString();
    try {
      client
          .v1()
          .events()
          .inNamespace(gateway.getMetadata().getNamespace())
          .resource(
              new EventBuilder()
                  .withNewMetadata()
                  .withGenerateName(gateway.getMetadata().getName() + ".")
                  .withNamespace(gateway.getMetadata().getNamespace())
                  .endMetadata()
                  .withNewInvolvedObject()
                  .withApiVersion(gateway.getApiVersion())
                  .withKind(gateway.getKind())
                  .withName(gateway.getMetadata().getName())
                  .withNamespace(gateway.getMetadata().getNamespace())
                  .withUid(gateway.getMetadata().getUid())
                  .endInvolvedObject()
                  .withType(warning ? "Warning" : "Normal")
                  .withReason(reason)
                  .withMessage(note.length() > NOTE ? note.substring(0, NOTE) + "..." : note)
                  .withAction("Reconcile")
                  .withNewSource("portcullis-operator", "")
                  .withReportingComponent("portcullis.dev/operator")
                  .withReportingInstance(instance)
                  .withEventTime(new MicroTime(now))
                  .withFirstTimestamp(second)
                  .withLastTimestamp(second)
                  .withCount(1)
                  .build())
          .create();
    } catch (KubernetesClientException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "an event about {0} could not be written: {1}",
          gateway.getMetadata().getName(),
          e.getMessage());
    }
  }
}
