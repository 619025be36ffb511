package dev.portcullis.operator.dependent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.operator.gateway.OperatorSettings;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is made of a gateway, held against YAML that people can read. */
class DesiredTest {

  private static final String GATEWAY =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: branch}
      spec:
        workers: {replicas: 2}
        pools: [{name: web, base: 100, replicas: 1}]
        distribution: {classes: [{name: http, pool: web}]}
        replication: sync
        io:
          - name: lan
            replicas: 2
            ports: [{name: lan, zone: lan, driver: vxlan, vxlan: {vni: 7}}]
          - name: wan
            ports: [{name: wan, zone: wan, driver: tun, tun: {device: pc-wan}}]
        routes: [{to: 0.0.0.0/0, port: wan}, {to: 10.0.0.0/8, port: lan}]
      """;

  private static Wanted wanted(String yaml, String issuer, Map<String, Object> pods) {
    return wanted(yaml, issuer, Mesh.NONE, pods);
  }

  private static Wanted wanted(String yaml, String issuer, Mesh mesh, Map<String, Object> pods) {
    var config = ConfigLoader.parse("gateway.yaml", yaml);
    assertEquals(List.of(), config.faults());
    return new Wanted(
        Names.of(
            "PacketGateway",
            "portcullis.dev/v1alpha1",
            new ObjectMetaBuilder()
                .withName("branch")
                .withNamespace("edge")
                .withUid("0000")
                .build()),
        new OperatorSettings(
            new OperatorSettings.Images(
                "portcullis/io:1",
                "portcullis/worker:1",
                "portcullis/switch:1",
                "Always",
                List.of("pull")),
            Set.of(),
            issuer,
            mesh,
            "cluster.local",
            null,
            "op"),
        config.config(),
        yaml,
        config.config().gateway().workers().replicas(),
        3,
        pods);
  }

  private static final ObjectMapper SORTED =
      Serialization.yamlMapper().copy().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

  private static PodTemplateSpec template(Wanted wanted, GatewayDependent<StatefulSet> of, int i) {
    return of.desired(wanted).get(i).getSpec().getTemplate();
  }

  @Test
  void shouldMakeWhatTheSnapshotsSay() throws IOException {
    StringBuilder all = new StringBuilder();
    for (GatewayDependent<?> dependent : GatewayDependent.ALL) {
      for (HasMetadata it : dependent.desired(wanted(GATEWAY, "Issuer/links", Map.of()))) {
        all.append(SORTED.writeValueAsString(it));
      }
    }
    compare("branch", all);
  }

  /** What a mesh takes besides: its own resources, and what Services and pods say to it. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void shouldTellAMeshWhatTheSnapshotsSay(Mesh mesh) throws IOException {
    Wanted wanted = wanted(GATEWAY, "Issuer/links", mesh, Map.of());
    StringBuilder all = new StringBuilder();
    for (HasMetadata it : new MeshResources().desired(wanted)) {
      all.append(SORTED.writeValueAsString(it));
      assertTrue(
          MeshResources.kinds(mesh).contains(it.getApiVersion() + "/" + it.getKind()),
          "the operator does not look at what it makes: " + it.getKind());
    }
    for (HasMetadata it : new SwitchService().desired(wanted)) {
      all.append(SORTED.writeValueAsString(it));
    }
    all.append(SORTED.writeValueAsString(new WorkerService().desired(wanted).getFirst()));
    all.append(SORTED.writeValueAsString(new GatewayNetworkPolicy().desired(wanted).getFirst()));
    all.append(SORTED.writeValueAsString(template(wanted, new WorkerStatefulSet(), 0)));
    assertEquals(List.of(), new IssuedCertificate().desired(wanted));
    compare("mesh-" + mesh.name().toLowerCase(Locale.ROOT).replace('_', '-'), all);
  }

  private static void compare(String name, StringBuilder all) throws IOException {
    Path file = Path.of("src/test/resources/desired/" + name + ".yaml");
    if (Boolean.getBoolean("portcullis.regenerate")) {
      Files.createDirectories(file.getParent());
      Files.writeString(file, all);
    }
    assertEquals(
        Files.readString(file),
        all.toString(),
        "write it again with -Dportcullis.regenerate=true, and look at what has changed");
  }

  @Test
  void shouldKeepTheServiceOfAWorkerThatHandsOver() {
    assertEquals(
        List.of("branch-worker-0", "branch-worker-1", "branch-worker-2", "branch-web-100"),
        new WorkerService()
            .desired(wanted(GATEWAY, null, Map.of())).stream()
                .map(it -> it.getMetadata().getName())
                .toList());
  }

  @Test
  void shouldOpenNoPortsForGuestsWithoutReplication() {
    Wanted wanted =
        wanted(GATEWAY.replace("replication: sync", "replication: none"), null, Map.of());
    assertEquals(
        List.of("grpc"),
        new WorkerService()
            .desired(wanted).getFirst().getSpec().getPorts().stream()
                .map(ServicePort::getName)
                .toList());
    var container =
        template(wanted, new WorkerStatefulSet(), 0).getSpec().getContainers().getFirst();
    assertEquals(
        List.of("http", "grpc"),
        container.getPorts().stream().map(ContainerPort::getName).toList());
    assertTrue(container.getEnv().stream().noneMatch(it -> it.getName().endsWith("GUEST_PORTS")));
  }

  @Test
  void shouldGivePrivilegesToIoPodsWithDevicesAlone() {
    Wanted wanted = wanted(GATEWAY, null, Map.of());
    var tunnel = template(wanted, new IoStatefulSet(), 0).getSpec();
    var device = template(wanted, new IoStatefulSet(), 1).getSpec();
    assertTrue(tunnel.getSecurityContext().getRunAsNonRoot());
    assertEquals(
        List.of(),
        tunnel.getContainers().getFirst().getSecurityContext().getCapabilities().getAdd());
    assertFalse(device.getSecurityContext().getRunAsNonRoot());
    assertEquals(
        List.of("NET_ADMIN"),
        device.getContainers().getFirst().getSecurityContext().getCapabilities().getAdd());
    for (int i : List.of(0, 1)) {
      var worker = template(wanted, new WorkerStatefulSet(), i).getSpec();
      assertTrue(worker.getSecurityContext().getRunAsNonRoot());
      assertFalse(worker.getAutomountServiceAccountToken());
    }
  }

  @Test
  void shouldRollPodsOnlyForWhatTheyDoNotTakeWhileTheyRun() {
    PodTemplateSpec before = template(wanted(GATEWAY, null, Map.of()), new WorkerStatefulSet(), 0);
    PodTemplateSpec scaled =
        template(
            wanted(
                GATEWAY.replace("replicas: 2}\n  pools", "replicas: 9}\n  pools"), null, Map.of()),
            new WorkerStatefulSet(),
            0);
    PodTemplateSpec logged =
        template(
            wanted(GATEWAY + "  log: {level: info}\n", null, Map.of()), new WorkerStatefulSet(), 0);
    PodTemplateSpec bounded =
        template(
            wanted(GATEWAY + "  limits: {flows: 1Ki}\n", null, Map.of()),
            new WorkerStatefulSet(),
            0);
    assertEquals(before, scaled);
    assertEquals(before, logged);
    assertFalse(before.equals(bounded));
  }

  @Test
  void shouldMergeWhatTheGatewayWantsOtherwise() {
    Map<String, Object> change =
        Map.of(
            "metadata", Map.of("annotations", Map.of("k8s.v1.cni.cncf.io/networks", "lan")),
            "spec",
                Map.of(
                    "nodeSelector", Map.of("pool", "edge"),
                    "containers",
                        List.of(
                            Map.of(
                                "name",
                                "worker",
                                "resources",
                                Map.of("limits", Map.of("memory", "3Gi"))))));
    PodTemplateSpec it =
        template(wanted(GATEWAY, null, Map.of("worker", change)), new WorkerStatefulSet(), 0);
    var container = it.getSpec().getContainers().getFirst();
    assertEquals("edge", it.getSpec().getNodeSelector().get("pool"));
    assertEquals("lan", it.getMetadata().getAnnotations().get("k8s.v1.cni.cncf.io/networks"));
    assertEquals(2, it.getMetadata().getAnnotations().size());
    assertEquals("3Gi", container.getResources().getLimits().get("memory").toString());
    assertEquals("1Gi", container.getResources().getRequests().get("memory").toString());
    assertEquals("portcullis/worker:1", container.getImage());
  }
}
