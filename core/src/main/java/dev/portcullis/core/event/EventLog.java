package dev.portcullis.core.event;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.ModuleException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes events where the configuration wants them, on a thread of its own behind a bounded queue:
 * whoever has an event never waits. What finds the queue full, or cannot be written, is lost and
 * counted; trouble is said once, and again when it is over. The queue is two buffers: one is filled
 * while the other is written.
 *
 * <p>{@link #offer}, {@link #reopen} and {@link #close} may be called by any thread.
 */
public final class EventLog implements EventSink, MetricsSource, AutoCloseable {

  /** Lines are written in pieces of at most so many bytes. */
  private static final int PIECE = 64 * 1024;

  /** After a failure nothing is tried for so long. */
  private static final long RETRY_NS = 1_000_000_000L;

  /** How long {@link #close} waits for what is queued. */
  private static final long CLOSE_MS = 5_000;

  private final List<Reading> readings;
  private final String target;
  private final EventOutput output;
  private final Consumer<String> problems;
  private final LongSupplier nanoClock;
  private final Thread thread;
  private final Object monitor = new Object();
  private final int limit;
  private byte[] filling = new byte[8 * 1024];
  private int filled;
  private boolean closing;
  private boolean reopening;
  private @Nullable Consumer<EventSink> periodic;
  private long periodNs;
  private long nextPeriodNs;

  private boolean troubled;
  private long retryAtNs;
  private final AtomicLong written = new AtomicLong();
  private final AtomicLong lost = new AtomicLong();

  private EventLog(
      String module,
      String target,
      EventOutput output,
      int queueBytes,
      Consumer<String> problems,
      LongSupplier nanoClock) {
    this.target = target;
    this.output = output;
    this.limit = queueBytes;
    this.problems = problems;
    this.nanoClock = nanoClock;
    this.readings =
        List.of(
            new Reading(Counter.EVENTS_WRITTEN, List.of(module), this::written),
            new Reading(Counter.EVENTS_LOST, List.of(module), this::lost));
    this.thread = Thread.ofPlatform().daemon().name("events-" + module).unstarted(this::run);
  }

  /**
   * Opens the log of a module; null where the configuration wants none.
   *
   * @param module its name
   * @param problems told in a sentence what goes wrong later
   * @throws ModuleException when the file cannot be written
   */
  public static @Nullable EventLog open(
      GatewaySpec.Log log, String module, Consumer<String> problems) throws ModuleException {
    return open(log, module, problems, () -> System.currentTimeMillis() * 1_000_000);
  }

  static @Nullable EventLog open(
      GatewaySpec.Log log, String module, Consumer<String> problems, LongSupplier wallClockNs)
      throws ModuleException {
    GatewaySpec.Eve eve = log.eve();
    String path = eve.path() == null ? "" : eve.path().replace("{module}", module);
    EventOutput output;
    switch (eve.to()) {
      case FILE -> {
        try {
          output = new FileOutput(Path.of(path), eve.rotate(), wallClockNs);
        } catch (IOException e) {
          throw new ModuleException(
              ExitCode.INPUT, "spec.log.eve.path: " + path + " cannot be written: " + why(e));
        }
      }
      case SOCKET -> output = new SocketOutput(Path.of(path));
      case STDOUT -> output = new StreamOutput(new FileOutputStream(FileDescriptor.out));
      default -> {
        return null;
      }
    }
    EventLog opened =
        new EventLog(
            module,
            path.isEmpty() ? "standard output" : path,
            output,
            eve.queueBytes(),
            problems,
            System::nanoTime);
    opened.thread.start();
    return opened;
  }

  private static String why(IOException e) {
    if (e instanceof NoSuchFileException) {
      return "there is no such folder";
    }
    String reason = e instanceof FileSystemException f ? f.getReason() : e.getMessage();
    return reason == null ? e.getClass().getSimpleName() : reason;
  }

  /** From now on writes an event of type {@code stats} every {@code everyNs}. */
  public void stats(long everyNs, MetricsSource source) {
    EveWriter writer = new EveWriter();
    long startNs = nanoClock.getAsLong();
    every(
        everyNs,
        sink -> {
          long uptimeS = (nanoClock.getAsLong() - startNs) / 1_000_000_000L;
          writer.stats(
              System.currentTimeMillis() * 1_000_000L, uptimeS, StatsFigures.of(source.readings()));
          sink.offer(writer.end());
        });
  }

  /** From now on calls {@code what} on the thread of the log every {@code everyNs}. */
  void every(long everyNs, Consumer<EventSink> what) {
    synchronized (monitor) {
      periodic = what;
      periodNs = everyNs;
      nextPeriodNs = nanoClock.getAsLong() + everyNs;
      monitor.notifyAll();
    }
  }

  @Override
  public void offer(EveLine line) {
    int length = line.length();
    synchronized (monitor) {
      if (closing || length > PIECE || filled + length > limit) {
        lost.incrementAndGet();
        return;
      }
      if (filled + length > filling.length) {
        int larger = (int) Math.min(limit, Math.max(filling.length * 2L, filled + length));
        filling = java.util.Arrays.copyOf(filling, larger);
      }
      System.arraycopy(line.bytes(), 0, filling, filled, length);
      if (filled == 0) {
        monitor.notifyAll();
      }
      filled += length;
    }
  }

  @Override
  public void awaitRoom() {
    long deadlineNs = nanoClock.getAsLong() + 1_000_000_000L;
    synchronized (monitor) {
      try {
        while (filled > limit / 2 && nanoClock.getAsLong() < deadlineNs) {
          monitor.wait(100);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Opens the file again by its name: on SIGHUP, when a program has put it aside. */
  public void reopen() {
    synchronized (monitor) {
      reopening = true;
      monitor.notifyAll();
    }
  }

  private void run() {
    byte[] draining = new byte[8 * 1024];
    while (true) {
      int length;
      boolean last;
      boolean again;
      Consumer<EventSink> due = null;
      synchronized (monitor) {
        long now = nanoClock.getAsLong();
        while (filled == 0 && !closing && !reopening && (periodic == null || now < nextPeriodNs)) {
          try {
            long waitMs = periodic == null ? 0 : (nextPeriodNs - now) / 1_000_000 + 1;
            monitor.wait(waitMs);
          } catch (InterruptedException e) {
            closing = true;
          }
          now = nanoClock.getAsLong();
        }
        if (periodic != null && now >= nextPeriodNs) {
          due = periodic;
          nextPeriodNs = now + periodNs;
        }
        byte[] full = filling;
        filling = draining;
        draining = full;
        length = filled;
        filled = 0;
        monitor.notifyAll();
        last = closing;
        again = reopening;
        reopening = false;
      }
      if (again) {
        reopenNow();
      }
      writeAll(draining, length);
      if (due != null) {
        due.accept(this);
      }
      if (last) {
        end();
        return;
      }
    }
  }

  private void reopenNow() {
    try {
      output.reopen();
    } catch (IOException e) {
      trouble(e);
    }
  }

  private void writeAll(byte[] bytes, int length) {
    int from = 0;
    while (from < length) {
      int to = Math.min(length, from + PIECE);
      while (bytes[to - 1] != '\n') {
        to--;
      }
      write(bytes, from, to - from);
      from = to;
    }
  }

  private void write(byte[] bytes, int offset, int length) {
    int lines = 0;
    for (int i = offset; i < offset + length; i++) {
      lines += bytes[i] == '\n' ? 1 : 0;
    }
    if (troubled && nanoClock.getAsLong() < retryAtNs) {
      lost.addAndGet(lines);
      return;
    }
    try {
      output.write(bytes, offset, length);
      written.addAndGet(lines);
      if (troubled) {
        troubled = false;
        problems.accept(
            "events are written to " + target + " again; " + lost() + " were lost since the start");
      }
    } catch (IOException e) {
      lost.addAndGet(lines);
      trouble(e);
    }
  }

  private void trouble(IOException e) {
    retryAtNs = nanoClock.getAsLong() + RETRY_NS;
    if (!troubled) {
      troubled = true;
      problems.accept(
          "events cannot be written to "
              + target
              + ": "
              + why(e)
              + "; the gateway goes on and counts them as lost until they can");
    }
  }

  private void end() {
    try {
      output.close();
    } catch (IOException e) {
      trouble(e);
    }
  }

  /** Events that were written. */
  public long written() {
    return written.get();
  }

  /** Events that found the queue full or could not be written. */
  public long lost() {
    return lost.get();
  }

  @Override
  public List<Reading> readings() {
    return readings;
  }

  /** Writes what is queued, for a few seconds at most, and ends. */
  @Override
  public void close() {
    synchronized (monitor) {
      closing = true;
      monitor.notifyAll();
    }
    try {
      if (!thread.join(java.time.Duration.ofMillis(CLOSE_MS))) {
        problems.accept(
            target
                + " did not take all events within "
                + TimeUnit.MILLISECONDS.toSeconds(CLOSE_MS)
                + " s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
