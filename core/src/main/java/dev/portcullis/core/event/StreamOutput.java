package dev.portcullis.core.event;

import java.io.IOException;
import java.io.OutputStream;

/** Standard output. */
final class StreamOutput implements EventOutput {

  private final OutputStream stream;

  StreamOutput(OutputStream stream) {
    this.stream = stream;
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    stream.write(bytes, offset, length);
    stream.flush();
  }

  @Override
  public void reopen() {}

  @Override
  public void close() throws IOException {
    stream.flush();
  }
}
