package dev.portcullis.core.event;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.counters.Reading;
import java.util.List;

/** What an event of type {@code stats} says: totals since the start. One thread. */
public final class StatsFigures {

  /** Frames taken in. */
  public long packets;

  /** Bytes of them. */
  public long bytes;

  /** Frames that were forwarded. */
  public long accepted;

  /** Flows that are tracked now, -1: not known. */
  public long flows = -1;

  /** Frames dropped, by id of the reason. */
  public final long[] dropped = new long[DropReason.idLimit()];

  /** Makes one of zeros. */
  public StatsFigures() {}

  /**
   * Takes the figures of a module, or of a whole gateway in one process: what its ports took in and
   * put out where it has ports, otherwise what its workers did.
   */
  public static StatsFigures of(List<Reading> readings) {
    StatsFigures f = new StatsFigures();
    boolean ports =
        readings.stream()
            .anyMatch(
                it ->
                    it.counter() == Counter.PACKETS_RECEIVED && !it.labelValues().get(1).isEmpty());
    for (Reading it : readings) {
      long value = it.value().getAsLong();
      switch (it.counter()) {
        case PACKETS_RECEIVED -> f.packets += isOf(it, ports) ? value : 0;
        case BYTES_RECEIVED -> f.bytes += isOf(it, ports) ? value : 0;
        case PACKETS_FORWARDED -> f.accepted += isOf(it, ports) ? value : 0;
        case WORKER_FLOWS -> f.flows = Math.max(0, f.flows) + value;
        case PACKETS_DROPPED -> {
          for (DropReason reason : DropReason.values()) {
            if (reason.label().equals(it.labelValues().get(2))) {
              f.dropped[reason.id()] += value;
            }
          }
        }
        default -> {}
      }
    }
    return f;
  }

  private static boolean isOf(Reading it, boolean ports) {
    return it.labelValues().get(1).isEmpty() != ports;
  }
}
