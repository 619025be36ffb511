package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Lanes;
import java.util.Arrays;

/**
 * How many live pins of each lane lead to each slot, by traffic class. Per lane, so that what is
 * chosen depends on the packets of the lane alone. Thread: one shard.
 */
final class PinCounts {

  private final int[][][] counts = new int[Lanes.COUNT][DistributionTable.MAX_CLASSES][0];

  private static int index(int trafficClass) {
    return trafficClass & ~DistributionTable.PINNED;
  }

  void add(int lane, int trafficClass, int slot, int pins) {
    int[][] ofLane = counts[lane];
    int it = index(trafficClass);
    if (slot >= ofLane[it].length) {
      ofLane[it] = Arrays.copyOf(ofLane[it], slot + 8);
    }
    ofLane[it][slot] += pins;
  }

  int least(int lane, int trafficClass, int slots, int start) {
    int[] ofSlot = counts[lane][index(trafficClass)];
    int best = start;
    int fewest = Integer.MAX_VALUE;
    for (int i = 0; i < slots && fewest > 0; i++) {
      int slot = start + i < slots ? start + i : start + i - slots;
      int pins = slot < ofSlot.length ? ofSlot[slot] : 0;
      if (pins < fewest) {
        fewest = pins;
        best = slot;
      }
    }
    return best;
  }
}
