package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import org.junit.jupiter.api.Test;

class GrowthTest {

  private static final Growth HEAP = new Growth("the heap", "MiB", 0.2, 4);

  @Test
  void shouldSayWhatGrewAndWhatIsAllowed() {
    assertEquals(
        "the heap grew from 20.0 to 40.0 MiB; allowed is 20 % and 4 MiB.",
        HEAP.fault(List.of(10.0, 10.0, 20.0, 20.0, 40.0, 40.0)));
  }

  @Test
  void shouldTakeTheBeginningForFilling() {
    assertNull(HEAP.fault(List.of(1.0, 5.0, 40.0, 41.0, 40.0, 42.0)));
  }

  @Test
  void shouldAllowTheShareAndTheSlack() {
    assertNull(HEAP.fault(List.of(0.0, 0.0, 100.0, 100.0, 124.0, 124.0)));
  }

  @Test
  void shouldNotJudgeFewSamples() {
    assertNull(HEAP.fault(List.of(1.0, 10.0, 100.0, 1000.0)));
  }
}
