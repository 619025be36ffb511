package dev.portcullis.core.counters;

import java.util.List;
import java.util.function.LongSupplier;

/**
 * One time series: what it is and how to read it. Any thread may read at any time.
 *
 * @param counter what it counts
 * @param labelValues values of {@code counter.labels()}, in that order
 * @param value reads the present value
 */
public record Reading(Counter counter, List<String> labelValues, LongSupplier value) {

  /** Checks that every label has a value. */
  public Reading {
    labelValues = List.copyOf(labelValues);
    if (labelValues.size() != counter.labels().size()) {
      throw new IllegalArgumentException(
          counter.metric() + " has the labels " + counter.labels() + ", not values " + labelValues);
    }
  }
}
