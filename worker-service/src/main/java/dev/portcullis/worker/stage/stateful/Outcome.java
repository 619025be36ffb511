package dev.portcullis.worker.stage.stateful;

/** What a tracker says about a packet in place of the state after it: negative numbers. */
final class Outcome {

  /** The packet passes, and changes neither state nor timeout. */
  static final int PASSES = -1;

  /** It does not fit the state. */
  static final int OUT_OF_STATE = -2;

  /** It does not fit the windows. */
  static final int OUT_OF_WINDOW = -3;

  /** It belongs to a connection whose beginning was not seen. */
  static final int MIDSTREAM = -4;

  private Outcome() {}
}
