package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class PairedRunTest {

  private final List<String> events = new ArrayList<>();

  @Test
  void shouldTakeTheMedianOfTheRatios() throws Exception {
    ScriptedRig rig =
        new ScriptedRig(events, new double[] {1, 9, 3, 2, 50}, new double[] {1, 1, 1, 1, 1});
    PairedRun.Result result = run(rig, () -> true, 5, 100);
    assertEquals(List.of(1.0, 9.0, 3.0, 2.0, 50.0), result.ratios());
    assertEquals(3.0, result.median());
  }

  @Test
  void shouldTakeTheMeanOfTheMiddleTwoOfAnEvenNumber() throws Exception {
    ScriptedRig rig = new ScriptedRig(events, new double[] {4, 1, 2, 9}, new double[] {1, 1, 1, 1});
    assertEquals(3.0, run(rig, () -> true, 4, 100).median());
  }

  @Test
  void shouldDivideOursByTheReference() throws Exception {
    ScriptedRig rig = new ScriptedRig(events, new double[] {6}, new double[] {4});
    assertEquals(List.of(1.5), run(rig, () -> true, 1, 100).ratios());
  }

  @Test
  void shouldInterleaveTheSidesAndLetEachGoFirstInTurn() throws Exception {
    ScriptedRig rig = new ScriptedRig(events, new double[] {1, 1, 1}, new double[] {1, 1, 1});
    run(rig, null, 3, 100);
    assertEquals(List.of("OURS", "REFERENCE", "REFERENCE", "OURS", "OURS", "REFERENCE"), events);
  }

  @Test
  void shouldAskTheGateBeforeAndAfterEveryWindow() throws Exception {
    ScriptedRig rig = new ScriptedRig(events, new double[] {1}, new double[] {1});
    run(rig, gate(true, true, true, true), 1, 100);
    assertEquals(List.of("gate", "OURS", "gate", "gate", "REFERENCE", "gate"), events);
  }

  @Test
  void shouldNotMeasureWhileTheGateIsShut() throws Exception {
    ScriptedRig rig = new ScriptedRig(events, new double[] {1}, new double[] {1});
    PairedRun.Result result = run(rig, gate(false, false, true, true, true, true), 1, 100);
    assertEquals(
        List.of("gate", "gate", "gate", "OURS", "gate", "gate", "REFERENCE", "gate"), events);
    assertEquals(4, result.tries());
  }

  @Test
  void shouldMeasureAWindowAgainThatEndsBeforeAShutGate() throws Exception {
    ScriptedRig rig = new ScriptedRig(events, new double[] {100, 8}, new double[] {4});
    PairedRun.Result result = run(rig, gate(true, false, true, true, true, true), 1, 100);
    assertEquals(List.of(2.0), result.ratios());
  }

  @Test
  void shouldGiveUpWhenTheTriesAreUsedUp() throws Exception {
    ScriptedRig rig = new ScriptedRig(events, new double[] {2}, new double[] {1});
    PairedRun.Result result = run(rig, gate(true, true, true, true, false, false, false), 7, 5);
    assertEquals(List.of(2.0), result.ratios());
    assertEquals(5, result.tries());
    assertFalse(result.enough());
  }

  @Test
  void shouldNeedFivePairs() {
    assertFalse(new PairedRun.Result(List.of(1.0, 1.0, 1.0, 1.0), 7, 50, true).enough());
    assertTrue(new PairedRun.Result(List.of(1.0, 1.0, 1.0, 1.0, 1.0), 7, 50, true).enough());
  }

  private static PairedRun.Result run(Rig rig, Gate gate, int pairs, int mostTries)
      throws Exception {
    return new PairedRun(rig, gate, pairs, mostTries, 0, _ -> {}).run();
  }

  /** A gate that gives these answers and is shut afterwards. */
  private Gate gate(Boolean... answers) {
    List<Boolean> left = new ArrayList<>(Arrays.asList(answers));
    return () -> {
      events.add("gate");
      return !left.isEmpty() && left.removeFirst();
    };
  }
}
