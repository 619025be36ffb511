package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.worker.flow.PortBlocks;
import java.util.List;

/** A configuration compiled for the pipeline; the shards of a worker share it. Immutable. */
public record CompiledPolicy(
    Egress egress, AccessRules rules, DestinationNatTable destinations, SourceNatTable sources) {

  /** Compiles a checked configuration. */
  public static CompiledPolicy of(GatewayConfig config, Topology topology, PortBlocks blocks) {
    Egress egress = new Egress(config.gateway(), topology);
    return new CompiledPolicy(
        egress,
        new AccessRules(config.policy(), egress.zones()),
        new DestinationNatTable(config.policy().nat().destination(), egress),
        new SourceNatTable(
            config.policy().nat().source(),
            config.policy().nat().source().stream()
                .map(it -> AccessRules.prefixes(config.policy(), it.source()))
                .toList(),
            egress,
            blocks));
  }

  /** Returns the port blocks of all pool addresses of a configuration. */
  public static PortBlocks blocks(GatewayConfig config) {
    List<IpAddress> addresses = SourceNatTable.addresses(config.policy());
    return new PortBlocks(
        addresses.stream().mapToLong(IpAddress::high).toArray(),
        addresses.stream().mapToLong(IpAddress::low).toArray());
  }
}
