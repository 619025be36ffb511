package dev.portcullis.core.policy;

/**
 * What is wrong at one place of a configuration.
 *
 * @param file name of the file
 * @param line line, from 1
 * @param path the field, for example {@code spec.io[0].ports[1].driver}; {@code document} where
 *     there is none
 * @param message one sentence: what is wrong and what is allowed
 */
public record Fault(String file, int line, String path, String message) {

  /** Keeps the fault on one line, whatever stands in the file: control characters become spaces. */
  public Fault {
    path = oneLine(path);
    message = oneLine(message);
  }

  private static String oneLine(String text) {
    return text.chars().anyMatch(Character::isISOControl)
        ? text.replaceAll("\\p{Cntrl}", " ")
        : text;
  }

  /** The line for people: {@code file:line: path: message}. */
  @Override
  public String toString() {
    return file + ":" + line + ": " + path + ": " + message;
  }
}
