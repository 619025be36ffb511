package dev.portcullis.operator.dependent;

import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.Replication;
import dev.portcullis.operator.gateway.OperatorSettings;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * All that the dependent resources of one gateway are made from. Immutable.
 *
 * @param names names, labels and owner of what is made
 * @param settings those of the operator
 * @param config the configuration that the modules are given
 * @param source its documents
 * @param workers workers that shall run
 * @param served worker pods that there are or shall be: one that hands over is still reached
 * @param pods changes of pod templates by component: {@code io}, {@code worker}, {@code switch}
 */
public record Wanted(
    Names names,
    OperatorSettings settings,
    GatewayConfig config,
    String source,
    int workers,
    int served,
    Map<String, Object> pods) {

  /** Copies the map. */
  public Wanted {
    pods = Map.copyOf(pods);
  }

  /** Ports of workers besides that of their own links: none without replication. */
  List<Integer> guestPorts() {
    return config.gateway().replication() == Replication.NONE
        ? List.of()
        : IntStream.rangeClosed(Names.GUEST_PORTS.first(), Names.GUEST_PORTS.last())
            .boxed()
            .toList();
  }
}
