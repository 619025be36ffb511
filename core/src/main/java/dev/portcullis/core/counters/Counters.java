package dev.portcullis.core.counters;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The counters of one writer: a module's lane, or a thread beside it. Values stand in one flat
 * array with a cache line free at both ends, so that two writers never share a line.
 *
 * <p>Threads: {@link #add}, {@link #increment} and {@link #set} by the writer only; all else by any
 * thread. A reader sees each value whole and sees it grow, but not two values at one instant.
 */
public final class Counters implements MetricsSource {

  /** Longs in two cache lines: the prefetcher of many processors fetches lines in pairs. */
  private static final int PADDING = 16;

  private static final VarHandle VALUES = MethodHandles.arrayElementVarHandle(long[].class);

  private final long[] values;
  private final @Nullable Reading[] readings;
  private int size;

  /** Makes room for {@code capacity} series. */
  public Counters(int capacity) {
    values = new long[capacity + 2 * PADDING];
    readings = new Reading[capacity];
  }

  /**
   * Returns the slot of a series, a new one at its first call, beginning at 0. Not for the packet
   * path.
   *
   * @param labelValues values of {@code counter.labels()}, in that order
   * @throws IllegalArgumentException when a label has no value
   * @throws IllegalStateException when all room is taken
   */
  public synchronized int slot(Counter counter, String... labelValues) {
    List<String> labels = List.of(labelValues);
    for (int slot = 0; slot < size; slot++) {
      Reading known = readings[slot];
      if (known != null && known.counter() == counter && known.labelValues().equals(labels)) {
        return slot;
      }
    }
    int slot = size;
    if (slot == readings.length) {
      throw new IllegalStateException(
          "there is room for " + slot + " counters, and all of it is taken");
    }
    readings[slot] = new Reading(counter, labels, () -> get(slot));
    size++;
    return slot;
  }

  /** Adds {@code n} to a slot. Writer only. */
  public void add(int slot, long n) {
    int at = PADDING + slot;
    VALUES.setOpaque(values, at, values[at] + n);
  }

  /** Adds 1 to a slot. Writer only. */
  public void increment(int slot) {
    add(slot, 1);
  }

  /** Sets a slot: a gauge. Writer only. */
  public void set(int slot, long value) {
    VALUES.setOpaque(values, PADDING + slot, value);
  }

  /** Returns the value of a slot. Any thread. */
  public long get(int slot) {
    return (long) VALUES.getOpaque(values, PADDING + slot);
  }

  @Override
  public synchronized List<Reading> readings() {
    List<Reading> list = new ArrayList<>(size);
    for (Reading reading : readings) {
      if (reading != null) {
        list.add(reading);
      }
    }
    return list;
  }
}
