package dev.portcullis.core.process;

import dev.portcullis.core.policy.GatewaySpec.LogLevel;
import dev.portcullis.core.policy.LiveChange;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Follows the configuration files of a running gateway. It looks every 2 seconds at their sizes and
 * times, and reads them when they have changed and then stayed as they are for 2 seconds, so that a
 * file that is being written is not taken half; {@link #readNow} (SIGHUP) reads at once. What is at
 * fault, or more than a running gateway can take, is said, every line of it, and the old
 * configuration stays in use.
 *
 * <p>Threads: one of its own calls the receivers; methods from any thread.
 */
public final class ConfigWatch implements AutoCloseable {

  private static final long POLL_MS = 2_000;

  /** Takes a configuration that was checked. */
  @FunctionalInterface
  public interface Change {

    /** The gateway is to work by this from now on. */
    void take(ModuleFiles.Loaded loaded);
  }

  private record Stamp(Path file, long modified, long size) {}

  private final List<Path> files;
  private final Change change;
  private final Consumer<String> say;
  private final ScheduledExecutorService thread;
  private ModuleFiles.Loaded inUse;
  private List<Stamp> read;
  private List<Stamp> seen;

  private ConfigWatch(
      List<Path> files, ModuleFiles.Loaded inUse, Change change, Consumer<String> say) {
    this.files = List.copyOf(files);
    this.inUse = inUse;
    this.change = change;
    this.say = say;
    this.read = stamps();
    this.seen = read;
    ScheduledThreadPoolExecutor executor =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("config-watch").factory());
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    this.thread = executor;
  }

  /**
   * Begins to follow.
   *
   * @param files the configuration files
   * @param inUse what the gateway works by
   * @param change takes what the files say later
   * @param say takes sentences for people
   */
  public static ConfigWatch start(
      List<Path> files, ModuleFiles.Loaded inUse, Change change, Consumer<String> say) {
    return start(files, inUse, change, say, POLL_MS);
  }

  /**
   * As {@link #start(List, ModuleFiles.Loaded, Change, Consumer)}, looking every {@code pollMs}.
   */
  static ConfigWatch start(
      List<Path> files,
      ModuleFiles.Loaded inUse,
      Change change,
      Consumer<String> say,
      long pollMs) {
    ConfigWatch it = new ConfigWatch(files, inUse, change, say);
    it.thread.scheduleWithFixedDelay(it::look, pollMs, pollMs, TimeUnit.MILLISECONDS);
    return it;
  }

  /** Reads the files now, whether they have changed or not. */
  public void readNow() {
    thread.execute(
        () -> {
          seen = stamps();
          reread();
        });
  }

  private void look() {
    List<Stamp> now = stamps();
    if (now.equals(seen) && !now.equals(read)) {
      reread();
    }
    seen = now;
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

  private void reread() {
    read = seen;
    ModuleFiles.Loaded loaded;
    try {
      loaded = ModuleFiles.load(files);
    } catch (ModuleException e) {
      say.accept(e.sentence() + "\nthe old configuration stays in use");
      return;
    }
    if (loaded.source().equals(inUse.source())) {
      return;
    }
    String refusal = LiveChange.refusal(inUse.config(), loaded.config());
    if (refusal != null) {
      say.accept(refusal);
      return;
    }
    LogLevel before = inUse.config().gateway().log().level();
    LogLevel after = loaded.config().gateway().log().level();
    inUse = loaded;
    LogLevels.follow(loaded.config());
    change.take(loaded);
    say.accept(
        "the configuration has changed: the policy has "
            + loaded.config().policy().rules().size()
            + " rules now"
            + (after == before ? "" : ", the log level is " + LogLevels.nameOf(after)));
  }

  /** Follows no more. */
  @Override
  public void close() {
    thread.shutdownNow();
  }
}
