package dev.portcullis.core.management;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BackOffTest {

  private static final long SEED = Long.getLong("portcullis.seed", 11L);

  private final BackOff backOff = new BackOff(100, 5_000, new SplittableRandom(SEED));

  @Test
  void shouldDoubleTheDelayFrom100MsUpTo5SecondsWithJitterDownToHalf() {
    for (long bound : new long[] {100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000}) {
      long delay = backOff.nextMs();
      assertTrue(
          delay >= bound / 2 && delay <= bound,
          () -> delay + " ms for " + bound + " ms, seed " + SEED);
    }
  }

  @Test
  void shouldBeginAgainAfterASuccess() {
    for (int i = 0; i < 10; i++) {
      backOff.nextMs();
    }
    backOff.reset();
    long delay = backOff.nextMs();
    assertTrue(delay <= 100, () -> delay + " ms, seed " + SEED);
  }

  @Test
  void shouldSpreadModulesThatLostTheSamePeer() {
    BackOff other = new BackOff(100, 5_000, new SplittableRandom(SEED + 1));
    long mine = 0;
    long others = 0;
    for (int i = 0; i < 10; i++) {
      mine += backOff.nextMs();
      others += other.nextMs();
    }
    assertNotEquals(mine, others, () -> "seed " + SEED);
  }
}
