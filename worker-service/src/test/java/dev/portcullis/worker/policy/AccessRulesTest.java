package dev.portcullis.worker.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.policy.PolicySpec.Action;
import dev.portcullis.core.policy.PolicySpec.PortRange;
import dev.portcullis.core.policy.PolicySpec.Rule;
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
      PolicySpec policy = policy(random, 1 + random.nextInt(300));
      AccessRules rules = new AccessRules(policy, ZONES);
      for (int i = 0; i < 2000; i++) {
        PacketHeader h = header(random);
        int from = random.nextInt(3);
        int to = random.nextInt(3);
        assertEquals(naive(policy, from, to, h), rules.match(from, to, h), "seed " + seed);
      }
    }
  }

  private static int naive(PolicySpec policy, int from, int to, PacketHeader h) {
    for (int i = 0; i < policy.rules().size(); i++) {
      Rule rule = policy.rules().get(i);
      boolean service = rule.services().isEmpty();
      for (Service it : rule.services()) {
        service |= new ServiceMatch(it).matches(h);
      }
      if (service
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
                random.nextBoolean() ? List.of() : List.of(random.nextInt(5)),
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
              false));
    }
    return new PolicySpec(
        Action.DROP, false, List.of(), List.of(), rules, new PolicySpec.Nat(List.of(), List.of()));
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
