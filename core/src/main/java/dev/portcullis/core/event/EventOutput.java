package dev.portcullis.core.event;

import java.io.IOException;

/** Where lines end up. Thread: that of the log. */
interface EventOutput extends AutoCloseable {

  /**
   * Writes whole lines; when it fails, nothing of them is there afterwards, as far as the output
   * can take back.
   */
  void write(byte[] bytes, int offset, int length) throws IOException;

  /** Opens again what has a name: somebody else may have put it aside. */
  void reopen() throws IOException;

  @Override
  void close() throws IOException;
}
