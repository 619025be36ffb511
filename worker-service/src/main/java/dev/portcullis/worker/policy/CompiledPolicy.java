package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.worker.flow.PortBlocks;

/** A configuration compiled for the pipeline; the shards of a worker share it. Immutable. */
public record CompiledPolicy(
    Egress egress,
    AccessRules rules,
    DestinationNatTable destinations,
    SourceNatTable sources,
    AddressTranslations translations) {

  /** Compiles a checked configuration. */
  public static CompiledPolicy of(GatewayConfig config, Topology topology, PortBlocks blocks) {
    Egress egress = new Egress(config.gateway(), topology);
    return new CompiledPolicy(
        egress,
        new AccessRules(config.policy(), egress.zones()),
        new DestinationNatTable(config.policy().nat().destination(), egress),
        new SourceNatTable(config, egress, blocks),
        new AddressTranslations(config.policy().nat(), egress));
  }
}
