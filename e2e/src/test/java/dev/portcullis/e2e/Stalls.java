package dev.portcullis.e2e;

import java.util.ArrayList;
import java.util.List;

/**
 * Seconds with an answer through the gateway that took longer than a second, while none around it
 * did. An answer through it waits for the processor in six processes more often, so that long is a
 * second and as much as the slowest answer around it took in each.
 *
 * @param seconds how many
 * @param longestMs longest answer of these, ms
 * @param aroundMs longest answer around the gateway in all of the time
 */
record Stalls(long seconds, long longestMs, long aroundMs) {

  private static final long LONG_MS = 1000;
  private static final int PROCESSES = 6;

  static Stalls of(List<TunnelHost.Line> lines) {
    List<TunnelHost.Line> stalled = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      long ms = lines.get(i).slowestMs();
      int began = Math.max(0, i - (int) (ms / 1000) - 1);
      long around =
          lines.subList(began, i + 1).stream().mapToLong(TunnelHost.Line::aroundMs).max().orElse(0);
      if (around <= LONG_MS && ms > LONG_MS + PROCESSES * around) {
        stalled.add(lines.get(i));
      }
    }
    return new Stalls(
        stalled.size(),
        stalled.stream().mapToLong(TunnelHost.Line::slowestMs).max().orElse(0),
        lines.stream().mapToLong(TunnelHost.Line::aroundMs).max().orElse(0));
  }

  @Override
  public String toString() {
    return seconds
        + " s with answers of up to "
        + longestMs
        + " ms; around the gateway up to "
        + aroundMs
        + " ms";
  }
}
