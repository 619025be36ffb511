package dev.portcullis.standalone.bench;

import java.util.Locale;

/** The one line that a benchmark prints; programs read it. */
final class BenchLine {

  private BenchLine() {}

  /**
   * Returns for example {@code B1 grpc-hop/iperf3 64KiB ratio=0.58 floor=0.50 goal=0.65 pairs=7}.
   * Behind that stands the remark, if there is one, {@code ungated} where no gate was asked, {@code
   * valid=3/7} with the windows that were tried where pairs are missing, and {@code (lower is
   * better)} where it is.
   */
  static String of(Title title, PairedRun.Result result, String remark) {
    StringBuilder line = new StringBuilder();
    line.append(title.id()).append(' ').append(title.name());
    if (!title.detail().isEmpty()) {
      line.append(' ').append(title.detail());
    }
    line.append(" ratio=").append(ratio(result.median()));
    line.append(" floor=").append(title.floor()).append(" goal=").append(title.goal());
    line.append(" pairs=").append(result.ratios().size());
    if (!remark.isEmpty()) {
      line.append(' ').append(remark);
    }
    if (!result.gated()) {
      line.append(" ungated");
    }
    if (result.ratios().size() < result.wantedPairs()) {
      line.append(" valid=").append(result.ratios().size()).append('/');
      line.append(result.wantedPairs()).append(" tries=").append(result.tries());
    }
    if (title.lowerIsBetter()) {
      line.append(" (lower is better)");
    }
    return line.toString();
  }

  /** Two decimals below 10, one from there on; {@code none} where nothing was measured. */
  private static String ratio(double value) {
    return Double.isNaN(value)
        ? "none"
        : String.format(Locale.ROOT, value < 9.995 ? "%.2f" : "%.1f", value);
  }
}
