package dev.portcullis.io.system;

/** Something that the system did not do; the message is one sentence for a person. */
public final class SystemException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** Makes it with a sentence that says what is wrong, where, and what would help. */
  public SystemException(String sentence) {
    super(sentence);
  }
}
