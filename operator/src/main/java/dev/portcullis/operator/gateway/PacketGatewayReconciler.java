package dev.portcullis.operator.gateway;

import dev.portcullis.core.policy.GatewayStatus;
import dev.portcullis.operator.certificate.LinkAuthority;
import dev.portcullis.operator.dependent.Digest;
import dev.portcullis.operator.dependent.GatewayConfigMap;
import dev.portcullis.operator.dependent.GatewayDependent;
import dev.portcullis.operator.dependent.Mesh;
import dev.portcullis.operator.dependent.Names;
import dev.portcullis.operator.dependent.Wanted;
import dev.portcullis.operator.dependent.WorkerStatefulSet;
import dev.portcullis.operator.resource.GatewayPolicy;
import dev.portcullis.operator.resource.PacketGateway;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.javaoperatorsdk.operator.api.config.informer.InformerEventSourceConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.ErrorStatusUpdateControl;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import io.javaoperatorsdk.operator.processing.event.source.informer.InformerEventSource;
import java.net.HttpURLConnection;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Looks after gateways: whose number of workers holds, which configuration is in use, everything is
 * there and as it was made, the switches look at their configuration, and the status says so.
 *
 * <p>It holds nothing between two looks. What is made has the gateway as its owner and goes with
 * it; there is no finalizer that could be stuck.
 */
@ControllerConfiguration(name = "packetgateway", fieldManager = OwnedResources.MANAGER)
public final class PacketGatewayReconciler implements Reconciler<PacketGateway> {

  /** Annotation of switch pods: the digest of the configuration; kubelets then look at once. */
  static final String CONFIG = "portcullis.dev/config";

  private static final System.Logger LOG = System.getLogger("operator");
  private static final Duration SOON = Duration.ofSeconds(2);
  private static final Duration LATER = Duration.ofSeconds(10);
  private static final int MOST_WORKERS = 1024;

  private final OperatorSettings settings;
  private final LinkAuthority authority;
  private final SwitchPages pages;
  private final OperatorCounts counts;
  private final InstantSource clock;
  private final Documents documents;
  private final Told told;

  /** A reconciler that speaks through {@code client}. */
  public PacketGatewayReconciler(
      OperatorSettings settings,
      KubernetesClient client,
      LinkAuthority authority,
      SwitchPages pages,
      OperatorCounts counts,
      InstantSource clock) {
    this.settings = settings;
    this.authority = authority;
    this.pages = pages;
    this.counts = counts;
    this.clock = clock;
    this.documents = new Documents(client.getKubernetesSerialization());
    this.told = new Told(client, clock, settings.name());
  }

  @Override
  public List<EventSource<?, PacketGateway>> prepareEventSources(
      EventSourceContext<PacketGateway> context) {
    List<EventSource<?, PacketGateway>> sources =
        new ArrayList<>(OwnedResources.sources(context, settings));
    sources.add(
        new InformerEventSource<>(
            InformerEventSourceConfiguration.from(GatewayPolicy.class, PacketGateway.class)
                .withNamespacesInheritedFromController()
                .withPrimaryToSecondaryMapper(
                    (PacketGateway gateway) ->
                        policyName(gateway) == null
                            ? Set.of()
                            : Set.of(
                                new ResourceID(
                                    Objects.requireNonNull(policyName(gateway)),
                                    gateway.getMetadata().getNamespace())))
                .withSecondaryToPrimaryMapper(policy -> named(policy, context))
                .build(),
            context));
    return sources;
  }

  private static Set<ResourceID> named(
      GatewayPolicy policy, EventSourceContext<PacketGateway> context) {
    return context
        .getPrimaryCache()
        .list(
            policy.getMetadata().getNamespace(),
            it -> policy.getMetadata().getName().equals(policyName(it)))
        .map(ResourceID::fromResource)
        .collect(Collectors.toSet());
  }

  private static @Nullable String policyName(PacketGateway gateway) {
    return gateway.getSpec() == null || gateway.getSpec().get("policy") == null
        ? null
        : gateway.getSpec().get("policy").toString();
  }

  @Override
  public UpdateControl<PacketGateway> reconcile(
      PacketGateway gateway, Context<PacketGateway> context) throws GeneralSecurityException {
    OwnedResources owned = new OwnedResources(context, counts);
    Names names = Names.of(gateway.getKind(), gateway.getApiVersion(), gateway.getMetadata());

    ScaleDecision scale = decideWhoseNumberHolds(gateway, owned, names);
    if (scale.adopt() && adopt(gateway, scale.workers(), context)) {
      // what was written leads to the next look
      counts.reconciled("scaled");
      return UpdateControl.noUpdate();
    }
    int workers = scale.adopt() ? replicas(gateway) : scale.workers();

    Configuration configuration = chooseConfiguration(gateway, workers, owned, names, context);
    Readiness readiness = null;
    if (configuration.config() != null) {
      Wanted wanted =
          new Wanted(
              names,
              settings,
              configuration.config(),
              configuration.source(),
              workers,
              served(owned, names),
              pods(gateway));
      makeCertificates(wanted, owned);
      makeAllElse(wanted, owned);
      owned.removeOthers();
      tellSwitches(Digest.of(configuration.source()), context);
      readiness = Readiness.of(owned.of(StatefulSet.class), names.gateway());
    }
    return describe(gateway, configuration, readiness, names);
  }

  private static ScaleDecision decideWhoseNumberHolds(
      PacketGateway gateway, OwnedResources owned, Names names) {
    StatefulSet set = owned.get(StatefulSet.class, names.of("worker"));
    Map<String, String> notes =
        set == null || set.getMetadata().getAnnotations() == null
            ? Map.of()
            : set.getMetadata().getAnnotations();
    String written = notes.get(WorkerStatefulSet.WRITTEN);
    return ScaleDecision.of(
        replicas(gateway),
        set == null ? null : set.getSpec().getReplicas(),
        written == null || !written.matches("\\d{1,9}") ? null : Integer.valueOf(written));
  }

  private static int replicas(PacketGateway gateway) {
    return gateway.getSpec().get("workers") instanceof Map<?, ?> workers
            && workers.get("replicas") instanceof Number number
        ? number.intValue()
        : 1;
  }

  /**
   * Writes to the gateway what somebody has scaled the StatefulSet to; false where the gateway
   * cannot have so many.
   */
  private boolean adopt(PacketGateway gateway, int workers, Context<PacketGateway> context) {
    try {
      if (workers < 1 || workers > MOST_WORKERS) {
        throw new KubernetesClientException(workers + " workers are not allowed, 1 to 1024 are");
      }
      context
          .getClient()
          .resources(PacketGateway.class)
          .resource(gateway)
          .patch(
              PatchContext.of(PatchType.JSON_MERGE),
              "{\"metadata\":{\"resourceVersion\":\""
                  + gateway.getMetadata().getResourceVersion()
                  + "\"},\"spec\":{\"workers\":{\"replicas\":"
                  + workers
                  + "}}}");
      told.say(
          gateway,
          false,
          "Scaled",
          "spec.workers.replicas is " + workers + ", as the StatefulSet was scaled to that");
      return true;
    } catch (KubernetesClientException e) {
      if (e.getCode() == HttpURLConnection.HTTP_CONFLICT) {
        throw e;
      }
      told.say(
          gateway,
          true,
          "ScaleRefused",
          "the StatefulSet was scaled to "
              + workers
              + " and is set back to "
              + replicas(gateway)
              + ": "
              + e.getMessage());
      return false;
    }
  }

  private Configuration chooseConfiguration(
      PacketGateway gateway,
      int workers,
      OwnedResources owned,
      Names names,
      Context<PacketGateway> context) {
    ConfigMap stored = owned.get(ConfigMap.class, names.of("config"));
    return Configuration.choose(
        documents.of(gateway, workers),
        documents.of(context.getSecondaryResource(GatewayPolicy.class).orElse(null)),
        stored == null || stored.getData() == null
            ? ""
            : stored.getData().getOrDefault(GatewayConfigMap.KEY, ""));
  }

  private static int served(OwnedResources owned, Names names) {
    StatefulSet set = owned.get(StatefulSet.class, names.of("worker"));
    return set == null || set.getStatus() == null
        ? 0
        : Readiness.number(set.getStatus().getReplicas());
  }

  private static Map<String, Object> pods(PacketGateway gateway) {
    return gateway.getSpec().get("pods") instanceof Map<?, ?> pods
        ? pods.entrySet().stream()
            .collect(Collectors.toMap(it -> (String) it.getKey(), Map.Entry::getValue))
        : Map.of();
  }

  private void makeCertificates(Wanted wanted, OwnedResources owned)
      throws GeneralSecurityException {
    if (settings.issuer() == null && settings.mesh() == Mesh.NONE) {
      authority.secrets(wanted.names(), owned.of(Secret.class)).forEach(owned::apply);
    }
  }

  private static void makeAllElse(Wanted wanted, OwnedResources owned) {
    for (GatewayDependent<?> dependent : GatewayDependent.ALL) {
      for (HasMetadata desired : dependent.desired(wanted)) {
        owned.apply(desired);
      }
    }
  }

  private static void tellSwitches(String digest, Context<PacketGateway> context) {
    for (Pod pod : context.getSecondaryResources(Pod.class)) {
      Map<String, String> notes = pod.getMetadata().getAnnotations();
      if (pod.getMetadata().getDeletionTimestamp() == null
          && (notes == null || !digest.equals(notes.get(CONFIG)))) {
        tell(pod, digest, context);
      }
    }
  }

  private static void tell(Pod pod, String digest, Context<PacketGateway> context) {
    try {
      context
          .getClient()
          .pods()
          .resource(pod)
          .patch(
              PatchContext.of(PatchType.JSON_MERGE),
              "{\"metadata\":{\"annotations\":{\"" + CONFIG + "\":\"" + digest + "\"}}}");
    } catch (KubernetesClientException e) {
      if (e.getCode() != HttpURLConnection.HTTP_NOT_FOUND) {
        throw e;
      }
      // the pod has gone; the next one reads its files when it starts
    }
  }

  private UpdateControl<PacketGateway> describe(
      PacketGateway gateway,
      Configuration configuration,
      @Nullable Readiness readiness,
      Names names) {
    SwitchPages.Reading reading =
        readiness == null || readiness.switchReady() == 0
            ? null
            : pages.read(List.of(names.switchHost(0), names.switchHost(1)));
    StatusStory story = new StatusStory(gateway, clock.instant());
    GatewayStatus status = story.tell(configuration, readiness, reading, names);
    counts.gateway(names.namespace() + "/" + names.gateway(), story.ready());
    counts.reconciled(configuration.faults().isEmpty() ? "done" : "refused");
    story.events().forEach(it -> told.say(gateway, it.warning(), it.reason(), it.note()));
    UpdateControl<PacketGateway> control =
        status.equals(gateway.getStatus())
            ? UpdateControl.noUpdate()
            : UpdateControl.patchStatus(withStatus(gateway, status));
    return control.rescheduleAfter(story.settled() ? LATER : SOON);
  }

  private static PacketGateway withStatus(PacketGateway gateway, GatewayStatus status) {
    PacketGateway bare = new PacketGateway();
    bare.getMetadata().setName(gateway.getMetadata().getName());
    bare.getMetadata().setNamespace(gateway.getMetadata().getNamespace());
    bare.setStatus(status);
    return bare;
  }

  @Override
  public ErrorStatusUpdateControl<PacketGateway> updateErrorStatus(
      PacketGateway gateway, Context<PacketGateway> context, Exception failure) {
    boolean conflict =
        failure instanceof KubernetesClientException it
            && it.getCode() == HttpURLConnection.HTTP_CONFLICT;
    counts.reconciled(conflict ? "conflict" : "failed");
    LOG.log(
        conflict ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING,
        "the gateway {0}/{1} is tried again: {2}",
        gateway.getMetadata().getNamespace(),
        gateway.getMetadata().getName(),
        failure.getMessage());
    return ErrorStatusUpdateControl.noStatusUpdate();
  }
}
