package dev.portcullis.switching.management;

/**
 * Why a report was refused.
 *
 * @param cause what sort of fault
 * @param sentence what is wrong, for people
 */
public record Refusal(Cause cause, String sentence) {

  /** Sorts of faults; each is counted apart. */
  public enum Cause {
    /** A message that cannot be understood, or comes out of turn. */
    MALFORMED,
    /** A version of the protocol that is not spoken here. */
    VERSION,
    /** A kind or number that the configuration does not have. */
    UNKNOWN_MODULE,
    /** A younger life of the module has been here. */
    STALE_GENERATION,
    /** What the module says of itself contradicts the configuration. */
    CONTRADICTION,
    /** The certificate of the peer is not that of the module that it says it is. */
    IDENTITY,
    /** Another life of the worker goes on in the process of its guardian. */
    OCCUPIED,
    /** No hello in time. */
    SILENT;

    /** Value of the label in metrics: lower case with hyphens. */
    public String label() {
      return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    }
  }
}
