package dev.portcullis.standalone.replay;

/** A replay cannot go on. The message is one sentence; the exit code says whose fault it is. */
public final class ReplayException extends Exception {

  private static final long serialVersionUID = 1;

  private final int exitCode;

  /**
   * Makes the exception.
   *
   * @param exitCode 1: the input is at fault; 2: wrong usage; 3: the gateway failed
   */
  public ReplayException(int exitCode, String sentence) {
    super(sentence);
    this.exitCode = exitCode;
  }

  /** 1, 2 or 3. */
  public int exitCode() {
    return exitCode;
  }
}
