package dev.portcullis.standalone.whatif;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import java.util.HashMap;
import java.util.Map;

/**
 * What owners by {@code least-loaded} choose: each lane of each owner gives a flow to the slot that
 * it has given the fewest. Thread: one.
 */
final class Choices {

  private record Chooser(int worker, int lane, int trafficClass) {}

  private final Map<Chooser, int[]> given = new HashMap<>();

  /** Makes a key the pin that its owner chooses; false where its class has another algorithm. */
  boolean choose(DistributionTable table, int owner, int flow, FlowKey key) {
    if (table.algorithm(key.trafficClass) != Algorithm.LEAST_LOADED) {
      return false;
    }
    Chooser chooser = new Chooser(owner, Lanes.laneOf(key.vHigh, key.vLow), key.trafficClass);
    int[] counts = given.computeIfAbsent(chooser, it -> new int[table.slots(it.trafficClass)]);
    long spread = Lanes.mix(flow);
    int start = (int) Long.remainderUnsigned(spread, counts.length);
    int best = start;
    for (int i = 0; i < counts.length; i++) {
      int slot = (start + i) % counts.length;
      best = counts[slot] < counts[best] ? slot : best;
    }
    counts[best]++;
    key.set(key.trafficClass | DistributionTable.PINNED, spread, best);
    return true;
  }
}
