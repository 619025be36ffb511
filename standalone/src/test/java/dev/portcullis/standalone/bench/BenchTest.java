package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class BenchTest {

  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private final List<ScriptedRig> rigs = new ArrayList<>();

  @Test
  void shouldPrintOneLinePerBenchmark() {
    int exit = bench(measured("B1", 2), measured("B2", 3)).run(List.of(), out());
    assertEquals(
        List.of(
            "B1 ours/reference ratio=2.00 floor=1 goal=2 pairs=7",
            "B2 ours/reference ratio=3.00 floor=1 goal=2 pairs=7"),
        lines());
    assertEquals(0, exit);
  }

  @Test
  void shouldRunOnlyWhatIsAskedFor() {
    int exit = bench(measured("B1", 2), measured("B2", 3)).run(List.of("b2"), out());
    assertEquals(List.of("B2 ours/reference ratio=3.00 floor=1 goal=2 pairs=7"), lines());
    assertEquals(0, exit);
  }

  @Test
  void shouldRunAllLinesOfAnId() {
    bench(measured("B8-p50", 2), measured("B8-p99", 3), measured("B80", 4))
        .run(List.of("b8"), out());
    assertEquals(
        List.of(
            "B8-p50 ours/reference ratio=2.00 floor=1 goal=2 pairs=7",
            "B8-p99 ours/reference ratio=3.00 floor=1 goal=2 pairs=7"),
        lines());
  }

  @Test
  void shouldRunTheOthersWhereOneLacksATool() {
    int exit = bench(unavailable("B1"), measured("B2", 3)).run(List.of(), out());
    assertEquals(List.of("B2 ours/reference ratio=3.00 floor=1 goal=2 pairs=7"), lines());
    assertEquals(1, exit);
  }

  @Test
  void shouldMarkLinesWithoutAGate() {
    bench(measured("B1", 2)).run(List.of("B1", Bench.NO_GATE), out());
    assertEquals(List.of("B1 ours/reference ratio=2.00 floor=1 goal=2 pairs=7 ungated"), lines());
  }

  @Test
  void shouldRefuseABenchmarkThatDoesNotExist() {
    assertEquals(2, bench(measured("B1", 2)).run(List.of("B1", "B99"), out()));
    assertEquals(List.of(), lines());
  }

  @Test
  void shouldExitWith1WhereTooFewPairsAreValid() {
    Bench bench = new Bench(List.of(measured("B1", 2)), () -> false, 0);
    assertEquals(1, bench.run(List.of(), out()));
    assertEquals(
        List.of("B1 ours/reference ratio=none floor=1 goal=2 pairs=0 valid=0/7 tries=84"), lines());
  }

  @Test
  void shouldCloseTheRigAfterwards() {
    bench(measured("B1", 2)).run(List.of(), out());
    assertTrue(rigs.getFirst().closed);
  }

  @Test
  void shouldKnowTheBenchmarksOfTheDesign() {
    assertEquals(
        List.of(
            "B1",
            "B2",
            "B3",
            "B4",
            "B5",
            "B6",
            "B7",
            "B8-p50",
            "B8-p99",
            "B10",
            "B11",
            "B12",
            "async-known-flows",
            "async-new-flows",
            "async-tcp",
            "sync-known-flows",
            "sync-new-flows",
            "sync-tcp"),
        new Bench().ids());
  }

  private static Bench bench(Benchmark... benchmarks) {
    return new Bench(List.of(benchmarks), () -> true, 0);
  }

  private PrintStream out() {
    return new PrintStream(printed, true, StandardCharsets.UTF_8);
  }

  private List<String> lines() {
    return printed.toString(StandardCharsets.UTF_8).lines().toList();
  }

  private Benchmark measured(String id, double ratio) {
    double[] ours = new double[100];
    double[] reference = new double[100];
    Arrays.fill(ours, ratio);
    Arrays.fill(reference, 1);
    return new Benchmark() {
      @Override
      public Title title() {
        return new Title(id, "ours/reference", "", "1", "2", false);
      }

      @Override
      public Rig open() {
        rigs.add(new ScriptedRig(new ArrayList<>(), ours, reference));
        return rigs.getLast();
      }
    };
  }

  private Benchmark unavailable(String id) {
    return new Benchmark() {
      @Override
      public Title title() {
        return new Title(id, "ours/reference", "", "1", "2", false);
      }

      @Override
      public Rig open() throws IOException {
        throw new UnavailableException(id + " needs a tool that is not there.");
      }
    };
  }
}
