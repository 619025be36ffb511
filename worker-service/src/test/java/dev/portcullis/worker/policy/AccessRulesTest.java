package dev.portcullis.worker.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.policy.PolicySpec.Action;
import dev.portcullis.core.policy.PolicySpec.IcmpMatch;
import dev.portcullis.core.policy.PolicySpec.PortRange;
import dev.portcullis.core.policy.PolicySpec.Rule;
import dev.portcullis.core.policy.PolicySpec.Schedule;
import dev.portcullis.core.policy.PolicySpec.Service;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.Prefix;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AccessRulesTest {

  private static final List<String> ZONES = List.of("lan", "wan", "dmz");
  private static final int[] PROTOCOLS = {6, 17, 1, 58, 47, 132};

  @Test
  void shouldFindTheRuleThatALinearScanFinds() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 30; round++) {
      compare(random, seed, policy(random, 1 + random.nextInt(300)), 2000);
    }
    compare(random, seed, policy(random, 3000), 300);
  }

  private static void compare(Random random, long seed, PolicySpec policy, int packets) {
    AccessRules rules = new AccessRules(policy, ZONES);
    for (int i = 0; i < packets; i++) {
      PacketHeader h = header(random);
      int from = random.nextInt(3);
      int to = random.nextInt(3);
      int mask = random.nextInt(8);
      assertEquals(
          naive(policy, from, to, h, mask),
          rules.match(from, to, h, rules.off(mask)),
          "seed " + seed);
    }
  }

  @Test
  void shouldKeepTypesOfIcmpAndIcmpv6Apart() {
    Service echo =
        new Service(
            null,
            List.of(),
            List.of(),
            List.of(new IcmpMatch(8, -1), new IcmpMatch(3, 4)),
            List.of(new IcmpMatch(128, 0)),
            List.of());
    AccessRules rules =
        new AccessRules(
            policy(
                List.of(
                    new Rule(
                        "ping",
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(echo),
                        Action.ACCEPT,
                        false,
                        null))),
            ZONES);
    assertEquals(0, match(rules, PacketHeader.ICMP, 8, 7));
    assertEquals(0, match(rules, PacketHeader.ICMP, 3, 4));
    assertEquals(-1, match(rules, PacketHeader.ICMP, 3, 3));
    assertEquals(-1, match(rules, PacketHeader.ICMP, 128, 0));
    assertEquals(0, match(rules, PacketHeader.ICMPV6, 128, 0));
    assertEquals(-1, match(rules, PacketHeader.ICMPV6, 128, 1));
    assertEquals(-1, match(rules, PacketHeader.ICMPV6, 8, 0));
    assertEquals(-1, match(rules, PacketHeader.ICMP, -1, -1));
  }

  private static int match(AccessRules rules, int protocol, int type, int code) {
    PacketHeader h = new PacketHeader();
    h.version = protocol == PacketHeader.ICMP ? 4 : 6;
    h.protocol = protocol;
    h.icmpType = type;
    h.icmpCode = code;
    return rules.match(0, 1, h, rules.off(0));
  }

  @Test
  void shouldTake10000RulesOfDifferentAddressesAndPortsIn32Megabytes() {
    PolicySpec policy = policy(10_000);
    AccessRules[] rules = new AccessRules[4];
    long before = used();
    for (int i = 0; i < rules.length; i++) {
      rules[i] = new AccessRules(policy, ZONES);
    }
    long each = (used() - before) / rules.length;
    assertTrue(each < 32 << 20, each + " bytes");
    long[][] off = rules[0].off(0);
    for (int rule = 0; rule < 10_000; rule += 7) {
      assertEquals(rule, rules[0].match(0, 1, packetOf(rule), off));
    }
    PacketHeader none = packetOf(3);
    none.destinationPort++;
    assertEquals(-1, rules[0].match(0, 1, none, off));
  }

  private static long used() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  /** Rules of which each takes one packet, {@link #packetOf}: that of a network, host and port. */
  private static PolicySpec policy(int count) {
    List<Rule> rules = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rules.add(
          new Rule(
              "r" + i,
              List.of("lan"),
              List.of("wan"),
              List.of("10." + i / 256 + "." + i % 256 + ".0/24"),
              List.of("172.16." + i / 256 + "." + i % 256 + "/32"),
              List.of(service(List.of(new PortRange(1000 + 2 * i, 1000 + 2 * i)))),
              Action.ACCEPT,
              false,
              null));
    }
    return policy(rules);
  }

  private static PolicySpec policy(List<Rule> rules) {
    List<Schedule> schedules = new ArrayList<>();
    for (String name : List.of("s0", "s1", "s2")) {
      schedules.add(new Schedule(name, List.of(), "00:00", "24:00", "UTC", null, null));
    }
    return new PolicySpec(
        Action.DROP,
        false,
        List.of(),
        List.of(),
        schedules,
        rules,
        new PolicySpec.Nat(List.of(), List.of(), List.of(), List.of()),
        new PolicySpec.HelperSpecs(
            new PolicySpec.Ftp(true, List.of(), PolicySpec.Announced.OWN, 1024)));
  }

  private static Service service(List<PortRange> tcp) {
    return new Service(null, tcp, List.of(), List.of(), List.of(), List.of());
  }

  private static PacketHeader packetOf(int rule) {
    PacketHeader h = new PacketHeader();
    h.version = 4;
    h.protocol = PacketHeader.TCP;
    h.hasPorts = true;
    h.sourceLow = 10L << 24 | (long) rule << 8 | 9;
    h.destinationLow = 172L << 24 | 16 << 16 | rule;
    h.destinationPort = 1000 + 2 * rule;
    return h;
  }

  private static int naive(PolicySpec policy, int from, int to, PacketHeader h, int mask) {
    for (int i = 0; i < policy.rules().size(); i++) {
      Rule rule = policy.rules().get(i);
      boolean service = rule.services().isEmpty();
      for (Service it : rule.services()) {
        service |= new ServiceMatch(it).matches(h);
      }
      String schedule = rule.schedule();
      boolean on = schedule == null || (mask >>> schedule.charAt(1) - '0' & 1) != 0;
      if (on
          && service
          && ServiceMatch.zones(rule.from(), ZONES)[from]
          && ServiceMatch.zones(rule.to(), ZONES)[to]
          && contains(policy, rule.source(), new IpAddress(h.version, h.sourceHigh, h.sourceLow))
          && contains(
              policy,
              rule.destination(),
              new IpAddress(h.version, h.destinationHigh, h.destinationLow))) {
        return i;
      }
    }
    return -1;
  }

  private static boolean contains(PolicySpec policy, List<String> names, IpAddress address) {
    List<Prefix> prefixes = AccessRules.prefixes(policy, names);
    return prefixes.isEmpty() || prefixes.stream().anyMatch(it -> it.contains(address));
  }

  private static PacketHeader header(Random random) {
    PacketHeader h = new PacketHeader();
    h.version = random.nextBoolean() ? 4 : 6;
    h.protocol = PROTOCOLS[random.nextInt(PROTOCOLS.length)];
    h.sourceHigh = h.version == 4 ? 0 : random.nextLong(4) << 62;
    h.sourceLow = h.version == 4 ? random.nextInt() & 0xffff_ffffL : random.nextLong();
    h.destinationHigh = h.version == 4 ? 0 : random.nextLong(4) << 62;
    h.destinationLow = h.version == 4 ? random.nextInt() & 0xffff_ffffL : random.nextLong();
    h.hasPorts = random.nextInt(4) > 0;
    h.fragment = random.nextInt(5) == 0;
    h.destinationPort = random.nextInt(12);
    h.icmpType = random.nextInt(6) - 1;
    h.icmpCode = h.icmpType < 0 ? -1 : random.nextInt(3);
    return h;
  }

  private static PolicySpec policy(Random random, int count) {
    List<Rule> rules = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      List<Service> services = new ArrayList<>();
      for (int s = random.nextInt(3); s > 0; s--) {
        services.add(
            new Service(
                null,
                random.nextBoolean() ? List.of() : List.of(range(random), range(random)),
                random.nextBoolean() ? List.of() : List.of(range(random)),
                random.nextBoolean() ? List.of() : List.of(icmp(random), icmp(random)),
                random.nextBoolean() ? List.of() : List.of(icmp(random)),
                random.nextBoolean() ? List.of() : List.of(PROTOCOLS[random.nextInt(6)])));
      }
      rules.add(
          new Rule(
              "r" + i,
              zones(random),
              zones(random),
              prefixes(random),
              prefixes(random),
              services,
              Action.ACCEPT,
              false,
              random.nextInt(3) > 0 ? null : "s" + random.nextInt(3)));
    }
    return policy(rules);
  }

  private static IcmpMatch icmp(Random random) {
    return new IcmpMatch(random.nextInt(5), random.nextInt(4) - 1);
  }

  private static PortRange range(Random random) {
    int first = random.nextInt(12);
    return new PortRange(first, first + random.nextInt(4));
  }

  private static List<String> zones(Random random) {
    return random.nextBoolean() ? List.of() : List.of(ZONES.get(random.nextInt(3)));
  }

  private static List<String> prefixes(Random random) {
    List<String> list = new ArrayList<>();
    for (int i = random.nextInt(3); i > 0; i--) {
      boolean v4 = random.nextBoolean();
      long high = v4 ? 0 : random.nextLong(4) << 62;
      long low = v4 ? random.nextInt() & 0xffff_ffffL : random.nextLong();
      list.add(new IpAddress(v4 ? 4 : 6, high, low) + "/" + random.nextInt(v4 ? 9 : 129));
    }
    return list;
  }
}
