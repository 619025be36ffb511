package dev.portcullis.standalone.replay;

import dev.portcullis.io.pcap.CaptureReader;
import dev.portcullis.io.pcap.Frame;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The frames of several captures as one sequence. A file that is damaged gives what can be read of
 * it. Thread: one.
 */
public final class Frames implements AutoCloseable {

  private final List<Path> files;
  private final long most;
  private final List<String> problems = new ArrayList<>();
  private final Frame frame = new Frame();
  private int next;
  private @Nullable CaptureReader reader;
  private boolean held;
  private long number;

  /** Plays {@code files} one after the other. */
  public Frames(List<Path> files) {
    this(files, Long.MAX_VALUE);
  }

  /** Plays at most {@code most} frames of the files. */
  Frames(List<Path> files, long most) {
    this.files = files;
    this.most = most;
  }

  /** Returns the next frame without taking it; null at the end. */
  public @Nullable Frame peek() {
    while (!held) {
      if (number == most) {
        close();
        return null;
      }
      CaptureReader current = reader;
      if (current == null) {
        if (next == files.size()) {
          return null;
        }
        try {
          reader = CaptureReader.open(files.get(next++));
        } catch (IOException e) {
          problems.add(String.valueOf(e.getMessage()));
        }
        continue;
      }
      try {
        held = current.next(frame);
      } catch (IOException e) {
        problems.add(String.valueOf(e.getMessage()));
      }
      if (!held) {
        close();
      } else {
        number++;
      }
    }
    return frame;
  }

  /** Number of the frame that {@link #peek} returned, from 1. */
  public long number() {
    return number;
  }

  /** Takes the frame that {@link #peek} returned. */
  public void take() {
    held = false;
  }

  /** What could not be read: a sentence per file. */
  public List<String> problems() {
    return problems;
  }

  @Override
  public void close() {
    CaptureReader current = reader;
    reader = null;
    if (current != null) {
      try {
        current.close();
      } catch (IOException e) {
        problems.add(String.valueOf(e.getMessage()));
      }
    }
  }
}
