package dev.portcullis.core.link;

import io.netty.channel.EventLoop;
import java.util.concurrent.TimeUnit;

/**
 * One thread that a lane of a module lives on: streams, state and sending. It sleeps in the kernel
 * while there is nothing to do. Nothing that runs on it may block.
 *
 * <p>Thread: any, for all methods.
 */
public final class LinkLoop {

  private final EventLoop eventLoop;

  LinkLoop(EventLoop eventLoop) {
    this.eventLoop = eventLoop;
  }

  /** Runs {@code task} on the loop, after what is already waiting there. */
  public void execute(Runnable task) {
    eventLoop.execute(task);
  }

  /** Runs {@code task} on the loop in {@code delayNs} nanoseconds. */
  public void schedule(Runnable task, long delayNs) {
    eventLoop.schedule(task, delayNs, TimeUnit.NANOSECONDS);
  }

  /** Returns whether the calling thread is this loop. */
  public boolean isCurrent() {
    return eventLoop.inEventLoop();
  }

  EventLoop eventLoop() {
    return eventLoop;
  }
}
