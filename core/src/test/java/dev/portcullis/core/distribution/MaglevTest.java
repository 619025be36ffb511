package dev.portcullis.core.distribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MaglevTest {

  @Test
  void shouldHaveAPrimeSizeWhateverTheNumberOfWorkers() {
    assertTrue(BigInteger.valueOf(Maglev.SIZE).isProbablePrime(50));
    for (int n : new int[] {1, 2, 3, 16, 257}) {
      assertEquals(65_537, Maglev.slots(firstWorkers(n)).length);
    }
  }

  @Test
  void shouldFillEverySlotWithOneOfTheWorkers() {
    int[] numbers = {3, 17, 1000, 70_000};
    for (int owner : Maglev.slots(numbers)) {
      assertTrue(Arrays.binarySearch(numbers, owner) >= 0, () -> "a slot belongs to " + owner);
    }
  }

  @Test
  void shouldGiveAllWorkersTheSameShareUpToOneSlot() {
    for (int n : new int[] {1, 2, 3, 5, 8, 16, 64, 200}) {
      int[] shares = new int[n];
      for (int owner : Maglev.slots(firstWorkers(n))) {
        shares[owner]++;
      }
      int spread =
          Arrays.stream(shares).max().orElseThrow() - Arrays.stream(shares).min().orElseThrow();
      assertTrue(spread <= 1, () -> n + " workers: shares differ by " + spread);
    }
  }

  @Test
  void shouldMoveFewMoreThanOneInNPlusOneSlotsForOneWorkerMore() {
    for (int n = 1; n <= 32; n++) {
      int[] before = Maglev.slots(firstWorkers(n));
      int[] after = Maglev.slots(firstWorkers(n + 1));
      int moved = differences(before, after);
      double ideal = (double) Maglev.SIZE / (n + 1);
      int workers = n;
      assertTrue(
          moved <= 1.5 * ideal,
          () -> workers + " to " + (workers + 1) + ": " + moved / ideal + " times 1/(N+1)");
    }
  }

  @Test
  void shouldMoveFewMoreThanItsShareWhenAWorkerInTheMiddleLeaves() {
    int[] before = Maglev.slots(firstWorkers(8));
    int[] after = Maglev.slots(new int[] {0, 1, 2, 4, 5, 6, 7});
    int moved = differences(before, after);
    assertTrue(moved <= 1.5 * Maglev.SIZE / 8, () -> moved + " slots moved");
  }

  @Test
  void shouldDependOnNothingButTheNumbers() {
    assertArrayEquals(Maglev.slots(firstWorkers(5)), Maglev.slots(firstWorkers(5)));
  }

  private static int differences(int[] before, int[] after) {
    return (int) IntStream.range(0, Maglev.SIZE).filter(i -> before[i] != after[i]).count();
  }

  private static int[] firstWorkers(int n) {
    return IntStream.range(0, n).toArray();
  }
}
