package dev.portcullis.operator.gateway;

import dev.portcullis.operator.dependent.Mesh;
import dev.portcullis.operator.dependent.MeshResources;
import dev.portcullis.operator.dependent.Names;
import dev.portcullis.operator.resource.PacketGateway;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.javaoperatorsdk.operator.api.config.informer.InformerEventSourceConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.processing.GroupVersionKind;
import io.javaoperatorsdk.operator.processing.dependent.kubernetes.SSABasedGenericKubernetesResourceMatcher;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import io.javaoperatorsdk.operator.processing.event.source.informer.InformerEventSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What there is of a gateway, and how it becomes what there shall be: by server-side apply, and
 * only where a field that the operator sets is not as it set it. One thread.
 */
final class OwnedResources {

  /** Owner of the fields that the operator sets. */
  static final String MANAGER = "portcullis-operator";

  /** Kinds that the operator makes. */
  private static final List<Class<? extends HasMetadata>> KINDS =
      List.of(
          ServiceAccount.class,
          ConfigMap.class,
          Secret.class,
          NetworkPolicy.class,
          Service.class,
          PodDisruptionBudget.class,
          StatefulSet.class);

  private final Context<PacketGateway> context;
  private final OperatorCounts counts;
  private final SSABasedGenericKubernetesResourceMatcher<HasMetadata> matcher =
      SSABasedGenericKubernetesResourceMatcher.getInstance();
  private final Map<Class<?>, Map<String, HasMetadata>> existing = new HashMap<>();
  private final Set<String> kept = new HashSet<>();

  OwnedResources(Context<PacketGateway> context, OperatorCounts counts) {
    this.context = context;
    this.counts = counts;
  }

  /** Where changes of them are heard of. */
  static List<EventSource<?, PacketGateway>> sources(
      EventSourceContext<PacketGateway> context, OperatorSettings settings) {
    List<EventSource<?, PacketGateway>> sources = new ArrayList<>();
    for (Class<? extends HasMetadata> kind : KINDS) {
      sources.add(source(kind, context));
    }
    List<String> others = new ArrayList<>(MeshResources.kinds(settings.mesh()));
    if (settings.issuer() != null && settings.mesh() == Mesh.NONE) {
      others.add("cert-manager.io/v1/Certificate");
    }
    for (String kind : others) {
      sources.add(
          new InformerEventSource<>(
              InformerEventSourceConfiguration.from(
                      GroupVersionKind.fromString(kind), PacketGateway.class)
                  .withName(kind)
                  .withLabelSelector(Names.MANAGED)
                  .withNamespacesInheritedFromController()
                  .build(),
              context));
    }
    sources.add(
        new InformerEventSource<>(
            InformerEventSourceConfiguration.from(Pod.class, PacketGateway.class)
                .withLabelSelector(Names.MANAGED + "," + Names.COMPONENT + "=switch")
                .withNamespacesInheritedFromController()
                .withSecondaryToPrimaryMapper(
                    pod ->
                        Set.of(
                            new ResourceID(
                                pod.getMetadata().getLabels().getOrDefault(Names.GATEWAY, ""),
                                pod.getMetadata().getNamespace())))
                .build(),
            context));
    return sources;
  }

  private static <R extends HasMetadata> EventSource<R, PacketGateway> source(
      Class<R> kind, EventSourceContext<PacketGateway> context) {
    return new InformerEventSource<>(
        InformerEventSourceConfiguration.from(kind, PacketGateway.class)
            .withLabelSelector(Names.MANAGED)
            .withNamespacesInheritedFromController()
            .build(),
        context);
  }

  /** Those of a kind, by name. */
  @SuppressWarnings("unchecked")
  <R extends HasMetadata> Map<String, R> of(Class<R> kind) {
    return (Map<String, R>)
        existing.computeIfAbsent(
            kind,
            it -> {
              Map<String, HasMetadata> byName = new HashMap<>();
              context
                  .getSecondaryResources(kind)
                  .forEach(found -> byName.put(found.getMetadata().getName(), found));
              return byName;
            });
  }

  /** Returns the one of this kind and name, null where there is none. */
  <R extends HasMetadata> @Nullable R get(Class<R> kind, String name) {
    return of(kind).get(name);
  }

  /** Makes it so. */
  void apply(HasMetadata desired) {
    kept.add(key(desired));
    HasMetadata actual = of(desired.getClass()).get(desired.getMetadata().getName());
    if (actual == null || !matcher.matches(actual, desired, context)) {
      if (actual != null && desired instanceof StatefulSet) {
        // somebody may have scaled it since it was read: then it is looked at again first
        desired.getMetadata().setResourceVersion(actual.getMetadata().getResourceVersion());
      }
      HasMetadata applied = applied(desired);
      existing
          .getOrDefault(desired.getClass(), new HashMap<>())
          .put(applied.getMetadata().getName(), applied);
      counts.wrote(desired.getKind(), "apply");
    }
  }

  private HasMetadata applied(HasMetadata desired) {
    return desired instanceof GenericKubernetesResource
        // resources of a mesh are of many kinds and one class: by that no informer is found
        ? context
            .getClient()
            .resource(desired)
            .fieldManager(MANAGER)
            .forceConflicts()
            .serverSideApply()
        : context.resourceOperations().serverSideApply(desired);
  }

  /** Removes what was not applied, of the kinds that come and go with workers and IO modules. */
  void removeOthers() {
    for (Class<? extends HasMetadata> kind :
        List.of(
            StatefulSet.class,
            Service.class,
            PodDisruptionBudget.class,
            GenericKubernetesResource.class)) {
      for (HasMetadata it : of(kind).values()) {
        if (!kept.contains(key(it)) && it.getMetadata().getDeletionTimestamp() == null) {
          context.getClient().resource(it).delete();
          counts.wrote(it.getKind(), "delete");
        }
      }
    }
  }

  private static String key(HasMetadata resource) {
    return resource.getKind() + "/" + resource.getMetadata().getName();
  }
}
