package dev.portcullis.standalone.cli;

/** A command ends with an exit code and something to say: a sentence, or one a line. */
final class CommandException extends Exception {

  private static final long serialVersionUID = 1;

  private final int exitCode;

  CommandException(int exitCode, String sentence) {
    super(sentence);
    this.exitCode = exitCode;
  }

  int exitCode() {
    return exitCode;
  }
}
