package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.OnPolicyChange;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.PortBlocks;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A configuration compiled for the pipeline; the shards of a worker share it. Immutable.
 *
 * @param version number of this policy in the life of the worker, from 0
 * @param onChange what a new policy does to live flows
 * @param egress where packets leave
 * @param rules the rules
 * @param schedules when rules hold
 * @param history what rules of earlier versions are called now
 * @param destinations DNAT
 * @param sources SNAT
 * @param translations translations of whole addresses
 * @param ftp which connections announce others
 */
public record CompiledPolicy(
    int version,
    OnPolicyChange onChange,
    Egress egress,
    AccessRules rules,
    Schedules schedules,
    RuleHistory history,
    DestinationNatTable destinations,
    SourceNatTable sources,
    AddressTranslations translations,
    FtpRules ftp) {

  /** Compiles a checked configuration. */
  public static CompiledPolicy of(GatewayConfig config, Topology topology, PortBlocks blocks) {
    Egress egress = new Egress(config.gateway(), topology);
    AccessRules rules = new AccessRules(config.policy(), egress.zones());
    return compile(0, config, egress, rules, RuleHistory.NONE, blocks);
  }

  /**
   * Compiles the next version. The gateway must have the same ports and routes.
   *
   * @param blocks port blocks of the worker; gets the pool addresses that are new
   */
  public CompiledPolicy next(GatewayConfig config, PortBlocks blocks) {
    for (IpAddress address : SourceNatTable.addresses(config)) {
      blocks.add(address.high(), address.low());
    }
    AccessRules after = new AccessRules(config.policy(), egress.zones());
    return compile(version + 1, config, egress, after, history.next(rules, after), blocks);
  }

  private static CompiledPolicy compile(
      int version,
      GatewayConfig config,
      Egress egress,
      AccessRules rules,
      RuleHistory history,
      PortBlocks blocks) {
    PolicySpec policy = config.policy();
    return new CompiledPolicy(
        version,
        config.gateway().onPolicyChange(),
        egress,
        rules,
        new Schedules(policy.schedules()),
        history,
        new DestinationNatTable(policy.nat().destination(), egress),
        new SourceNatTable(config, egress, blocks),
        new AddressTranslations(policy.nat(), egress),
        new FtpRules(policy.helpers().ftp()));
  }

  /**
   * Returns the receiver that a request is sent to in place of its own, null: none is.
   *
   * @param rule of DNAT that takes it, -1: none
   * @param ingress tag of the interface that it came in by
   * @param vLow V of its key, lower half
   */
  public @Nullable IpAddress receiver(int rule, int ingress, PacketHeader h, long vLow) {
    if (rule >= 0) {
      return destinations.translated(rule);
    }
    IpAddress to =
        translations.toInternal(
            egress.zone(ingress), h.version, h.destinationHigh, h.destinationLow);
    if (to != null || translations.isEmpty()) {
      return to;
    }
    // from inside to the outer address of another host inside
    int outer = egress.find(ingress, h.version, h.destinationHigh, h.destinationLow, vLow);
    return outer < 0
        ? null
        : translations.toInternal(
            egress.zone(outer), h.version, h.destinationHigh, h.destinationLow);
  }

  /** Returns the port blocks of all pool addresses of a configuration. */
  public static PortBlocks blocks(GatewayConfig config) {
    List<IpAddress> addresses = SourceNatTable.addresses(config);
    return new PortBlocks(
        addresses.stream().mapToLong(IpAddress::high).toArray(),
        addresses.stream().mapToLong(IpAddress::low).toArray(),
        config.gateway().limits().flows());
  }
}
