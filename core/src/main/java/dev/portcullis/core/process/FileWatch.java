package dev.portcullis.core.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Follows files. It looks every 2 seconds at their sizes and times, and says so when they have
 * changed and then stayed as they are for 2 seconds, so that a file that is being written is not
 * taken half.
 *
 * <p>Threads: one of its own calls the receiver; methods from any thread.
 */
final class FileWatch implements AutoCloseable {

  static final long POLL_MS = 2_000;

  private record Stamp(Path file, long modified, long size) {}

  private final List<Path> files;
  private final Runnable changed;
  private final ScheduledExecutorService thread;
  private List<Stamp> told;
  private List<Stamp> seen;

  /**
   * Begins to follow.
   *
   * @param name of the thread
   * @param files what is looked at
   * @param changed runs when one of them has changed
   * @param pollMs how often to look
   */
  FileWatch(String name, List<Path> files, Runnable changed, long pollMs) {
    this.files = List.copyOf(files);
    this.changed = changed;
    this.told = stamps();
    this.seen = told;
    ScheduledThreadPoolExecutor executor =
        new ScheduledThreadPoolExecutor(1, Thread.ofPlatform().daemon().name(name).factory());
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    executor.scheduleWithFixedDelay(this::look, pollMs, pollMs, TimeUnit.MILLISECONDS);
    this.thread = executor;
  }

  /** Takes the files as they are now, whether they have changed or not. */
  void readNow() {
    thread.execute(
        () -> {
          seen = stamps();
          tell();
        });
  }

  private void look() {
    List<Stamp> now = stamps();
    if (now.equals(seen) && !now.equals(told)) {
      tell();
    }
    seen = now;
  }

  private void tell() {
    told = seen;
    changed.run();
  }

  private List<Stamp> stamps() {
    List<Stamp> stamps = new ArrayList<>();
    for (Path file : files) {
      try {
        stamps.add(new Stamp(file, Files.getLastModifiedTime(file).toMillis(), Files.size(file)));
      } catch (IOException e) {
        stamps.add(new Stamp(file, -1, -1));
      }
    }
    return stamps;
  }

  /** Follows no more. */
  @Override
  public void close() {
    thread.shutdownNow();
  }
}
