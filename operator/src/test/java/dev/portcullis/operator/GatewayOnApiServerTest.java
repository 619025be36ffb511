package dev.portcullis.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.policy.GatewayStatus;
import dev.portcullis.operator.resource.PacketGateway;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The operator against a real API server, without nodes: what it makes, keeps, follows and says.
 */
class GatewayOnApiServerTest {

  private static final String DOCUMENTS =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: branch}
      spec:
        workers: {replicas: 3}
        io:
          - name: edge
            replicas: 2
            ports:
              - {name: lan, zone: lan, driver: vxlan, vxlan: {vni: 1}}
              - {name: wan, zone: wan, driver: vxlan, vxlan: {vni: 2, port: 4790}}
        inline: [{name: pair, ports: [lan, wan]}]
        policy: rules
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: rules}
      spec: {rules: [{name: out, from: lan, to: wan, action: accept}]}
      """;

  private static ApiServer server;
  private static Set<String> namespaces;
  private static KubernetesClient client;
  private static final List<String> FREE = new java.util.ArrayList<>();

  private static final dev.portcullis.operator.gateway.OperatorCounts COUNTS =
      new dev.portcullis.operator.gateway.OperatorCounts();

  private String namespace;

  @BeforeAll
  static void start() throws Exception {
    server = ApiServer.find();
    client = server.client();
    for (int i = 0; i < 8; i++) {
      FREE.add(server.namespace());
    }
    server.operator(Set.copyOf(FREE), null, "operator", null, http -> {}, COUNTS);
  }

  @AfterAll
  static void stop() throws Exception {
    if (server != null) {
      server.close();
    }
  }

  @BeforeEach
  void take() throws Exception {
    namespace = FREE.removeFirst();
    server.apply(namespace, DOCUMENTS);
    server.eventually("there are three sets", () -> sets().size() == 3);
    // the operator may have seen the gateway before its policy was there, and have said so
    server.eventually("the policy is accepted", () -> condition("PolicyAccepted", "True"));
  }

  private PacketGateway gateway() {
    return client.resources(PacketGateway.class).inNamespace(namespace).withName("branch").get();
  }

  private List<StatefulSet> sets() {
    return client.apps().statefulSets().inNamespace(namespace).list().getItems();
  }

  private StatefulSet workers() {
    return client.apps().statefulSets().inNamespace(namespace).withName("branch-worker").get();
  }

  private String configuration() {
    return client
        .configMaps()
        .inNamespace(namespace)
        .withName("branch-config")
        .get()
        .getData()
        .get("gateway.yaml");
  }

  private boolean condition(String type, String status) {
    GatewayStatus it = gateway().getStatus();
    return it != null
        && it.conditions().stream()
            .anyMatch(c -> c.type().equals(type) && c.status().equals(status));
  }

  private Set<String> events() {
    return client.v1().events().inNamespace(namespace).list().getItems().stream()
        .map(it -> it.getReason())
        .collect(Collectors.toSet());
  }

  @Test
  void shouldMakeWhatAGatewayTakesAndTakeItAwayWithIt() throws Exception {
    assertEquals(
        Set.of("branch-worker", "branch-edge", "branch-switch"),
        sets().stream().map(it -> it.getMetadata().getName()).collect(Collectors.toSet()));
    assertEquals(
        List.of(
            "branch-edge",
            "branch-switch",
            "branch-worker",
            "branch-worker-0",
            "branch-worker-1",
            "branch-worker-2"),
        client.services().inNamespace(namespace).list().getItems().stream()
            .map(it -> it.getMetadata().getName())
            .sorted()
            .toList());
    for (String secret :
        List.of("branch-ca", "branch-tls-io", "branch-tls-worker", "branch-tls-switch")) {
      assertNotNull(client.secrets().inNamespace(namespace).withName(secret).get(), secret);
    }
    assertEquals(
        3,
        client.policy().v1().podDisruptionBudget().inNamespace(namespace).list().getItems().size());
    assertEquals(
        3, client.network().v1().networkPolicies().inNamespace(namespace).list().getItems().size());
    assertTrue(condition("PolicyAccepted", "True"));
    assertTrue(condition("Ready", "False"), "there are no nodes");
    client.resource(gateway()).delete();
    server.eventually(
        "nothing is left",
        () ->
            sets().isEmpty()
                && client.services().inNamespace(namespace).list().getItems().isEmpty()
                && client.secrets().inNamespace(namespace).list().getItems().isEmpty()
                && client.configMaps().inNamespace(namespace).list().getItems().stream()
                    .allMatch(it -> it.getMetadata().getName().equals("kube-root-ca.crt"))
                && gateway() == null);
  }

  @Test
  void shouldMakeAgainWhatSomebodyDeletesOrChanges() throws Exception {
    Service service = client.services().inNamespace(namespace).withName("branch-worker-1").get();
    client.resource(service).delete();
    client
        .services()
        .inNamespace(namespace)
        .withName("branch-worker-0")
        .edit(
            it -> {
              it.getSpec().setPublishNotReadyAddresses(false);
              return it;
            });
    client
        .apps()
        .statefulSets()
        .inNamespace(namespace)
        .withName("branch-edge")
        .edit(
            it -> {
              it.getSpec().getTemplate().getSpec().getContainers().getFirst().setImage("evil:1");
              return it;
            });
    client
        .secrets()
        .inNamespace(namespace)
        .withName("branch-tls-io")
        .edit(
            it -> {
              it.getData().put("tls.crt", Base64.getEncoder().encodeToString("no".getBytes()));
              return it;
            });
    server.eventually(
        "it is as it was",
        () ->
            client.services().inNamespace(namespace).withName("branch-worker-1").get() != null
                && Boolean.TRUE.equals(
                    client
                        .services()
                        .inNamespace(namespace)
                        .withName("branch-worker-0")
                        .get()
                        .getSpec()
                        .getPublishNotReadyAddresses())
                && client
                    .apps()
                    .statefulSets()
                    .inNamespace(namespace)
                    .withName("branch-edge")
                    .get()
                    .getSpec()
                    .getTemplate()
                    .getSpec()
                    .getContainers()
                    .getFirst()
                    .getImage()
                    .equals("portcullis/io:test")
                && client
                        .secrets()
                        .inNamespace(namespace)
                        .withName("branch-tls-io")
                        .get()
                        .getData()
                        .get("tls.crt")
                        .length()
                    > 100);
  }

  @Test
  void shouldFollowWhoScalesLast() throws Exception {
    client.apps().statefulSets().inNamespace(namespace).withName("branch-worker").scale(5);
    server.eventually(
        "the gateway says 5",
        () -> gateway().getSpec().get("workers").toString().contains("replicas=5"));
    server.eventually("the note says 5", () -> "5".equals(note()));
    server.eventually(
        "the fifth worker has a Service",
        () -> client.services().inNamespace(namespace).withName("branch-worker-4").get() != null);
    scaleGateway(2);
    server.eventually("the set says 2", () -> workers().getSpec().getReplicas() == 2);
    server.eventually("the configuration says 2", () -> configuration().contains("replicas: 2"));
    client.apps().statefulSets().inNamespace(namespace).withName("branch-worker").scale(4);
    server.eventually("the note says 4", () -> "4".equals(note()));
    assertEquals(4, workers().getSpec().getReplicas());
    client.apps().statefulSets().inNamespace(namespace).withName("branch-worker").scale(0);
    server.eventually("none is refused", () -> workers().getSpec().getReplicas() == 4);
    server.eventually("it is said", () -> events().containsAll(Set.of("Scaled", "ScaleRefused")));
    assertEquals(
        "portcullis.dev/gateway=branch,portcullis.dev/set=worker",
        gateway().getStatus().workers().selector());
  }

  private String note() {
    return workers().getMetadata().getAnnotations().get("portcullis.dev/replicas");
  }

  /** As {@code kubectl scale packetgateway/branch} does: by the scale subresource. */
  private void scaleGateway(int replicas) {
    client.resources(PacketGateway.class).inNamespace(namespace).withName("branch").scale(replicas);
  }

  @Test
  void shouldGoOnWithTheOldPolicyUnderABadOne() throws Exception {
    String before = configuration();
    server.apply(namespace, policy(DOCUMENTS).replace("from: lan", "from: lam"));
    server.eventually("it is refused", () -> condition("PolicyAccepted", "False"));
    assertEquals(before, configuration());
    String message =
        gateway().getStatus().conditions().stream()
            .filter(it -> it.type().equals("PolicyAccepted"))
            .findFirst()
            .orElseThrow()
            .message();
    assertTrue(message.contains("did you mean \"lan\"?"), message);
    server.eventually("it is said", () -> events().contains("Refused"));
    server.apply(namespace, policy(DOCUMENTS).replace("name: out", "name: away"));
    server.eventually("the next one is taken", () -> condition("PolicyAccepted", "True"));
    assertTrue(configuration().contains("away"), configuration());
  }

  private static String policy(String documents) {
    return documents.substring(documents.indexOf("---"));
  }

  @Test
  void shouldRollPodsWhenTheyWereBuiltFromSomethingElse() throws Exception {
    String digest = fixed();
    server.apply(
        namespace, DOCUMENTS.replace("  policy: rules", "  onPolicyChange: keep\n  policy: rules"));
    server.eventually("the configuration is new", () -> configuration().contains("keep"));
    assertEquals(digest, fixed());
    server.apply(
        namespace, DOCUMENTS.replace("  policy: rules", "  limits: {flows: 1Ki}\n  policy: rules"));
    server.eventually("the template is new", () -> !digest.equals(fixed()));
    assertNotEquals(digest, fixed());
  }

  private String fixed() {
    return workers()
        .getSpec()
        .getTemplate()
        .getMetadata()
        .getAnnotations()
        .get("portcullis.dev/fixed-config");
  }

  @Test
  void shouldWriteNothingWhereNothingChanges() throws Exception {
    Thread.sleep(3_000);
    var before = writes();
    Thread.sleep(5_000);
    assertEquals(before, writes());
  }

  private static java.util.Map<String, Long> writes() {
    java.util.Map<String, Long> writes = new java.util.TreeMap<>();
    for (var it : COUNTS.readings()) {
      if (it.counter() == dev.portcullis.core.counters.Counter.OPERATOR_WRITES) {
        writes.put(it.labelValues().toString(), it.value().getAsLong());
      }
    }
    return writes;
  }

  @Test
  void shouldRemoveAnIoModuleThatIsNoLongerThere() throws Exception {
    server.apply(namespace, DOCUMENTS.replace("name: edge", "name: other"));
    server.eventually(
        "the old one is gone",
        () ->
            new TreeSet<>(sets().stream().map(it -> it.getMetadata().getName()).toList())
                .equals(new TreeSet<>(Set.of("branch-other", "branch-switch", "branch-worker"))));
  }
}
