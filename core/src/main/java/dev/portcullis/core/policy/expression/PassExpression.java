package dev.portcullis.core.policy.expression;

import org.jspecify.annotations.Nullable;

/**
 * A passing algorithm that a user wrote (patent, claim F11 and D6): V of a packet, by an expression
 * in CEL over its header fields. Checked and compiled once; evaluated per packet in some tens of
 * nanoseconds without an object. It has no clock, no randomness and no state, so all modules that
 * have it agree.
 *
 * <p>Immutable; any thread.
 */
public final class PassExpression {

  /** The longest text, in characters. */
  public static final int MAX_LENGTH = 1000;

  /** What an expression may use, for people. */
  public static final String ALLOWED =
      "src, dst, sport, dport, proto, version (int), srcHigh, srcLow, dstHigh, dstLow (uint),"
          + " + - * / %, comparisons, && || !, ?:, in [...], int(), uint(), min(), max(), mix()";

  private final Term term;

  PassExpression(Term term) {
    this.term = term;
  }

  /**
   * What became of a text.
   *
   * @param expression the expression, null where the text is wrong
   * @param problem what is wrong: line and column, and a sentence; null where nothing is
   */
  public record Compiled(@Nullable PassExpression expression, @Nullable String problem) {}

  /** Checks and compiles a text; never throws. */
  public static Compiled compile(String text) {
    return new ExpressionCompiler(text).compile();
  }

  /**
   * Returns V. When {@link HeaderFields#failed} says so afterwards - something was divided by zero
   * or overflowed - there is none.
   */
  public long v(HeaderFields fields) {
    fields.failed = false;
    return term.value(fields);
  }
}
