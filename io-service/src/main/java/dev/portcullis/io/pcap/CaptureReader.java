package dev.portcullis.io.pcap;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Reads a capture from front to back: one frame at a time, nothing kept.
 *
 * <p>Thread: one at a time.
 */
public interface CaptureReader extends AutoCloseable {

  /** The longest frame that is read; a longer one is taken for damage. */
  int MAX_FRAME_BYTES = 256 * 1024;

  /**
   * Reads the next frame.
   *
   * @return false at the end of the capture
   * @throws CaptureDamagedException when the rest cannot be read
   * @throws IOException when the file cannot be read
   */
  boolean next(Frame into) throws IOException;

  @Override
  void close() throws IOException;

  /**
   * Opens a pcap (microseconds or nanoseconds, either byte order) or pcapng file.
   *
   * @throws CaptureDamagedException when the file is neither, or its header is cut off
   * @throws IOException when the file cannot be read; the message is one sentence
   */
  static CaptureReader open(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException(
          file + ": there is no such file; a pcap or pcapng capture is needed");
    }
    if (!Files.isReadable(file) || Files.isDirectory(file)) {
      throw new IOException(file + ": cannot be read; a pcap or pcapng capture is needed");
    }
    Source source = new Source(file);
    try {
      byte[] magic = new byte[4];
      int n = source.read(magic, 0, 4);
      if (n < 4) {
        throw new CaptureDamagedException(
            file
                + ": is "
                + (n == 0 ? "empty" : n + " bytes long")
                + " and so not a pcap or pcapng capture");
      }
      source.littleEndian = false;
      long value = source.u32(magic, 0);
      return value == PcapngReader.SECTION_HEADER
          ? new PcapngReader(source)
          : PcapReader.open(source, value);
    } catch (IOException e) {
      source.close();
      throw e;
    }
  }
}
