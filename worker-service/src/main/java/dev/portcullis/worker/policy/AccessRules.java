package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.policy.PolicySpec.Action;
import dev.portcullis.core.policy.PolicySpec.PortRange;
import dev.portcullis.core.policy.PolicySpec.Rule;
import dev.portcullis.core.policy.PolicySpec.Service;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.Prefix;
import dev.portcullis.worker.flow.Tuple;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * The rules of a policy, compiled: for each property of a packet (zones, sender, receiver, service)
 * a bitset of the rules that it satisfies; the first bit that all five have is the first rule that
 * matches. With 10,000 rules that are at most 157 words.
 *
 * <p>Memory: a bitset per interval of addresses or ports, 1.25 KB each with 10,000 rules, 25 MB per
 * property if all differ. Immutable; any thread.
 */
public final class AccessRules {

  private final List<String> names;
  private final Action[] actions;
  private final Action defaultAction;
  private final long[][] from;
  private final long[][] to;
  private final AddressMap source;
  private final AddressMap destination;
  private final PortMap tcp;
  private final PortMap udp;
  private final long[][] icmp;
  private final long[][] withoutPorts;

  /** From a port to the rules that name it. */
  private record PortMap(int[] starts, long[][] sets) {
    long[] find(int port) {
      int at = Arrays.binarySearch(starts, port);
      return sets[at >= 0 ? at : -at - 2];
    }
  }

  /**
   * Compiles a policy.
   *
   * @param zones names of the zones; the index is their number
   */
  public AccessRules(PolicySpec policy, List<String> zones) {
    List<Rule> rules = policy.rules();
    names = rules.stream().map(Rule::name).toList();
    actions = rules.stream().map(Rule::action).toArray(Action[]::new);
    defaultAction = policy.defaultAction();
    from =
        byNumber(
            zones.size(),
            rules,
            (rule, zone) -> rule.from().isEmpty() || rule.from().contains(zones.get(zone)));
    to =
        byNumber(
            zones.size(),
            rules,
            (rule, zone) -> rule.to().isEmpty() || rule.to().contains(zones.get(zone)));
    source = AddressMap.of(rules.stream().map(it -> prefixes(policy, it.source())).toList());
    destination =
        AddressMap.of(rules.stream().map(it -> prefixes(policy, it.destination())).toList());
    withoutPorts =
        byNumber(
            256,
            rules,
            (rule, protocol) ->
                anyService(rule, it -> isAny(it) || it.protocols().contains(protocol)));
    tcp = ports(rules, withoutPorts[PacketHeader.TCP], Service::tcp);
    udp = ports(rules, withoutPorts[PacketHeader.UDP], Service::udp);
    icmp =
        byNumber(
            256,
            rules,
            (rule, type) -> anyService(rule, it -> isAny(it) || it.icmp().contains(type)));
  }

  /** Returns the prefixes that names of address objects and prefixes stand for; empty: any. */
  public static List<Prefix> prefixes(PolicySpec policy, List<String> names) {
    Map<String, List<String>> objects =
        policy.addresses().stream()
            .collect(Collectors.toMap(it -> it.name(), it -> it.cidrs(), (a, b) -> a));
    return names.stream()
        .flatMap(it -> objects.getOrDefault(it, List.of(it)).stream())
        .map(Egress::prefix)
        .toList();
  }

  private interface Satisfies {
    boolean test(Rule rule, int number);
  }

  private static boolean isAny(Service it) {
    return it.tcp().isEmpty()
        && it.udp().isEmpty()
        && it.icmp().isEmpty()
        && it.protocols().isEmpty();
  }

  private static boolean anyService(Rule rule, Predicate<Service> test) {
    return rule.services().isEmpty() || rule.services().stream().anyMatch(test);
  }

  private static long[] words(BitSet set, int rules) {
    return Arrays.copyOf(set.toLongArray(), (rules + 63) / 64);
  }

  private static long[][] byNumber(int numbers, List<Rule> rules, Satisfies test) {
    Map<BitSet, long[]> shared = new java.util.HashMap<>();
    long[][] sets = new long[numbers][];
    for (int number = 0; number < numbers; number++) {
      BitSet set = new BitSet();
      for (int rule = 0; rule < rules.size(); rule++) {
        set.set(rule, test.test(rules.get(rule), number));
      }
      sets[number] = shared.computeIfAbsent(set, it -> words(it, rules.size()));
    }
    return sets;
  }

  private static PortMap ports(
      List<Rule> rules,
      long[] always,
      java.util.function.Function<Service, List<PortRange>> ranges) {
    List<int[]> edges = new ArrayList<>();
    int[] depth = new int[rules.size()];
    BitSet active = BitSet.valueOf(always);
    for (int rule = 0; rule < depth.length; rule++) {
      depth[rule] = active.get(rule) ? 1 : 0;
      for (Service service : rules.get(rule).services()) {
        for (PortRange range : ranges.apply(service)) {
          edges.add(new int[] {range.first(), rule, 1});
          edges.add(new int[] {range.last() + 1, rule, -1});
        }
      }
    }
    edges.sort(java.util.Comparator.comparingInt(it -> it[0]));
    int[] starts =
        java.util.stream.IntStream.concat(
                java.util.stream.IntStream.of(0), edges.stream().mapToInt(it -> it[0]))
            .distinct()
            .toArray();
    long[][] sets = new long[starts.length][];
    int next = 0;
    for (int i = 0; i < starts.length; i++) {
      for (; next < edges.size() && edges.get(next)[0] == starts[i]; next++) {
        int rule = edges.get(next)[1];
        depth[rule] += edges.get(next)[2];
        active.set(rule, depth[rule] > 0);
      }
      sets[i] = words(active, rules.size());
    }
    return new PortMap(starts, sets);
  }

  /** Returns the number of the first rule that matches, -1: none. The header is that after DNAT. */
  public int match(int fromZone, int toZone, PacketHeader h) {
    long[] a = from[fromZone];
    long[] b = to[toZone];
    long[] c = source.find(h.version, h.sourceHigh, h.sourceLow);
    long[] d = destination.find(h.version, h.destinationHigh, h.destinationLow);
    long[] e = services(h);
    long[] f =
        h.protocol == PacketHeader.ICMP || h.protocol == PacketHeader.ICMPV6
            ? withoutPorts[h.protocol]
            : e;
    for (int i = 0; i < a.length; i++) {
      long all = a[i] & b[i] & c[i] & d[i] & (e[i] | f[i]);
      if (all != 0) {
        return i * 64 + Long.numberOfTrailingZeros(all);
      }
    }
    return -1;
  }

  private long[] services(PacketHeader h) {
    boolean withPorts = Tuple.usesPorts(h);
    return switch (h.protocol) {
      case PacketHeader.TCP ->
          withPorts ? tcp.find(h.destinationPort) : withoutPorts[PacketHeader.TCP];
      case PacketHeader.UDP ->
          withPorts ? udp.find(h.destinationPort) : withoutPorts[PacketHeader.UDP];
      case PacketHeader.ICMP, PacketHeader.ICMPV6 ->
          h.icmpType >= 0 ? icmp[h.icmpType] : withoutPorts[h.protocol];
      default -> withoutPorts[h.protocol];
    };
  }

  /** Returns what is done with a flow: -1 is the default action. */
  public Action action(int rule) {
    return rule < 0 ? defaultAction : actions[rule];
  }

  /** Returns the name of a rule, {@code default} for -1. */
  public String name(int rule) {
    return rule < 0 ? "default" : names.get(rule);
  }
}
