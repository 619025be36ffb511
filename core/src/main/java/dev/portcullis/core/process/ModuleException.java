package dev.portcullis.core.process;

/**
 * Why a module does not start or cannot go on, in one sentence for people, and the exit code that
 * follows.
 */
public final class ModuleException extends Exception {

  private static final long serialVersionUID = 1;

  private final int exitCode;

  /**
   * Makes the exception.
   *
   * @param exitCode one of {@link ExitCode}, not {@code DONE}
   * @param sentence what is wrong, where, and what is allowed; several lines when there are several
   *     faults
   */
  public ModuleException(int exitCode, String sentence) {
    super(sentence);
    this.exitCode = exitCode;
  }

  /** The exit code of the process: one of {@link ExitCode}. */
  public int exitCode() {
    return exitCode;
  }

  /** The sentence. */
  public String sentence() {
    return String.valueOf(getMessage());
  }
}
