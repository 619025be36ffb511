package dev.portcullis.core.process;

import java.io.PrintStream;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import sun.misc.Signal;

/**
 * The life of the one module of a process, from start to exit code, as its health shows it. Any
 * thread may ask; {@link #run} belongs to the main thread.
 */
public final class ModuleProcess {

  private final AtomicReference<@Nullable ModuleException> failure = new AtomicReference<>();
  private volatile @Nullable RunningModule module;

  /** Settings that may turn out to be faulty when they are read. */
  @FunctionalInterface
  public interface Settings {

    /**
     * Returns the settings.
     *
     * @throws ModuleException when they are not complete and well-formed
     */
    ModuleSettings read() throws ModuleException;
  }

  /**
   * Runs {@code stop} on SIGTERM and SIGINT instead of what the JVM does by itself: a stop that was
   * asked for is no failure, so the process ends with exit code 0 and not with 128 + the number of
   * the signal.
   */
  public static void onStopSignal(Runnable stop) {
    Signal.handle(new Signal("TERM"), signal -> stop.run());
    Signal.handle(new Signal("INT"), signal -> stop.run());
  }

  /** Runs {@code reload} on SIGHUP, which ends a process that does not ask for it. */
  public static void onReloadSignal(Runnable reload) {
    Signal.handle(new Signal("HUP"), signal -> reload.run());
  }

  /** Returns whether the module runs and has a table. */
  public boolean ready() {
    RunningModule running = module;
    return running != null && running.ready();
  }

  /** Returns whether the module was started. */
  public boolean started() {
    return module != null;
  }

  /** Returns whether nothing has failed. */
  public boolean live() {
    return failure.get() == null;
  }

  /**
   * Starts the module, waits, stops it.
   *
   * @param settings what the module is told
   * @param runner makes the module
   * @param started is called once with the running module
   * @param untilExit returns when the process shall end
   * @param exit makes {@code untilExit} return; any thread
   * @param err gets one sentence when something fails
   * @return the exit code
   */
  public int run(
      Settings settings,
      ModuleRunner runner,
      Consumer<RunningModule> started,
      Runnable untilExit,
      Runnable exit,
      PrintStream err) {
    try {
      RunningModule running =
          runner.start(
              settings.read(),
              reason -> {
                failure.compareAndSet(null, reason);
                exit.run();
              });
      module = running;
      started.accept(running);
      untilExit.run();
      running.stop();
    } catch (ModuleException e) {
      failure.compareAndSet(null, e);
    }
    ModuleException reason = failure.get();
    if (reason == null) {
      return ExitCode.DONE;
    }
    err.println(reason.sentence());
    return reason.exitCode();
  }
}
