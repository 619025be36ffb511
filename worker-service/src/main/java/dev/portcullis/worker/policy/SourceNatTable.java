package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.policy.PolicySpec.SourceNat;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.Prefix;
import dev.portcullis.worker.flow.PortBlocks;
import java.util.List;

/** The rules of SNAT, in order. Read on the first packet of a flow only. Immutable; any thread. */
public final class SourceNatTable {

  private record Entry(
      boolean[] from,
      boolean[] to,
      Prefix[] source,
      int[] pools,
      int version,
      int first,
      int last) {}

  private final Entry[] entries;

  /**
   * Compiles the rules.
   *
   * @param sources prefixes of the senders of each rule; empty: any
   * @param blocks the pool addresses, all of {@link #addresses}
   */
  public SourceNatTable(
      List<SourceNat> rules, List<List<Prefix>> sources, Egress egress, PortBlocks blocks) {
    entries = new Entry[rules.size()];
    for (int i = 0; i < entries.length; i++) {
      SourceNat it = rules.get(i);
      List<IpAddress> addresses =
          it.addresses().stream().map(Egress::prefix).map(Prefix::address).toList();
      entries[i] =
          new Entry(
              ServiceMatch.zones(it.from(), egress.zones()),
              ServiceMatch.zones(it.to(), egress.zones()),
              sources.get(i).toArray(Prefix[]::new),
              addresses.stream().mapToInt(a -> blocks.pool(a.high(), a.low())).toArray(),
              addresses.getFirst().version(),
              it.ports().first(),
              it.ports().last());
    }
  }

  /** Returns all pool addresses of a policy, each once. */
  public static List<IpAddress> addresses(PolicySpec policy) {
    return policy.nat().source().stream()
        .flatMap(it -> it.addresses().stream())
        .map(it -> Egress.prefix(it).address())
        .distinct()
        .toList();
  }

  /** Returns the number of the first rule for a packet, -1: none. */
  public int find(int fromZone, int toZone, PacketHeader h) {
    for (int i = 0; i < entries.length; i++) {
      Entry it = entries[i];
      if (it.from[fromZone] && it.to[toZone] && it.version == h.version && isFrom(it.source, h)) {
        return i;
      }
    }
    return -1;
  }

  private static boolean isFrom(Prefix[] source, PacketHeader h) {
    for (Prefix prefix : source) {
      if (prefix.contains(new IpAddress(h.version, h.sourceHigh, h.sourceLow))) {
        return true;
      }
    }
    return source.length == 0;
  }

  /** Places of the pool addresses of a rule. */
  public int[] pools(int rule) {
    return entries[rule].pools;
  }

  /** First port of a rule. */
  public int first(int rule) {
    return entries[rule].first;
  }

  /** Last port of a rule. */
  public int last(int rule) {
    return entries[rule].last;
  }
}
