package dev.portcullis.worker.policy;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.policy.PolicySpec.SourceNat;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.Prefix;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PortBlocks;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

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
      int[][] poolsOfTag6,
      int[] pools) {}

  private static final int[] NO_POOLS = {};
  private static final int NOT_MAPPED = 65_536;

  private final Entry[] entries;
  private final int[] firstPorts;
  private final int[] lastPorts;
  private final int[] firstMapped;
  private final int[] lastMapped;
  private boolean anyMapped;

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
      int[][] poolsOfTag = pools(config, it, egress, blocks, 4);
      int[][] poolsOfTag6 = pools(config, it, egress, blocks, 6);
      entries[i] =
          new Entry(
              it,
              ServiceMatch.zones(it.from(), egress.zones()),
              ServiceMatch.zones(it.to(), egress.zones()),
              AccessRules.prefixes(config.policy(), it.source()).toArray(Prefix[]::new),
              AccessRules.prefixes(config.policy(), it.destination()).toArray(Prefix[]::new),
              it.services().stream().map(ServiceMatch::new).toArray(ServiceMatch[]::new),
              poolsOfTag,
              poolsOfTag6,
              Stream.of(poolsOfTag, poolsOfTag6)
                  .flatMap(Arrays::stream)
                  .flatMapToInt(Arrays::stream)
                  .sorted()
                  .distinct()
                  .toArray());
    }
    firstPorts = rules.stream().mapToInt(it -> it.ports().first()).toArray();
    lastPorts = rules.stream().mapToInt(it -> it.ports().last()).toArray();
    firstMapped = new int[blocks.pools()];
    lastMapped = new int[blocks.pools()];
    gatherMapped();
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

  /** Returns all pool addresses of a configuration, each once. */
  public static List<IpAddress> addresses(GatewayConfig config) {
    return config.policy().nat().source().stream()
        .flatMap(
            rule ->
                config.gateway().io().stream()
                    .flatMap(io -> io.ports().stream())
                    .flatMap(port -> addresses(config, rule, port.name()).stream()))
        .distinct()
        .toList();
  }

  /** For each pool address the ports that endpoint-independent mappings may have. */
  private void gatherMapped() {
    Arrays.fill(firstMapped, NOT_MAPPED);
    for (Entry it : entries) {
      if (it.rule.mapping() == PolicySpec.Mapping.ENDPOINT_INDEPENDENT) {
        for (int pool : it.pools) {
          anyMapped = true;
          firstMapped[pool] = Math.min(firstMapped[pool], it.rule.ports().first());
          lastMapped[pool] = Math.max(lastMapped[pool], it.rule.ports().last());
        }
      }
    }
  }

  /** Whether any address has endpoint-independent mappings. */
  public boolean anyMapped() {
    return anyMapped;
  }

  /** Whether a port of a pool address is for endpoint-independent mappings. */
  public boolean isMapped(int pool, int port) {
    return pool < firstMapped.length && port >= firstMapped[pool] && port <= lastMapped[pool];
  }

  /**
   * Returns the number of the first rule by which a sender may have this pool address and port as
   * its endpoint-independent mapping, -1: none.
   */
  public int ruleOfMapping(int pool, int port, int version, long senderHigh, long senderLow) {
    for (int i = 0; i < entries.length; i++) {
      Entry it = entries[i];
      if (it.rule.mapping() == PolicySpec.Mapping.ENDPOINT_INDEPENDENT
          && translatesTo(it, pool, port)
          && isIn(it.source, version, senderHigh, senderLow)) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Whether any rule translates to a pool address and port.
   *
   * @param port -1: a flow of a protocol without ports
   */
  public boolean translatesTo(int pool, int port) {
    return ruleTo(pool, port) >= 0;
  }

  /**
   * Returns the number of the first rule that translates to a pool address and port, -1: none.
   *
   * @param port -1: any
   */
  public int ruleTo(int pool, int port) {
    for (int i = 0; i < entries.length; i++) {
      if (translatesTo(entries[i], pool, port)) {
        return i;
      }
    }
    return -1;
  }

  /** Says which ranges of ports there are, by number of the rule. */
  public void share(NatPorts ports) {
    ports.ranges(firstPorts, lastPorts);
  }

  private static boolean translatesTo(Entry it, int pool, int port) {
    return (port < 0 || port >= it.rule.ports().first() && port <= it.rule.ports().last())
        && Arrays.binarySearch(it.pools, pool) >= 0;
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
