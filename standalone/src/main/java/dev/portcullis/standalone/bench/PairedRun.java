package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Measures both sides in turn until there are enough pairs of valid windows. A window is valid when
 * the gate was quiet right before and right after it; one that is not is measured again. The side
 * that goes first changes with each pair.
 */
final class PairedRun {

  /** Pairs that a ratio must have at least. */
  static final int LEAST_PAIRS = 5;

  private final Rig rig;
  private final @Nullable Gate gate;
  private final int pairs;
  private final int mostTries;
  private final long pauseMs;
  private final Consumer<String> progress;

  private int tries;

  /**
   * Makes a run.
   *
   * @param gate null: every window counts
   * @param pairs how many valid pairs are wanted
   * @param mostTries how many windows are tried at most, both sides together; a look at the gate
   *     that ends in nothing counts as one
   * @param pauseMs how long to wait after a gate that was not quiet
   * @param progress told of every pair in one line
   */
  PairedRun(
      Rig rig,
      @Nullable Gate gate,
      int pairs,
      int mostTries,
      long pauseMs,
      Consumer<String> progress) {
    this.rig = rig;
    this.gate = gate;
    this.pairs = pairs;
    this.mostTries = mostTries;
    this.pauseMs = pauseMs;
    this.progress = progress;
  }

  /**
   * What came of a run.
   *
   * @param ratios ours to the reference, one per valid pair
   * @param wantedPairs how many were wanted
   * @param tries windows that were tried
   * @param gated whether a gate was asked
   */
  record Result(List<Double> ratios, int wantedPairs, int tries, boolean gated) {

    /** Returns the median of the ratios, NaN where there is none. */
    double median() {
      double[] sorted = ratios.stream().mapToDouble(it -> it).sorted().toArray();
      if (sorted.length == 0) {
        return Double.NaN;
      }
      int middle = sorted.length / 2;
      return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** Whether as many pairs are valid as a ratio must have. */
    boolean enough() {
      return ratios.size() >= Math.min(wantedPairs, LEAST_PAIRS);
    }
  }

  /** Measures; ends when the pairs are there or the tries are used up. */
  Result run() throws IOException, InterruptedException {
    List<Double> ratios = new ArrayList<>();
    while (ratios.size() < pairs) {
      Rig.Side[] order = Rig.Side.values();
      if (ratios.size() % 2 == 1) {
        order = new Rig.Side[] {order[1], order[0]};
      }
      double[] figures = new double[order.length];
      Arrays.fill(figures, Double.NaN);
      for (Rig.Side side : order) {
        figures[side.ordinal()] = window(side);
      }
      double ours = figures[Rig.Side.OURS.ordinal()];
      double reference = figures[Rig.Side.REFERENCE.ordinal()];
      if (Double.isNaN(ours) || Double.isNaN(reference)) {
        break;
      }
      ratios.add(ours / reference);
      progress.accept(
          "pair %d: %.4g to %.4g, ratio %.3g"
              .formatted(ratios.size(), ours, reference, ours / reference));
    }
    return new Result(List.copyOf(ratios), pairs, tries, gate != null);
  }

  /** Returns the figure of one valid window, NaN when the tries are used up. */
  private double window(Rig.Side side) throws IOException, InterruptedException {
    while (tries < mostTries) {
      tries++;
      if (!quiet()) {
        continue;
      }
      double figure = rig.measure(side);
      if (quiet()) {
        return figure;
      }
    }
    return Double.NaN;
  }

  private boolean quiet() throws InterruptedException {
    Gate asked = gate;
    if (asked == null || asked.quiet()) {
      return true;
    }
    Thread.sleep(pauseMs);
    return false;
  }
}
