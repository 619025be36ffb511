package dev.portcullis.worker.policy;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.policy.PolicySpec.SourceNat;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.Prefix;
import dev.portcullis.worker.flow.PortBlocks;
import java.util.ArrayList;
import java.util.List;

/** The rules of SNAT, in order. Read on the first packet of a flow only. Immutable; any thread. */
public final class SourceNatTable {

  private record Entry(
      SourceNat rule,
      boolean[] from,
      boolean[] to,
      Prefix[] source,
      Prefix[] destination,
      ServiceMatch[] services,
      int[][] poolsOfTag,
      int[][] poolsOfTag6) {}

  private static final int[] NO_POOLS = {};

  private final Entry[] entries;

  /**
   * Compiles the rules.
   *
   * @param blocks the pool addresses, all of {@link #addresses}
   */
  public SourceNatTable(GatewayConfig config, Egress egress, PortBlocks blocks) {
    List<SourceNat> rules = config.policy().nat().source();
    entries = new Entry[rules.size()];
    for (int i = 0; i < entries.length; i++) {
      SourceNat it = rules.get(i);
      entries[i] =
          new Entry(
              it,
              ServiceMatch.zones(it.from(), egress.zones()),
              ServiceMatch.zones(it.to(), egress.zones()),
              AccessRules.prefixes(config.policy(), it.source()).toArray(Prefix[]::new),
              AccessRules.prefixes(config.policy(), it.destination()).toArray(Prefix[]::new),
              it.services().stream().map(ServiceMatch::new).toArray(ServiceMatch[]::new),
              pools(config, it, egress, blocks, 4),
              pools(config, it, egress, blocks, 6));
    }
  }

  private static int[][] pools(
      GatewayConfig config, SourceNat rule, Egress egress, PortBlocks blocks, int version) {
    int[][] pools = new int[egress.tags()][];
    for (int tag = 0; tag < pools.length; tag++) {
      pools[tag] =
          addresses(config, rule, egress.at(tag).port()).stream()
              .filter(it -> it.version() == version)
              .mapToInt(it -> blocks.pool(it.high(), it.low()))
              .toArray();
    }
    return pools;
  }

  /** Addresses that a rule translates to where a flow leaves by a port. */
  private static List<IpAddress> addresses(GatewayConfig config, SourceNat rule, String port) {
    if (rule.exempt()) {
      return List.of();
    }
    List<String> texts =
        rule.byInterface()
            ? config.gateway().io().stream()
                .flatMap(it -> it.ports().stream())
                .filter(it -> it.name().equals(port))
                .flatMap(it -> it.addresses().stream())
                .toList()
            : rule.addresses();
    return texts.stream().map(it -> Egress.prefix(it).address()).distinct().toList();
  }

  /** Returns the port blocks of all pool addresses of a configuration. */
  public static PortBlocks blocks(GatewayConfig config) {
    List<IpAddress> addresses = new ArrayList<>();
    List<Integer> firstMapped = new ArrayList<>();
    for (SourceNat rule : config.policy().nat().source()) {
      for (GatewaySpec.Io io : config.gateway().io()) {
        for (GatewaySpec.PortSpec port : io.ports()) {
          for (IpAddress it : addresses(config, rule, port.name())) {
            int at = addresses.indexOf(it);
            if (at < 0) {
              at = addresses.size();
              addresses.add(it);
              firstMapped.add(65_536);
            }
            if (rule.mapping() == PolicySpec.Mapping.ENDPOINT_INDEPENDENT) {
              firstMapped.set(at, Math.min(firstMapped.get(at), rule.ports().first()));
            }
          }
        }
      }
    }
    return new PortBlocks(
        addresses.stream().mapToLong(IpAddress::high).toArray(),
        addresses.stream().mapToLong(IpAddress::low).toArray(),
        firstMapped.stream().mapToInt(it -> it).toArray(),
        config.gateway().limits().flows());
  }

  /**
   * Returns the number of the first rule for a packet, -1: none. A rule that has no address of the
   * packet's family is none.
   *
   * @param tag logical interface that it leaves by
   */
  public int find(int fromZone, int toZone, int tag, PacketHeader h) {
    for (int i = 0; i < entries.length; i++) {
      Entry it = entries[i];
      if (it.from[fromZone]
          && it.to[toZone]
          && (it.rule.exempt() || pools(i, tag, h.version).length > 0)
          && isIn(it.source, h.version, h.sourceHigh, h.sourceLow)
          && isIn(it.destination, h.version, h.destinationHigh, h.destinationLow)
          && isOf(it.services, h)) {
        return i;
      }
    }
    return -1;
  }

  private static boolean isIn(Prefix[] prefixes, int version, long high, long low) {
    for (Prefix prefix : prefixes) {
      if (prefix.contains(new IpAddress(version, high, low))) {
        return true;
      }
    }
    return prefixes.length == 0;
  }

  private static boolean isOf(ServiceMatch[] services, PacketHeader h) {
    for (ServiceMatch service : services) {
      if (service.matches(h)) {
        return true;
      }
    }
    return services.length == 0;
  }

  /** Returns the place in a list of pool addresses that a host begins at: always the same. */
  public static int firstPool(long hostHigh, long hostLow, int pools) {
    return (int) Long.remainderUnsigned(Lanes.mix(hostHigh * 31 + hostLow), pools);
  }

  /** Number of rules. */
  public int size() {
    return entries.length;
  }

  /** What a rule says. */
  public SourceNat rule(int rule) {
    return entries[rule].rule;
  }

  /** Places of the pool addresses of a rule, for flows that leave by a logical interface. */
  public int[] pools(int rule, int tag, int version) {
    Entry it = entries[rule];
    return tag < 0 ? NO_POOLS : version == 4 ? it.poolsOfTag[tag] : it.poolsOfTag6[tag];
  }
}
