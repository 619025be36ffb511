package dev.portcullis.standalone.simulate;

/**
 * Something that a schedule does to the gateway.
 *
 * @param atNs when
 * @param kind what
 * @param which worker, IO module or channel, modulo what there is
 * @param durationNs for how long, where it lasts
 */
record Happening(long atNs, Kind kind, int which, long durationNs) {

  /** What can happen. */
  enum Kind {
    /** {@code which}, as bits, are the workers that are wanted. */
    SCALE,
    /** All of a module stands still. */
    PAUSE,
    /** A channel breaks. */
    BREAK,
    /** The switch restarts: all channels between workers break. */
    SWITCH,
    /** Management does not reach a module. */
    CUT,
    /** A coordinator of a new term takes over; the one before does not notice. */
    COORDINATOR,
    /** A coordinator of a new term takes over from one that died. */
    SUCCESSION,
    /** An IO module leaves, or comes back. */
    IO,
    /** A process is gone at once, with all that it has; another begins in its place. */
    KILL
  }

  @Override
  public String toString() {
    return String.format(
        java.util.Locale.ROOT,
        "%.6f s %s %s%s",
        atNs / 1e9,
        kind,
        kind == Kind.SCALE ? Integer.toBinaryString(which) : Integer.toString(which),
        durationNs == 0
            ? ""
            : String.format(java.util.Locale.ROOT, " for %.6f s", durationNs / 1e9));
  }
}
