package dev.portcullis.core.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigInteger;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ModulusTest {

  private static final long SEED = Long.getLong("portcullis.seed", 7_333_430L);
  private static final long[] EDGES = {
    0, 1, 2, -1, -2, Long.MAX_VALUE, Long.MIN_VALUE, 0xffff_ffffL, 1L << 32
  };

  @Test
  void shouldAgreeWithBigIntegerForRandomNumbersAndDivisors() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < 200_000; i++) {
      int n = 1 + (random.nextInt() >>> 1 + random.nextInt(31)) % Integer.MAX_VALUE;
      check(
          n,
          random.nextBoolean() ? 0 : random.nextLong(),
          random.nextLong() >>> random.nextInt(64));
    }
  }

  @Test
  void shouldAgreeWithBigIntegerAtTheEdges() {
    for (int n :
        new int[] {
          1, 2, 3, 4, 5, 7, 16, 255, 256, 65_536, 65_537, Integer.MAX_VALUE - 1, Integer.MAX_VALUE
        }) {
      for (long high : EDGES) {
        for (long low : EDGES) {
          check(n, high, low);
        }
      }
    }
  }

  @Test
  void shouldRefuseZero() {
    assertThrows(IllegalArgumentException.class, () -> new Modulus(0));
  }

  private static void check(int n, long high, long low) {
    BigInteger v = unsigned(high).shiftLeft(64).add(unsigned(low));
    assertEquals(
        v.mod(BigInteger.valueOf(n)).intValueExact(),
        new Modulus(n).of(high, low),
        () -> "seed " + SEED + ": " + v + " mod " + n);
  }

  private static BigInteger unsigned(long x) {
    return new BigInteger(Long.toUnsignedString(x));
  }
}
