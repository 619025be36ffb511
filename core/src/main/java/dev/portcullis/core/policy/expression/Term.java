package dev.portcullis.core.policy.expression;

import dev.portcullis.core.distribution.Lanes;

/**
 * A part of an expression, compiled: computes a CEL value from header fields without allocating.
 * {@code int} and {@code uint} are their 64 bits, {@code bool} is 0 or 1. What CEL calls an error
 * sets {@link HeaderFields#failed}; the value then means nothing. Immutable; any thread.
 */
interface Term {

  /** Computes the value. */
  long value(HeaderFields f);

  private static long fail(HeaderFields f) {
    f.failed = true;
    return 0;
  }

  /** {@code a + b} of CEL's int. */
  static Term add(Term a, Term b) {
    return f -> {
      long x = a.value(f);
      long y = b.value(f);
      long sum = x + y;
      return ((x ^ sum) & (y ^ sum)) < 0 ? fail(f) : sum;
    };
  }

  /** {@code a + b} of CEL's uint. */
  static Term addUnsigned(Term a, Term b) {
    return f -> {
      long x = a.value(f);
      long sum = x + b.value(f);
      return Long.compareUnsigned(sum, x) < 0 ? fail(f) : sum;
    };
  }

  /** {@code a - b} of CEL's int. */
  static Term subtract(Term a, Term b) {
    return f -> {
      long x = a.value(f);
      long y = b.value(f);
      long difference = x - y;
      return ((x ^ y) & (x ^ difference)) < 0 ? fail(f) : difference;
    };
  }

  /** {@code a - b} of CEL's uint. */
  static Term subtractUnsigned(Term a, Term b) {
    return f -> {
      long x = a.value(f);
      long y = b.value(f);
      return Long.compareUnsigned(x, y) < 0 ? fail(f) : x - y;
    };
  }

  /** {@code a * b} of CEL's int. */
  static Term multiply(Term a, Term b) {
    return f -> {
      long x = a.value(f);
      long y = b.value(f);
      long product = x * y;
      return Math.multiplyHigh(x, y) != product >> 63 ? fail(f) : product;
    };
  }

  /** {@code a * b} of CEL's uint. */
  static Term multiplyUnsigned(Term a, Term b) {
    return f -> {
      long x = a.value(f);
      long y = b.value(f);
      return Math.unsignedMultiplyHigh(x, y) != 0 ? fail(f) : x * y;
    };
  }

  /** {@code a / b} of CEL's int. */
  static Term divide(Term a, Term b) {
    return f -> {
      long x = a.value(f);
      long y = b.value(f);
      return y == 0 || x == Long.MIN_VALUE && y == -1 ? fail(f) : x / y;
    };
  }

  /** {@code a / b} of CEL's uint. */
  static Term divideUnsigned(Term a, Term b) {
    return f -> {
      long x = a.value(f);
      long y = b.value(f);
      return y == 0 ? fail(f) : Long.divideUnsigned(x, y);
    };
  }

  /** {@code a % b} of CEL's int. */
  static Term remainder(Term a, Term b) {
    return f -> {
      long x = a.value(f);
      long y = b.value(f);
      return y == 0 ? fail(f) : x % y;
    };
  }

  /** {@code a % b} of CEL's uint. */
  static Term remainderUnsigned(Term a, Term b) {
    return f -> {
      long x = a.value(f);
      long y = b.value(f);
      return y == 0 ? fail(f) : Long.remainderUnsigned(x, y);
    };
  }

  /** {@code -a}. */
  static Term negate(Term a) {
    return f -> {
      long x = a.value(f);
      return x == Long.MIN_VALUE ? fail(f) : -x;
    };
  }

  /**
   * {@code int(a)} of a uint, {@code uint(a)} of an int: both fail above the range of the other.
   */
  static Term convert(Term a) {
    return f -> {
      long x = a.value(f);
      return x < 0 ? fail(f) : x;
    };
  }

  /** {@code !a}. */
  static Term not(Term a) {
    return f -> 1 - a.value(f);
  }

  /** {@code a == b}. */
  static Term equal(Term a, Term b) {
    return f -> a.value(f) == b.value(f) ? 1 : 0;
  }

  /** {@code a < b} of CEL's int. */
  static Term less(Term a, Term b) {
    return f -> a.value(f) < b.value(f) ? 1 : 0;
  }

  /** {@code a < b} of CEL's uint. */
  static Term lessUnsigned(Term a, Term b) {
    return f -> Long.compareUnsigned(a.value(f), b.value(f)) < 0 ? 1 : 0;
  }

  /**
   * {@code a && b}, or with {@code decisive} 1 {@code a || b}: a side that decides alone makes up
   * for a failure of the other.
   */
  static Term both(Term a, Term b, long decisive) {
    return f -> {
      boolean before = f.failed;
      f.failed = false;
      long x = a.value(f);
      boolean left = f.failed;
      if (!left && x == decisive) {
        f.failed = before;
        return decisive;
      }
      f.failed = false;
      long y = b.value(f);
      boolean right = f.failed;
      if (!right && y == decisive) {
        f.failed = before;
        return decisive;
      }
      f.failed = before || left || right;
      return 1 - decisive;
    };
  }

  /** {@code a ? b : c}. */
  static Term choose(Term a, Term b, Term c) {
    return f -> a.value(f) != 0 ? b.value(f) : c.value(f);
  }

  /** {@code a in [...]}. */
  static Term in(Term a, Term[] list) {
    return f -> {
      long x = a.value(f);
      long found = 0;
      for (Term it : list) {
        found |= it.value(f) == x ? 1 : 0;
      }
      return found;
    };
  }

  /** {@code min(a, b)}. */
  static Term min(Term a, Term b) {
    return f -> Math.min(a.value(f), b.value(f));
  }

  /** {@code max(a, b)}. */
  static Term max(Term a, Term b) {
    return f -> Math.max(a.value(f), b.value(f));
  }

  /** {@code mix(a)}: the bits spread, without a sign. */
  static Term mix(Term a) {
    return f -> Lanes.mix(a.value(f)) & Long.MAX_VALUE;
  }
}
