package dev.portcullis.standalone.bench;

import java.io.IOException;

/** A benchmark cannot run here; the message is one sentence that names what is missing. */
final class UnavailableException extends IOException {

  private static final long serialVersionUID = 1;

  UnavailableException(String sentence) {
    super(sentence);
  }
}
