package dev.portcullis.core.distribution;

import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.GatewaySpec.Pool;
import dev.portcullis.core.policy.GatewaySpec.TrafficClass;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Configurations and tables for tests. */
final class Specs {

  private static final GatewaySpec DEFAULTS =
      Objects.requireNonNull(
              ConfigLoader.parse(
                      "defaults",
                      """
                      apiVersion: portcullis.dev/v1alpha1
                      kind: PacketGateway
                      metadata: {name: defaults}
                      spec:
                        io: [{name: io-a, ports: [{name: lan, zone: lan}, {name: wan, zone: wan}]}]
                        inline: [{name: bump, ports: [lan, wan]}]
                      """)
                  .config())
          .gateway();

  /** Not symmetric; fails for no packet of IPv4. */
  static final String EXPRESSION = "3 * src + dst + mix(sport) % 1000 + dport";

  private Specs() {}

  static GatewaySpec spec(
      Algorithm algorithm, List<Integer> weights, List<TrafficClass> classes, List<Pool> pools) {
    return DEFAULTS.withDistribution(
        new GatewaySpec.Distribution(
            algorithm, weights, classes, algorithm == Algorithm.EXPRESSION ? EXPRESSION : null),
        pools);
  }

  static List<Member> numbered(int... numbers) {
    List<Member> members = new ArrayList<>();
    for (int number : numbers) {
      members.add(new Member(number, 1, "127.0.0.1", 1, 1));
    }
    return members;
  }

  static List<Member> workers(int count) {
    List<Member> members = new ArrayList<>();
    for (int number = 0; number < count; number++) {
      members.add(new Member(number, 1, "127.0.0.1", 1, 1));
    }
    return members;
  }

  static DistributionTable table(Algorithm algorithm, int workers) {
    return DistributionTable.of(
        spec(algorithm, List.of(1, 1), List.of(), List.of()), 1, 0, workers(workers));
  }

  static DistributionTable weighted(int w1, int w2, int workers) {
    return DistributionTable.of(
        spec(Algorithm.IP_SUM_WEIGHTED, List.of(w1, w2), List.of(), List.of()),
        1,
        0,
        workers(workers));
  }
}
