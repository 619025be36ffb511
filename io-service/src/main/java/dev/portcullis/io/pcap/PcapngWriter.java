package dev.portcullis.io.pcap;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Writes a pcapng file with nanoseconds, little-endian, one interface per link type in the order of
 * first use. The same frames give the same bytes. What was written before a fault stays a file that
 * can be read up to there.
 *
 * <p>Thread: one at a time.
 */
public final class PcapngWriter implements AutoCloseable {

  private static final int BUFFER_BYTES = 256 * 1024;

  private final Path file;
  private final OutputStream out;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int used;
  private int[] linkTypes = new int[4];
  private int interfaces;
  private @Nullable IOException fault;
  private boolean closed;

  private PcapngWriter(Path file, OutputStream out) {
    this.file = file;
    this.out = out;
  }

  /**
   * Creates the file, or empties it.
   *
   * @throws IOException when it cannot be written; the message is one sentence
   */
  public static PcapngWriter create(Path file) throws IOException {
    OutputStream out;
    try {
      out = Files.newOutputStream(file);
    } catch (IOException e) {
      throw new IOException(file + ": cannot be written: " + reason(e), e);
    }
    PcapngWriter writer = new PcapngWriter(file, out);
    writer.put32(0x0a0d0d0a);
    writer.put32(28);
    writer.put32(0x1a2b3c4d);
    writer.put32(1);
    writer.put32(-1);
    writer.put32(-1);
    writer.put32(28);
    return writer;
  }

  private static String reason(IOException e) {
    if (e instanceof java.nio.file.NoSuchFileException) {
      return "its folder is not there";
    }
    return e instanceof java.nio.file.FileSystemException f && f.getReason() != null
        ? f.getReason()
        : String.valueOf(e.getMessage());
  }

  /**
   * Writes a frame, gathered from two places of one buffer.
   *
   * @param wireLength its length on the wire; at least what is captured
   * @throws IOException when the file system is full or fails; the message is one sentence; the
   *     same again from then on
   */
  public void write(
      int linkType,
      long timeNs,
      byte[] bytes,
      int l2Offset,
      int l2Length,
      int dataOffset,
      int dataLength,
      int wireLength)
      throws IOException {
    int id = interfaceOf(linkType);
    int captured = l2Length + dataLength;
    int padding = -captured & 3;
    int length = 32 + captured + padding;
    put32(6);
    put32(length);
    put32(id);
    put32((int) (timeNs >>> 32));
    put32((int) timeNs);
    put32(captured);
    put32(wireLength);
    put(bytes, l2Offset, l2Length);
    put(bytes, dataOffset, dataLength);
    for (int i = 0; i < padding; i++) {
      put8(0);
    }
    put32(length);
  }

  private int interfaceOf(int linkType) throws IOException {
    for (int i = 0; i < interfaces; i++) {
      if (linkTypes[i] == linkType) {
        return i;
      }
    }
    if (interfaces == linkTypes.length) {
      linkTypes = java.util.Arrays.copyOf(linkTypes, interfaces * 2);
    }
    linkTypes[interfaces] = linkType;
    put32(1);
    put32(32);
    put32(linkType & 0xffff);
    put32(0);
    put32(9 | 1 << 16);
    put32(9);
    put32(0);
    put32(32);
    return interfaces++;
  }

  private void put32(int value) throws IOException {
    put8(value);
    put8(value >>> 8);
    put8(value >>> 16);
    put8(value >>> 24);
  }

  private void put8(int value) throws IOException {
    if (used == buffer.length) {
      flush();
    }
    buffer[used++] = (byte) value;
  }

  private void put(byte[] bytes, int offset, int length) throws IOException {
    int done = 0;
    while (done < length) {
      if (used == buffer.length) {
        flush();
      }
      int n = Math.min(length - done, buffer.length - used);
      System.arraycopy(bytes, offset + done, buffer, used, n);
      used += n;
      done += n;
    }
  }

  /**
   * Hands everything to the file system.
   *
   * @throws IOException when it does not take it; the message is one sentence
   */
  public void flush() throws IOException {
    IOException before = fault;
    if (before != null) {
      used = 0;
      throw before;
    }
    try {
      out.write(buffer, 0, used);
      used = 0;
    } catch (IOException e) {
      IOException sentence =
          new IOException(file + ": cannot be written any further: " + reason(e), e);
      fault = sentence;
      used = 0;
      throw sentence;
    }
  }

  /** Writes what is gathered and closes the file. */
  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    try {
      if (fault == null) {
        flush();
      }
    } finally {
      out.close();
    }
  }
}
