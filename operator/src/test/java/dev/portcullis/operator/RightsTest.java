package dev.portcullis.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.operator.gateway.OperatorCounts;
import dev.portcullis.operator.resource.PacketGateway;
import io.fabric8.kubernetes.api.model.rbac.ClusterRoleBuilder;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.api.model.rbac.PolicyRuleBuilder;
import io.fabric8.kubernetes.client.http.BasicBuilder;
import io.fabric8.kubernetes.client.http.HttpClient;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.Interceptor;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import org.junit.jupiter.api.Test;

/**
 * What the chart grants the operator is what it uses. It runs as a user that has these rights
 * alone, so it uses no more; what it asks for is noted, so that nothing is granted that it does not
 * use.
 */
class RightsTest {

  private static final Path RULES =
      ApiServer.ROOT.resolve("helm/portcullis/files/operator-rules.yaml");

  /** Only with cert-manager, which is not there. */
  private static final Set<String> NOT_TRIED =
      Set.of(
          "cert-manager.io",
          "security.istio.io",
          "networking.istio.io",
          "policy.linkerd.io",
          "kuma.io");

  private static final String GATEWAY =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: branch}
      spec:
        workers: {replicas: 2}
        io:
          - {name: one, ports: [{name: lan, zone: lan, driver: vxlan, vxlan: {vni: 1}}]}
          - {name: two, ports: [{name: wan, zone: wan, driver: vxlan, vxlan: {vni: 2}}]}
        inline: [{name: pair, ports: [lan, wan]}]
      """;

  private final Set<String> used = new ConcurrentSkipListSet<>();

  private final Interceptor recorder =
      new Interceptor() {
        @Override
        public void before(
            BasicBuilder builder, HttpRequest request, Interceptor.RequestTags tags) {
          used.add(right(request.method(), request.uri()));
        }
      };

  @Test
  void shouldBeGrantedWhatItUsesAndNothingElse() throws Exception {
    try (ApiServer server = ApiServer.find()) {
      String own = server.namespace();
      String namespace = server.namespace();
      String user = "operator-" + own;
      grant(server, user, own, rules());
      OperatorCounts counts = new OperatorCounts();
      server.operator(Set.of(namespace), own, "rights", user, this::record, counts);
      story(server, namespace);
      Set<String> granted = new TreeSet<>(leases());
      for (PolicyRule rule : rules()) {
        if (NOT_TRIED.stream().noneMatch(rule.getApiGroups()::contains)) {
          granted.addAll(rights(rule));
        }
      }
      Set<String> expected = new TreeSet<>(used);
      // anybody may ask what he may do (system:basic-user)
      expected.remove("authorization.k8s.io/selfsubjectrulesreviews create");
      // a patch that makes something also needs the right to make it
      used.stream()
          .filter(it -> it.endsWith(" patch") && granted.contains(it.replace(" patch", " create")))
          .forEach(it -> expected.add(it.replace(" patch", " create")));
      assertEquals(String.join("\n", expected), String.join("\n", granted));
    }
  }

  private void record(HttpClient.Builder http) {
    http.addOrReplaceInterceptor("rights", recorder);
  }

  /** All that an operator does with a gateway. */
  private static void story(ApiServer server, String namespace) throws Exception {
    var client = server.client();
    server.apply(namespace, GATEWAY);
    var workers = client.apps().statefulSets().inNamespace(namespace).withName("branch-worker");
    server.eventually("there are workers", () -> workers.get() != null);
    var switches =
        client.pods().inNamespace(namespace).withLabel("app.kubernetes.io/component", "switch");
    server.eventually(
        "switches were told",
        () ->
            switches.list().getItems().size() == 2
                && switches.list().getItems().stream()
                    .allMatch(
                        it ->
                            it.getMetadata().getAnnotations() != null
                                && it.getMetadata()
                                    .getAnnotations()
                                    .containsKey("portcullis.dev/config")));
    workers.scale(3);
    server.eventually(
        "the gateway says 3",
        () ->
            client
                .resources(PacketGateway.class)
                .inNamespace(namespace)
                .withName("branch")
                .get()
                .getSpec()
                .get("workers")
                .toString()
                .contains("replicas=3"));
    // an IO module less: its StatefulSet, Service and budget are deleted
    server.apply(
        namespace,
        GATEWAY
            .replace(
                "lan, driver: vxlan, vxlan: {vni: 1}}]}",
                "lan, driver: vxlan, vxlan: {vni: 1}}, {name: wan, zone: wan, driver: vxlan, vxlan: {vni: 2, port: 4790}}]}")
            .replaceAll("(?m)^.*name: two.*\\R", ""));
    server.eventually(
        "the other is gone",
        () ->
            client.apps().statefulSets().inNamespace(namespace).withName("branch-two").get() == null
                && client.services().inNamespace(namespace).withName("branch-two").get() == null
                && client
                        .policy()
                        .v1()
                        .podDisruptionBudget()
                        .inNamespace(namespace)
                        .withName("branch-two")
                        .get()
                    == null);
  }

  private static List<PolicyRule> rules() throws Exception {
    return Arrays.asList(Serialization.unmarshal(Files.readString(RULES), PolicyRule[].class));
  }

  private static void grant(ApiServer server, String user, String own, List<PolicyRule> rules) {
    var client = server.client();
    client
        .resource(
            new ClusterRoleBuilder()
                .withNewMetadata()
                .withName(user)
                .endMetadata()
                .withRules(rules)
                .build())
        .create();
    client
        .resource(
            new io.fabric8.kubernetes.api.model.rbac.ClusterRoleBindingBuilder()
                .withNewMetadata()
                .withName(user)
                .endMetadata()
                .withNewRoleRef("rbac.authorization.k8s.io", "ClusterRole", user)
                .addNewSubject("rbac.authorization.k8s.io", "User", user, null)
                .build())
        .create();
    client
        .resource(
            new io.fabric8.kubernetes.api.model.rbac.RoleBuilder()
                .withNewMetadata()
                .withName(user)
                .withNamespace(own)
                .endMetadata()
                .withRules(
                    new PolicyRuleBuilder()
                        .withApiGroups("coordination.k8s.io")
                        .withResources("leases")
                        .withVerbs("create", "get", "patch", "update")
                        .build())
                .build())
        .create();
    client
        .resource(
            new io.fabric8.kubernetes.api.model.rbac.RoleBindingBuilder()
                .withNewMetadata()
                .withName(user)
                .withNamespace(own)
                .endMetadata()
                .withNewRoleRef("rbac.authorization.k8s.io", "Role", user)
                .addNewSubject("rbac.authorization.k8s.io", "User", user, null)
                .build())
        .create();
  }

  private static Set<String> leases() {
    return Set.of(
        "coordination.k8s.io/leases create",
        "coordination.k8s.io/leases get",
        "coordination.k8s.io/leases patch");
  }

  private static Set<String> rights(PolicyRule rule) {
    Set<String> rights = new TreeSet<>();
    for (String group : rule.getApiGroups()) {
      for (String resource : rule.getResources()) {
        rule.getVerbs().forEach(verb -> rights.add(group + "/" + resource + " " + verb));
      }
    }
    return rights;
  }

  /** The right that a request takes: {@code group/resource verb}. */
  private static String right(String method, URI uri) {
    List<String> path = new ArrayList<>(List.of(uri.getPath().substring(1).split("/")));
    String group = path.removeFirst().equals("api") ? "" : path.removeFirst();
    path.removeFirst();
    if (path.getFirst().equals("namespaces") && path.size() > 2) {
      path.removeFirst();
      path.removeFirst();
    }
    String resource = path.removeFirst();
    boolean one = !path.isEmpty();
    if (path.size() > 1) {
      resource += "/" + path.get(1);
    }
    String query = String.valueOf(uri.getQuery());
    String verb =
        Map.of("POST", "create", "PUT", "update", "PATCH", "patch", "DELETE", "delete")
            .getOrDefault(method, query.contains("watch=true") ? "watch" : one ? "get" : "list");
    return group + "/" + resource + " " + verb;
  }

  @Test
  void shouldTellRightsFromRequests() {
    assertEquals(
        "apps/statefulsets patch",
        right(
            "PATCH", URI.create("https://x/apis/apps/v1/namespaces/n/statefulsets/s?force=true")));
    assertEquals(
        "/pods watch", right("GET", URI.create("https://x/api/v1/namespaces/n/pods?watch=true")));
    assertEquals(
        "portcullis.dev/packetgateways/status patch",
        right(
            "PATCH",
            URI.create(
                "https://x/apis/portcullis.dev/v1alpha1/namespaces/n/packetgateways/g/status")));
    assertTrue(right("GET", URI.create("https://x/api/v1/secrets")).endsWith("secrets list"));
  }
}
