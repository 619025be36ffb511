package dev.portcullis.standalone.replay;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code eve.json} of a replay: in one order, however the events arrived. First those that frames
 * caused, by the number of the frame and then by their text; then those that the end of time
 * caused, by start and number of the flow. Of the latter there can be as many as flows: they wait
 * in a temporary file, 32 bytes of each in memory. One thread.
 */
final class EventFile implements AutoCloseable {

  private record Event(long number, byte[] line) {}

  private record Late(long startNs, long flowId, long offset, int length) {}

  private static final Comparator<Event> ORDER =
      Comparator.comparingLong(Event::number)
          .thenComparing(Event::line, (a, b) -> Arrays.compareUnsigned(a, b));

  private final OutputStream out;
  private final List<Event> events = new ArrayList<>();
  private final List<Late> lates = new ArrayList<>();
  private @Nullable FileChannel lateFile;
  private long lateBytes;

  EventFile(Path file) throws IOException {
    out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16);
  }

  /**
   * Takes an event.
   *
   * @param number the frame that caused it, 0: the end of time did
   */
  void add(long number, long startNs, long flowId, byte[] bytes, int offset, int length)
      throws IOException {
    if (number > 0) {
      events.add(new Event(number, Arrays.copyOfRange(bytes, offset, offset + length)));
      return;
    }
    FileChannel file = lateFile;
    if (file == null) {
      file =
          FileChannel.open(
              Files.createTempFile("portcullis", ".events"),
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
      lateFile = file;
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
    while (buffer.hasRemaining()) {
      file.write(buffer);
    }
    lates.add(new Late(startNs, flowId, lateBytes, length));
    lateBytes += length;
  }

  /** All events of the frames so far are here. */
  void settle() throws IOException {
    events.sort(ORDER);
    for (Event it : events) {
      out.write(it.line());
    }
    events.clear();
  }

  /** Writes what waits, and one more line behind all. */
  void last(byte[] bytes, int length) throws IOException {
    settle();
    lates.sort(Comparator.comparingLong(Late::startNs).thenComparingLong(Late::flowId));
    for (int i = 0; i < lates.size(); ) {
      int end = i + 1;
      while (end < lates.size()
          && lates.get(end).startNs() == lates.get(i).startNs()
          && lates.get(end).flowId() == lates.get(i).flowId()) {
        end++;
      }
      List<byte[]> equal = new ArrayList<>();
      for (; i < end; i++) {
        equal.add(read(lates.get(i)));
      }
      equal.sort((a, b) -> Arrays.compareUnsigned(a, b));
      for (byte[] line : equal) {
        out.write(line);
      }
    }
    lates.clear();
    out.write(bytes, 0, length);
  }

  private byte[] read(Late late) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(late.length());
    FileChannel file = lateFile;
    while (file != null && buffer.hasRemaining()) {
      if (file.read(buffer, late.offset() + buffer.position()) < 0) {
        throw new IOException("the temporary file of events was cut");
      }
    }
    return buffer.array();
  }

  @Override
  public void close() throws IOException {
    FileChannel file = lateFile;
    lateFile = null;
    if (file != null) {
      file.close();
    }
    out.close();
  }
}
