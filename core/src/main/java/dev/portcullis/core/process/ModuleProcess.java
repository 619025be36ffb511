package dev.portcullis.core.process;

import java.io.PrintStream;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import sun.misc.Signal;

/**
 * The life of the one module of a process, from start to exit code, as its health shows it. Any
 * thread may ask; {@link #run} belongs to the main thread.
 */
public final class ModuleProcess {

  private final String name;
  private final AtomicReference<@Nullable ModuleException> failure = new AtomicReference<>();
  private volatile @Nullable RunningModule module;

  /**
   * Prepares the process.
   *
   * @param name what the module is called in messages: {@code IO module}, {@code worker}, {@code
   *     switch}
   */
  public ModuleProcess(String name) {
    this.name = name;
  }

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

  /** Runs {@code task} on SIGHUP, which ends a process that does not ask for it. */
  public static void onHangUp(Runnable task) {
    Signal.handle(new Signal("HUP"), signal -> task.run());
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

  /** Returns live flows of the module that a filter lets through; none before it was started. */
  public FlowPage flows(FlowFilter filter) {
    RunningModule running = module;
    return running == null ? FlowPage.NONE : running.flows(filter);
  }

  /** Returns the last changes of table as JSON; null before the module was started. */
  public @Nullable String scaleEvents() {
    RunningModule running = module;
    return running == null ? null : running.scaleEvents();
  }

  /** Returns the table and who works by it as JSON; null before the module was started. */
  public @Nullable String controlStatus() {
    RunningModule running = module;
    return running == null ? null : running.controlStatus();
  }

  /** Returns whether nothing has failed. */
  public boolean live() {
    return failure.get() == null;
  }

  /**
   * Starts the module, says where it can be reached, waits, stops it.
   *
   * @param settings what the module is told
   * @param runner makes the module
   * @param meters shows the numbers of the module
   * @param http where health and metrics answer
   * @param untilExit returns when the process shall end
   * @param exit makes {@code untilExit} return; any thread
   * @param out gets one line when the module has started
   * @param err gets one sentence when something fails
   * @return the exit code
   */
  public int run(
      Settings settings,
      ModuleRunner runner,
      Meters meters,
      HostPort http,
      Runnable untilExit,
      Runnable exit,
      PrintStream out,
      PrintStream err) {
    try {
      ModuleSettings read = settings.read();
      LogLevels.start(System.getProperty(LogLevels.PROPERTY), read.files());
      RunningModule running =
          runner.start(
              read,
              reason -> {
                failure.compareAndSet(null, reason);
                exit.run();
              });
      module = running;
      onHangUp(running::hangUp);
      meters.follow(running.metrics());
      out.println(started(read.name(), running.links(), http));
      untilExit.run();
      if (live()) {
        running.leave();
      }
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

  private String started(String which, @Nullable HostPort links, HostPort http) {
    return name
        + (which.isEmpty() ? ": " : " " + which + ": ")
        + (links == null ? "" : "links on " + links + ", ")
        + "health and metrics on "
        + http;
  }

  /**
   * Ends a process whose framework has ended.
   *
   * @param code the exit code that it ended with
   * @param failure why it did not start; null when it did
   */
  public static void exit(String name, int code, @Nullable Throwable failure) {
    if (failure == null) {
      System.exit(code);
      return;
    }
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    System.err.println("the " + name + " does not start: " + cause.getMessage());
    System.exit(ExitCode.FAILED);
  }
}
