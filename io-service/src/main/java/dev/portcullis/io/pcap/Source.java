package dev.portcullis.io.pcap;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file that is read from front to back through one buffer, with numbers in the byte order of the
 * capture.
 */
final class Source implements AutoCloseable {

  private static final int BUFFER_BYTES = 256 * 1024;

  final Path file;
  private final InputStream in;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int at;
  private int end;
  private long offset;
  boolean littleEndian;

  Source(Path file) throws IOException {
    this.file = file;
    this.in = Files.newInputStream(file);
  }

  /** Bytes read so far. */
  long offset() {
    return offset + at;
  }

  /** Whether no byte is left. */
  boolean atEnd() throws IOException {
    return at == end && !refill();
  }

  private boolean refill() throws IOException {
    offset += end;
    at = 0;
    end = Math.max(0, in.read(buffer, 0, buffer.length));
    return end > 0;
  }

  /** Reads up to {@code length} bytes; returns how many there were. */
  int read(byte[] to, int from, int length) throws IOException {
    int done = 0;
    while (done < length && !atEnd()) {
      int n = Math.min(length - done, end - at);
      System.arraycopy(buffer, at, to, from + done, n);
      at += n;
      done += n;
    }
    return done;
  }

  /** Passes over {@code length} bytes; returns how many there were. */
  long skip(long length) throws IOException {
    long done = 0;
    while (done < length && !atEnd()) {
      int n = (int) Math.min(length - done, end - at);
      at += n;
      done += n;
    }
    return done;
  }

  int u16(byte[] bytes, int i) {
    int a = bytes[i] & 0xff;
    int b = bytes[i + 1] & 0xff;
    return littleEndian ? b << 8 | a : a << 8 | b;
  }

  long u32(byte[] bytes, int i) {
    long a = u16(bytes, i);
    long b = u16(bytes, i + 2);
    return littleEndian ? b << 16 | a : a << 16 | b;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
