package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class BenchLineTest {

  private static final Title HOP =
      new Title("B1", "grpc-hop/iperf3", "64KiB", "0.50", "0.65", false);
  private static final Title ALLOCATION =
      new Title("B7", "bytes-allocated/packet", "", "6", "2", true);

  @Test
  void shouldPrintTheRatioWithFloorGoalAndPairs() {
    assertEquals(
        "B1 grpc-hop/iperf3 64KiB ratio=0.58 floor=0.50 goal=0.65 pairs=7",
        BenchLine.of(HOP, result(7, 0.58, true), ""));
  }

  @Test
  void shouldSayWhereLessIsBetter() {
    assertEquals(
        "B7 bytes-allocated/packet ratio=0.40 floor=6 goal=2 pairs=7 (lower is better)",
        BenchLine.of(ALLOCATION, result(7, 0.4, true), ""));
  }

  @Test
  void shouldMarkALineThatNoGateWatched() {
    assertEquals(
        "B1 grpc-hop/iperf3 64KiB ratio=0.58 floor=0.50 goal=0.65 pairs=7 ungated",
        BenchLine.of(HOP, result(7, 0.58, false), ""));
  }

  @Test
  void shouldSayHowManyPairsWereValid() {
    assertEquals(
        "B1 grpc-hop/iperf3 64KiB ratio=0.58 floor=0.50 goal=0.65 pairs=3 valid=3/7 tries=84",
        BenchLine.of(HOP, new PairedRun.Result(List.of(0.58, 0.58, 0.58), 7, 84, true), ""));
  }

  @Test
  void shouldPrintNoFigureWhereNothingWasMeasured() {
    assertEquals(
        "B1 grpc-hop/iperf3 64KiB ratio=none floor=0.50 goal=0.65 pairs=0 valid=0/7 tries=84",
        BenchLine.of(HOP, new PairedRun.Result(List.of(), 7, 84, true), ""));
  }

  @Test
  void shouldPrintOneDecimalFromTenOn() {
    assertEquals(
        "B1 grpc-hop/iperf3 64KiB ratio=12.3 floor=0.50 goal=0.65 pairs=7",
        BenchLine.of(HOP, result(7, 12.34, true), ""));
  }

  private static PairedRun.Result result(int pairs, double ratio, boolean gated) {
    return new PairedRun.Result(java.util.Collections.nCopies(pairs, ratio), pairs, 20, gated);
  }
}
