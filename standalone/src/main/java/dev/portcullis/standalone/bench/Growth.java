package dev.portcullis.standalone.bench;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Whether something grows with time. The first third of the samples is the beginning of a run, in
 * which everything fills; what the last third has at the median more than the middle third is
 * growth.
 *
 * @param what what it is, for people
 * @param unit of the samples
 * @param share so much more is allowed, as a share
 * @param slack and so much more in any case
 */
record Growth(String what, String unit, double share, double slack) {

  /** Fewer samples say nothing. */
  static final int LEAST_SAMPLES = 6;

  /** Returns a sentence where the samples grow; null where they do not. */
  @Nullable String fault(List<Double> samples) {
    if (samples.size() < LEAST_SAMPLES) {
      return null;
    }
    int third = samples.size() / 3;
    double before = median(samples.subList(samples.size() - 2 * third, samples.size() - third));
    double after = median(samples.subList(samples.size() - third, samples.size()));
    return after <= before * (1 + share) + slack
        ? null
        : String.format(
            Locale.ROOT,
            "%s grew from %.1f to %.1f %s; allowed is %.0f %% and %.0f %s.",
            what,
            before,
            after,
            unit,
            share * 100,
            slack,
            unit);
  }

  private static double median(List<Double> samples) {
    List<Double> sorted = samples.stream().sorted().toList();
    return sorted.get(sorted.size() / 2);
  }
}
