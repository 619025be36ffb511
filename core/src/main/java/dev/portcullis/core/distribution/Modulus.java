package dev.portcullis.core.distribution;

/**
 * {@code V mod n} for one n and any unsigned V of up to 128 bits, without a division: a
 * multiplication by a stored reciprocal gives the quotient or one less, and one comparison settles
 * which. Immutable; any thread.
 */
final class Modulus {

  private final long n;
  private final long reciprocal;
  private final long twoTo64;

  /** Prepares for the divisor {@code n}: 1 to 2^31 - 1. */
  Modulus(int n) {
    if (n < 1) {
      throw new IllegalArgumentException("a divisor is 1 or more, not " + n);
    }
    this.n = n;
    this.reciprocal = Long.divideUnsigned(-1L, n);
    this.twoTo64 = (Long.remainderUnsigned(-1L, n) + 1) % n;
  }

  /** Returns {@code (high * 2^64 + low) mod n}: 0 to n - 1. */
  int of(long high, long low) {
    long r = remainder(low);
    if (high != 0) {
      // both factors are below n, so below 2^31: nothing overflows
      r = remainder(remainder(high) * twoTo64 + r);
    }
    return (int) r;
  }

  /**
   * With {@code reciprocal = (2^64 - 1 - e) / n} and {@code 0 <= e < n}, {@code v/n - v *
   * reciprocal / 2^64 = v (1 + e) / (n 2^64) < 1}: the quotient is at most one too small.
   */
  private long remainder(long v) {
    long r = v - Math.unsignedMultiplyHigh(v, reciprocal) * n;
    return r >= n ? r - n : r;
  }
}
