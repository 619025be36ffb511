package dev.portcullis.standalone.simulate;

/** An invariant does not hold. */
final class Violation extends RuntimeException {

  private static final long serialVersionUID = 1;

  private final String invariant;

  /** One of I1 to I6, or {@code liveness}, and a sentence. */
  Violation(String invariant, String sentence) {
    super(invariant + ": " + sentence);
    this.invariant = invariant;
  }

  String invariant() {
    return invariant;
  }
}
