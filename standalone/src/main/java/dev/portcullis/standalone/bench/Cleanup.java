package dev.portcullis.standalone.bench;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Undoes what a benchmark did to the machine, last thing first: when it is closed, and when the JVM
 * ends before that (Ctrl-C, SIGTERM). Any thread.
 */
final class Cleanup implements AutoCloseable {

  private final Deque<Runnable> steps = new ArrayDeque<>();
  private final Thread hook = new Thread(this::undo, "bench-cleanup");

  Cleanup() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** Adds a step; it must not throw. */
  synchronized void add(Runnable step) {
    steps.push(step);
  }

  private synchronized void undo() {
    while (!steps.isEmpty()) {
      steps.pop().run();
    }
  }

  @Override
  public void close() {
    undo();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException _) {
      // the JVM is ending and the hook runs already
    }
  }
}
