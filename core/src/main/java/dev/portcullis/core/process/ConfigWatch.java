package dev.portcullis.core.process;

import dev.portcullis.core.policy.GatewaySpec.LogLevel;
import dev.portcullis.core.policy.LiveChange;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * Follows the configuration files of a running gateway, as {@link FileWatch} does; {@link #readNow}
 * (SIGHUP) reads at once. What is at fault, or more than a running gateway can take, is said, every
 * line of it, and the old configuration stays in use.
 *
 * <p>Threads: one of its own calls the receivers; methods from any thread.
 */
public final class ConfigWatch implements AutoCloseable {

  /** Takes a configuration that was checked. */
  @FunctionalInterface
  public interface Change {

    /** The gateway is to work by this from now on. */
    void take(ModuleFiles.Loaded loaded);
  }

  private final List<Path> files;
  private final LiveChange allowed;
  private final Change change;
  private final Consumer<String> say;
  private final FileWatch watch;
  private ModuleFiles.Loaded inUse;

  private ConfigWatch(
      List<Path> files,
      ModuleFiles.Loaded inUse,
      LiveChange allowed,
      Change change,
      Consumer<String> say,
      long pollMs) {
    this.files = List.copyOf(files);
    this.inUse = inUse;
    this.allowed = allowed;
    this.change = change;
    this.say = say;
    this.watch = new FileWatch("config-watch", files, this::reread, pollMs);
  }

  /**
   * Begins to follow.
   *
   * @param files the configuration files
   * @param inUse what the gateway works by
   * @param allowed what may change
   * @param change takes what the files say later
   * @param say takes sentences for people
   */
  public static ConfigWatch start(
      List<Path> files,
      ModuleFiles.Loaded inUse,
      LiveChange allowed,
      Change change,
      Consumer<String> say) {
    return start(files, inUse, allowed, change, say, FileWatch.POLL_MS);
  }

  /**
   * As {@link #start(List, ModuleFiles.Loaded, LiveChange, Change, Consumer)}, looking every {@code
   * pollMs}.
   */
  static ConfigWatch start(
      List<Path> files,
      ModuleFiles.Loaded inUse,
      LiveChange allowed,
      Change change,
      Consumer<String> say,
      long pollMs) {
    return new ConfigWatch(files, inUse, allowed, change, say, pollMs);
  }

  /** Reads the files now, whether they have changed or not. */
  public void readNow() {
    watch.readNow();
  }

  private void reread() {
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
    String refusal = allowed.refusal(inUse.config(), loaded.config());
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
    watch.close();
  }
}
