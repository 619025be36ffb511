package dev.portcullis.operator.dependent;

import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.policy.GatewaySpec.TunnelSpec;
import io.fabric8.kubernetes.api.model.CapabilitiesBuilder;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerBuilder;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.ContainerPortBuilder;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.EnvVarBuilder;
import io.fabric8.kubernetes.api.model.LocalObjectReference;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpecBuilder;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.ProbeBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.TopologySpreadConstraintBuilder;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeBuilder;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.VolumeMountBuilder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Pods of a component. They run as nobody, without a capability, on a root file system that cannot
 * be written, and without a token of Kubernetes; an IO module that opens devices gets what that
 * takes.
 *
 * <p>There is no preStop hook: SIGTERM is what begins the hand-over, and the process ends when it
 * is over, or after {@link #GRACE_SECONDS}.
 */
final class PodTemplate {

  /** Annotation of a template: what of the configuration no module takes while it runs. */
  static final String FIXED = "portcullis.dev/fixed-config";

  static final int GRACE_SECONDS = 60;

  private static final int USER = 10001;
  private static final String TLS = "/etc/portcullis/tls";
  private static final String CONFIG = "/etc/portcullis/config";

  private final Wanted wanted;
  private final String component;
  private final String set;
  private final List<EnvVar> environment = new ArrayList<>();
  private final List<Volume> volumes = new ArrayList<>();
  private final List<VolumeMount> mounts = new ArrayList<>();
  private final List<String> capabilities = new ArrayList<>();
  private final List<ContainerPort> ports = new ArrayList<>();
  private boolean root;

  /** Pods of one set of a component. */
  PodTemplate(Wanted wanted, String component, String set) {
    this.wanted = wanted;
    this.component = component;
    this.set = set;
    environment.add(
        new EnvVarBuilder()
            .withName("POD_INDEX")
            .withNewValueFrom()
            .withNewFieldRef()
            .withApiVersion("v1")
            .withFieldPath("metadata.labels['apps.kubernetes.io/pod-index']")
            .endFieldRef()
            .endValueFrom()
            .build());
    setting("FILE", CONFIG + "/gateway.yaml");
    // a mesh encrypts links and says who is at the other end, or modules do
    boolean certified = wanted.settings().mesh() == Mesh.NONE;
    if (certified) {
      setting("CERT", TLS + "/tls.crt");
      setting("KEY", TLS + "/tls.key");
      setting("CA", TLS + "/ca.crt");
    } else {
      setting("PLAINTEXT", "true");
    }
    environment("QUARKUS_HTTP_HOST", "0.0.0.0");
    environment("QUARKUS_HTTP_PORT", String.valueOf(Names.HTTP_PORT));
    mount("config", CONFIG, true);
    if (certified) {
      mount("tls", TLS, true);
    }
    mount("tmp", "/tmp", false);
    volumes.add(
        new VolumeBuilder()
            .withName("config")
            .withNewConfigMap()
            .withName(wanted.names().of("config"))
            .endConfigMap()
            .build());
    if (certified) {
      volumes.add(
          new VolumeBuilder()
              .withName("tls")
              .withNewSecret()
              .withSecretName(wanted.names().of("tls-" + component))
              .endSecret()
              .build());
    }
    volumes.add(new VolumeBuilder().withName("tmp").withNewEmptyDir().endEmptyDir().build());
  }

  /** TCP ports that are no links: health and metrics, and what load balancers ask. */
  private String openPorts() {
    return Stream.concat(
            Stream.of(Names.HTTP_PORT),
            wanted.config().gateway().io().stream()
                .flatMap(io -> io.ports().stream())
                .map(PortSpec::tunnel)
                .filter(Objects::nonNull)
                .map(TunnelSpec::healthPort)
                .filter(Objects::nonNull))
        .distinct()
        .map(String::valueOf)
        .collect(Collectors.joining(","));
  }

  /** A setting of the service. */
  PodTemplate setting(String name, String value) {
    return environment("PORTCULLIS_" + component.toUpperCase(Locale.ROOT) + "_" + name, value);
  }

  private PodTemplate environment(String name, String value) {
    environment.add(new EnvVarBuilder().withName(name).withValue(value).build());
    return this;
  }

  /** Another port of links. */
  PodTemplate port(int number) {
    ports.add(
        new ContainerPortBuilder()
            .withName("grpc-" + number)
            .withContainerPort(number)
            .withProtocol("TCP")
            .build());
    return this;
  }

  private void mount(String volume, String path, boolean readOnly) {
    VolumeMountBuilder mount = new VolumeMountBuilder().withName(volume).withMountPath(path);
    mounts.add(readOnly ? mount.withReadOnly(true).build() : mount.build());
  }

  /**
   * Lets the container open devices. It runs as root then: a process of another user does not get
   * the capabilities of its container.
   */
  PodTemplate privileges(Collection<String> names) {
    capabilities.addAll(names);
    root = !names.isEmpty();
    return this;
  }

  /** Lets the container open {@code /dev/net/tun}. */
  PodTemplate tunDevice() {
    mount("tun", "/dev/net/tun", false);
    volumes.add(
        new VolumeBuilder().withName("tun").withNewHostPath("/dev/net/tun", "CharDevice").build());
    return this;
  }

  /** The template, with the changes that the gateway asks for. */
  PodTemplateSpec build(String image, int linkPort, String memory) {
    Map<String, String> labels = new TreeMap<>(wanted.names().labels(component));
    labels.putAll(wanted.names().selector(component, set));
    Mesh mesh = wanted.settings().mesh();
    labels.putAll(mesh.podLabels());
    Map<String, String> annotations = new TreeMap<>(mesh.podAnnotations(openPorts()));
    annotations.put(FIXED, Digest.ofFixed(wanted.config()));
    long user = root ? 0 : USER;
    PodTemplateSpec template =
        new PodTemplateSpecBuilder()
            .withNewMetadata()
            .withLabels(labels)
            .withAnnotations(annotations)
            .endMetadata()
            .withNewSpec()
            .withServiceAccountName(wanted.names().of(component))
            .withAutomountServiceAccountToken(false)
            .withEnableServiceLinks(false)
            .withTerminationGracePeriodSeconds((long) GRACE_SECONDS)
            .withImagePullSecrets(
                wanted.settings().images().pullSecrets().stream()
                    .map(LocalObjectReference::new)
                    .toList())
            .withNewSecurityContext()
            .withRunAsNonRoot(!root)
            .withRunAsUser(user)
            .withRunAsGroup(user)
            .withFsGroup((long) USER)
            .withNewSeccompProfile()
            .withType("RuntimeDefault")
            .endSeccompProfile()
            .endSecurityContext()
            .withTopologySpreadConstraints(
                new TopologySpreadConstraintBuilder()
                    .withMaxSkew(1)
                    .withTopologyKey("kubernetes.io/hostname")
                    .withWhenUnsatisfiable("ScheduleAnyway")
                    .withNewLabelSelector()
                    .withMatchLabels(wanted.names().selector(component, set))
                    .endLabelSelector()
                    .build())
            .withContainers(container(image, linkPort, memory))
            .withVolumes(volumes)
            .endSpec()
            .build();
    return TemplateMerge.merge(template, wanted.pods().get(component));
  }

  private Container container(String image, int linkPort, String memory) {
    ContainerBuilder container =
        new ContainerBuilder()
            .withName(component)
            .withImage(image)
            .withImagePullPolicy(wanted.settings().images().pullPolicy())
            .withEnv(environment)
            .withVolumeMounts(mounts)
            .withStartupProbe(probe("started", 2, 90))
            .withLivenessProbe(probe("live", 10, 3))
            .withReadinessProbe(probe("ready", 2, 2))
            .withNewResources()
            .withRequests(Map.of("cpu", new Quantity("100m"), "memory", new Quantity(memory)))
            .withLimits(Map.of("memory", new Quantity(memory)))
            .endResources()
            .withNewSecurityContext()
            .withAllowPrivilegeEscalation(false)
            .withReadOnlyRootFilesystem(true)
            .withCapabilities(
                capabilities.isEmpty()
                    ? new CapabilitiesBuilder().withDrop("ALL").build()
                    : new CapabilitiesBuilder().withDrop("ALL").withAdd(capabilities).build())
            .endSecurityContext()
            .addNewPort()
            .withName("http")
            .withContainerPort(Names.HTTP_PORT)
            .withProtocol("TCP")
            .endPort();
    if (linkPort > 0) {
      container
          .addNewPort()
          .withName("grpc")
          .withContainerPort(linkPort)
          .withProtocol("TCP")
          .endPort();
    }
    container.addAllToPorts(ports);
    return container.build();
  }

  private static Probe probe(String what, int periodSeconds, int failures) {
    return new ProbeBuilder()
        .withNewHttpGet()
        .withPath("/q/health/" + what)
        .withNewPort("http")
        .endHttpGet()
        .withPeriodSeconds(periodSeconds)
        .withTimeoutSeconds(2)
        .withFailureThreshold(failures)
        .build();
  }
}
