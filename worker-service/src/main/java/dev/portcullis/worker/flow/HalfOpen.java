package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import java.util.Arrays;

/**
 * The TCP connections of a shard whose handshake is under way: how many each lane has, and which is
 * the oldest. A queue per lane in the order of their first packets; one that is established or gone
 * stays in it until it is met, and is told by its serial number.
 *
 * <p>Arithmetic: a full queue is cleaned, and made as long as twice what is left (64 at least). So
 * it has at most 2 * {@code limits.halfOpen / 16} places of 8 bytes, a flow of the table has 4
 * bytes, and cleaning costs two looks per new connection. Thread: one shard.
 */
final class HalfOpen {

  private static final int LEAST = 64;

  private final int[][] queue = new int[Lanes.COUNT][];
  private final int[][] serials = new int[Lanes.COUNT][];
  private final int[] heads = new int[Lanes.COUNT];
  private final int[] tails = new int[Lanes.COUNT];
  private final int[] counts = new int[Lanes.COUNT];
  private int[] serialOfFlow = new int[1024];
  private int lastSerial;

  HalfOpen() {
    Arrays.fill(queue, new int[0]);
    Arrays.fill(serials, new int[0]);
  }

  int count(int lane) {
    return counts[lane];
  }

  int count() {
    int sum = 0;
    for (int count : counts) {
      sum += count;
    }
    return sum;
  }

  /** A half-open flow has begun. */
  void add(int flow, int lane) {
    if (flow >= serialOfFlow.length) {
      serialOfFlow = Arrays.copyOf(serialOfFlow, Math.max(flow + 1, serialOfFlow.length * 2));
    }
    if (tails[lane] == queue[lane].length) {
      clean(lane);
    }
    lastSerial = lastSerial == -1 ? 1 : lastSerial + 1;
    serialOfFlow[flow] = lastSerial;
    queue[lane][tails[lane]] = flow;
    serials[lane][tails[lane]++] = lastSerial;
    counts[lane]++;
  }

  /** A flow is half open no more, or gone. */
  void remove(int flow, int lane) {
    serialOfFlow[flow] = 0;
    counts[lane]--;
  }

  /** Returns the oldest of a lane, -1: it has none. */
  int oldest(int lane) {
    while (counts[lane] > 0 && !isLive(lane, heads[lane])) {
      heads[lane]++;
    }
    return counts[lane] > 0 ? queue[lane][heads[lane]] : -1;
  }

  private boolean isLive(int lane, int at) {
    return serialOfFlow[queue[lane][at]] == serials[lane][at];
  }

  private void clean(int lane) {
    int[] flows = queue[lane];
    int live = 0;
    for (int i = heads[lane]; i < tails[lane]; i++) {
      if (isLive(lane, i)) {
        flows[live] = flows[i];
        serials[lane][live++] = serials[lane][i];
      }
    }
    heads[lane] = 0;
    tails[lane] = live;
    int room = Math.max(LEAST, live * 2);
    if (room > flows.length) {
      queue[lane] = Arrays.copyOf(flows, room);
      serials[lane] = Arrays.copyOf(serials[lane], room);
    }
  }
}
