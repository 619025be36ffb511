package dev.portcullis.core.policy;

import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.GatewaySpec.Function;
import dev.portcullis.core.policy.GatewaySpec.PathMode;
import dev.portcullis.core.policy.GatewaySpec.Pool;
import dev.portcullis.core.policy.GatewaySpec.Protocol;
import dev.portcullis.core.policy.GatewaySpec.TrafficClass;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Checks classes that are told by looking, and what pools of workers can do: a function may be left
 * out only where no packet would miss it.
 */
final class PoolChecks {

  private final Binder binder;
  private final GatewaySpec spec;
  private final PolicySpec policy;

  PoolChecks(Binder binder, GatewaySpec spec, PolicySpec policy) {
    this.binder = binder;
    this.spec = spec;
    this.policy = policy;
  }

  void check() {
    Set<Protocol> seen = EnumSet.noneOf(Protocol.class);
    List<TrafficClass> classes = spec.distribution().classes();
    for (int i = 0; i < classes.size(); i++) {
      TrafficClass it = classes.get(i);
      if (it.detect() != Protocol.NONE) {
        detected(it, "spec.distribution.classes[" + i + "]", seen.add(it.detect()));
      }
    }
    for (int i = 0; i < spec.pools().size(); i++) {
      functions(spec.pools().get(i), "spec.pools[" + i + "].functions");
    }
  }

  private void detected(TrafficClass it, String at, boolean first) {
    if (!first) {
      binder.fault(
          at + ".detect",
          "another class detects " + label(it.detect()) + " already; one class is allowed to.");
    }
    if (it.pool().equals("default")) {
      binder.fault(
          at + ".pool",
          "a class with detect moves its flows to its pool; allowed is a pool other than default.");
    }
    if (it.algorithm() == Algorithm.LEAST_LOADED) {
      binder.fault(
          at + ".algorithm",
          "least-loaded chooses before the first byte is seen; allowed with detect is any other"
              + " algorithm.");
    }
    if (spec.path() == PathMode.RECOMPUTE) {
      binder.fault(
          at + ".detect",
          "where a flow moved to cannot be computed again; allowed with detect is path: record.");
    }
  }

  private void functions(Pool pool, String at) {
    for (Function needed : List.of(Function.ACL, Function.STATEFUL)) {
      if (!pool.can(needed)) {
        binder.fault(
            at,
            "the pool \""
                + pool.name()
                + "\" leaves out "
                + label(needed)
                + ", so the policy would not hold there; allowed is to leave out nat.");
      }
    }
    boolean translates = !policy.nat().source().isEmpty() || !policy.nat().destination().isEmpty();
    if (!pool.can(Function.NAT) && translates) {
      for (TrafficClass it : spec.distribution().classes()) {
        boolean byPort = !it.tcpPorts().isEmpty() || !it.udpPorts().isEmpty();
        if (it.pool().equals(pool.name()) && byPort) {
          binder.fault(
              at,
              "the pool \""
                  + pool.name()
                  + "\" leaves out nat, and the class \""
                  + it.name()
                  + "\" brings it flows by their ports, which the policy translates; allowed is"
                  + " nat, or a class with detect alone.");
        }
      }
    }
  }

  private static String label(Enum<?> it) {
    return it.name().toLowerCase(Locale.ROOT);
  }
}
