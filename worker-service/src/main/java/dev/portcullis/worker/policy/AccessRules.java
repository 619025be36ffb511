package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.policy.PolicySpec.Action;
import dev.portcullis.core.policy.PolicySpec.IcmpMatch;
import dev.portcullis.core.policy.PolicySpec.Rule;
import dev.portcullis.core.policy.PolicySpec.Service;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.Prefix;
import dev.portcullis.worker.flow.Tuple;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/**
 * The rules of a policy, compiled: for each property of a packet (zones, sender, receiver, service)
 * a set of the rules that it satisfies; the first number that all five have is the first rule that
 * matches. With 10,000 rules that are at most 157 words, in 10 chunks of which those that are empty
 * in one property are skipped.
 *
 * <p>Memory: a set per interval of addresses or ports, some 200 bytes each with 10,000 rules (see
 * {@link SetBuilder}): 10,000 rules with a prefix, another prefix and a port of their own each take
 * 7 MB. Immutable; any thread.
 */
public final class AccessRules {

  /** Service of a packet that has neither a port nor a type that could be read. */
  public static final int NO_SERVICE = -1;

  /** Rule of a flow whose rule is not in the policy any more. */
  public static final int GONE = -2;

  private final List<String> names;
  private final Map<String, Integer> numbers = new HashMap<>();
  private final Action[] actions;
  private final Action defaultAction;
  private final boolean[] logs;
  private final boolean defaultLogs;
  private final long[][][] from;
  private final long[][][] to;
  private final AddressMap source;
  private final AddressMap destination;
  private final long[][][] protocols;
  private final PortMap tcp;
  private final PortMap udp;
  private final PortMap icmp;
  private final PortMap icmpv6;
  private final long[][][] scheduled;

  /**
   * Compiles a policy.
   *
   * @param zones names of the zones; the index is their number
   */
  public AccessRules(PolicySpec policy, List<String> zones) {
    List<Rule> rules = policy.rules();
    names = rules.stream().map(Rule::name).toList();
    for (int rule = GONE; rule < names.size(); rule++) {
      numbers.put(name(rule), rule);
    }
    actions = rules.stream().map(Rule::action).toArray(Action[]::new);
    defaultAction = policy.defaultAction();
    logs = new boolean[rules.size()];
    for (int rule = 0; rule < logs.length; rule++) {
      logs[rule] = rules.get(rule).log();
    }
    defaultLogs = policy.defaultLog();
    from = byZone(zones, rules, Rule::from);
    to = byZone(zones, rules, Rule::to);
    Map<String, List<Prefix>> objects = objects(policy);
    source = AddressMap.of(rules.stream().map(it -> prefixes(objects, it.source())).toList());
    destination =
        AddressMap.of(rules.stream().map(it -> prefixes(objects, it.destination())).toList());
    protocols = byProtocol(rules);
    tcp = map(rules, PacketHeader.TCP, it -> ports(it.tcp()));
    udp = map(rules, PacketHeader.UDP, it -> ports(it.udp()));
    icmp = map(rules, PacketHeader.ICMP, it -> types(it.icmp()));
    icmpv6 = map(rules, PacketHeader.ICMPV6, it -> types(it.icmpv6()));
    scheduled = new long[policy.schedules().size()][][];
    for (int i = 0; i < scheduled.length; i++) {
      String name = policy.schedules().get(i).name();
      scheduled[i] = set(rules.size(), rule -> name.equals(rules.get(rule).schedule()));
    }
  }

  private static Map<String, List<Prefix>> objects(PolicySpec policy) {
    Map<String, List<Prefix>> objects = new HashMap<>();
    policy
        .addresses()
        .forEach(
            it -> objects.putIfAbsent(it.name(), it.cidrs().stream().map(Egress::prefix).toList()));
    return objects;
  }

  /** Returns the prefixes that names of address objects and prefixes stand for; empty: any. */
  public static List<Prefix> prefixes(PolicySpec policy, List<String> names) {
    return prefixes(objects(policy), names);
  }

  private static List<Prefix> prefixes(Map<String, List<Prefix>> objects, List<String> names) {
    List<Prefix> prefixes = new ArrayList<>();
    for (String name : names) {
      List<Prefix> object = objects.get(name);
      if (object == null) {
        prefixes.add(Egress.prefix(name));
      } else {
        prefixes.addAll(object);
      }
    }
    return prefixes;
  }

  private static long[][] set(int rules, IntPredicate test) {
    SetBuilder set = new SetBuilder(rules);
    for (int rule = 0; rule < rules; rule++) {
      set.set(rule, test.test(rule));
    }
    return set.set();
  }

  private static long[][][] byZone(
      List<String> zones, List<Rule> rules, Function<Rule, List<String>> named) {
    long[][][] sets = new long[zones.size()][][];
    for (int i = 0; i < sets.length; i++) {
      String zone = zones.get(i);
      sets[i] =
          set(
              rules.size(),
              rule -> {
                List<String> list = named.apply(rules.get(rule));
                return list.isEmpty() || list.contains(zone);
              });
    }
    return sets;
  }

  private static boolean anyService(Rule rule, Predicate<Service> test) {
    return rule.services().isEmpty() || rule.services().stream().anyMatch(test);
  }

  private static boolean takesAllOf(Rule rule, int protocol) {
    return anyService(rule, it -> it.any() || it.protocols().contains(protocol));
  }

  /** The rules that take a protocol whatever its ports or types are. */
  private static long[][][] byProtocol(List<Rule> rules) {
    long[][] unnamed = set(rules.size(), rule -> anyService(rules.get(rule), Service::any));
    long[][][] sets = new long[256][][];
    Arrays.fill(sets, unnamed);
    rules.stream()
        .flatMap(rule -> rule.services().stream())
        .flatMap(service -> service.protocols().stream())
        .distinct()
        .forEach(it -> sets[it] = set(rules.size(), rule -> takesAllOf(rules.get(rule), it)));
    return sets;
  }

  private static PortMap map(
      List<Rule> rules, int protocol, Function<Service, List<PortMap.Range>> ranges) {
    boolean[] always = new boolean[rules.size()];
    List<List<PortMap.Range>> ofRules = new ArrayList<>();
    for (int rule = 0; rule < always.length; rule++) {
      always[rule] = takesAllOf(rules.get(rule), protocol);
      List<PortMap.Range> ofRule = new ArrayList<>();
      rules.get(rule).services().forEach(it -> ofRule.addAll(ranges.apply(it)));
      ofRules.add(ofRule);
    }
    return PortMap.of(ofRules, always);
  }

  private static List<PortMap.Range> ports(List<PolicySpec.PortRange> ranges) {
    return ranges.stream().map(it -> new PortMap.Range(it.first(), it.last())).toList();
  }

  private static List<PortMap.Range> types(List<IcmpMatch> types) {
    return types.stream()
        .map(
            it -> {
              int first = it.type() << 8 | Math.max(0, it.code());
              return new PortMap.Range(first, it.code() < 0 ? first | 0xff : first);
            })
        .toList();
  }

  /**
   * Returns what a packet is for: its receiver's port (TCP, UDP), type and code in one (ICMP), or
   * {@link #NO_SERVICE}.
   */
  public static int service(PacketHeader h) {
    return switch (h.protocol) {
      case PacketHeader.TCP, PacketHeader.UDP ->
          Tuple.usesPorts(h) ? h.destinationPort : NO_SERVICE;
      case PacketHeader.ICMP, PacketHeader.ICMPV6 ->
          h.icmpType >= 0 ? h.icmpType << 8 | Math.max(0, h.icmpCode) : NO_SERVICE;
      default -> NO_SERVICE;
    };
  }

  /**
   * Returns the number of the first rule that matches, -1: none. Sender and receiver are those
   * after DNAT and before SNAT.
   *
   * @param service as {@link #service} says
   * @param off rules that do not hold now
   */
  public int match(
      int fromZone,
      int toZone,
      int version,
      int protocol,
      long sourceHigh,
      long sourceLow,
      long destinationHigh,
      long destinationLow,
      int service,
      long[][] off) {
    long[][] a = from[fromZone];
    long[][] b = to[toZone];
    long[][] c = source.find(version, sourceHigh, sourceLow);
    long[][] d = destination.find(version, destinationHigh, destinationLow);
    long[][] e = services(protocol, service);
    for (int i = 0; i < a.length; i++) {
      if (c[i] == SetBuilder.EMPTY || d[i] == SetBuilder.EMPTY || e[i] == SetBuilder.EMPTY) {
        continue;
      }
      for (int word = 0; word < SetBuilder.CHUNK_WORDS; word++) {
        long all = a[i][word] & b[i][word] & c[i][word] & d[i][word] & e[i][word] & ~off[i][word];
        if (all != 0) {
          return i * SetBuilder.CHUNK_BITS + word * 64 + Long.numberOfTrailingZeros(all);
        }
      }
    }
    return -1;
  }

  /** As the other, for a packet after DNAT. */
  public int match(int fromZone, int toZone, PacketHeader h, long[][] off) {
    return match(
        fromZone,
        toZone,
        h.version,
        h.protocol,
        h.sourceHigh,
        h.sourceLow,
        h.destinationHigh,
        h.destinationLow,
        service(h),
        off);
  }

  /** As the others, at a time at which every schedule holds. */
  public int match(int fromZone, int toZone, PacketHeader h) {
    return match(fromZone, toZone, h, off(-1));
  }

  private long[][] services(int protocol, int service) {
    if (service == NO_SERVICE) {
      return protocols[protocol];
    }
    return switch (protocol) {
      case PacketHeader.TCP -> tcp.find(service);
      case PacketHeader.UDP -> udp.find(service);
      case PacketHeader.ICMP -> icmp.find(service);
      case PacketHeader.ICMPV6 -> icmpv6.find(service);
      default -> protocols[protocol];
    };
  }

  /**
   * Returns the rules that do not hold while only the schedules of {@code mask} do: bit {@code i}
   * is the {@code i}-th schedule of the policy.
   */
  long[][] off(int mask) {
    return set(
        actions.length,
        rule -> {
          for (int i = 0; i < scheduled.length; i++) {
            long[] chunk = scheduled[i][rule / SetBuilder.CHUNK_BITS];
            if ((mask >>> i & 1) == 0
                && (chunk[rule / 64 % SetBuilder.CHUNK_WORDS] >>> rule & 1) != 0) {
              return true;
            }
          }
          return false;
        });
  }

  /** Number of rules. */
  public int size() {
    return actions.length;
  }

  /** Returns what is done with a flow: -1 is the default action. */
  public Action action(int rule) {
    return rule < 0 ? defaultAction : actions[rule];
  }

  /** Returns whether a drop by a rule is to be told of: -1 is the default action. */
  public boolean logs(int rule) {
    return rule < 0 ? defaultLogs : logs[rule];
  }

  /** Numbers of the rules by name; with {@code default} and {@code gone}. Not to be changed. */
  Map<String, Integer> numbers() {
    return numbers;
  }

  /** Returns the number of the rule with this name: the reverse of {@link #name}. */
  int number(String name) {
    return name.equals(name(-1)) ? -1 : numbers.getOrDefault(name, GONE);
  }

  /** Returns the name of a rule, {@code default} for -1, {@code gone} for {@link #GONE}. */
  public String name(int rule) {
    return rule >= 0 ? names.get(rule) : rule == GONE ? "gone" : "default";
  }
}
