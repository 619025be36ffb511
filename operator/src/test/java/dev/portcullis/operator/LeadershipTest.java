package dev.portcullis.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.operator.gateway.GatewayOperator;
import dev.portcullis.operator.gateway.OperatorCounts;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Of several operators one leads; it looks after the namespaces that it was told. */
class LeadershipTest {

  private static final String GATEWAY =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: g}
      spec:
        io: [{name: a, ports: [{name: lan, zone: lan}, {name: wan, zone: wan}]}]
        inline: [{name: pair, ports: [lan, wan]}]
      """;

  @Test
  void shouldGoOnWithAnotherOneWhereItWasAndLeaveOtherNamespacesAlone() throws Exception {
    try (ApiServer server = ApiServer.find()) {
      String own = server.namespace();
      String watched = server.namespace();
      String other = server.namespace();
      OperatorCounts first = new OperatorCounts();
      OperatorCounts second = new OperatorCounts();
      GatewayOperator leads =
          server.operator(Set.of(watched), own, "first", null, http -> {}, first);
      server.eventually("the first leads", () -> leading(first) == 1);
      server.operator(Set.of(watched), own, "second", null, http -> {}, second);
      server.apply(other, GATEWAY);
      server.apply(watched, GATEWAY);
      var sets = server.client().apps().statefulSets();
      server.eventually(
          "the first has made it",
          () -> sets.inNamespace(watched).withName("g-worker").get() != null);
      assertEquals(0, leading(second));
      leads.close();
      sets.inNamespace(watched).withName("g-worker").delete();
      server.eventually("the second leads", () -> leading(second) == 1);
      server.eventually(
          "the second has caught up",
          () -> sets.inNamespace(watched).withName("g-worker").get() != null);
      assertNull(sets.inNamespace(other).withName("g-worker").get());
    }
  }

  private static long leading(OperatorCounts counts) {
    return counts.readings().stream()
        .filter(it -> it.counter() == Counter.OPERATOR_LEADING)
        .findFirst()
        .orElseThrow()
        .value()
        .getAsLong();
  }
}
