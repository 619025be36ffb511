package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.io.system.SystemCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The thread that takes frames in from a device: fills batches and hands them to the loop of the IO
 * module, which gives them back. {@link #BATCHES} batches go round; while all are with the loop,
 * frames wait in the queue of the kernel, which drops and counts what it has no room for. A sink
 * that may not take a batch now ({@link FrameSink#mayTake}) gets it later, and none before it.
 *
 * <p>It sleeps in the kernel while there is nothing to read. Thread: {@link #start} and {@link
 * #close} by the loop, once.
 */
final class Intake {

  /** Batches that go round. */
  static final int BATCHES = 4;

  private static final int POLL_FD_BYTES = 8;
  private static final int EVENTS_AT = 6;
  private static final int PAUSE_MS = 200;
  private static final long AGAIN_NS = 1_000_000;
  private static final long JOIN_MS = 2_000;

  private final FrameSource source;
  private final LinkLoop loop;
  private final FrameSink sink;
  private final Thread thread;
  private final SystemCalls calls = new SystemCalls();
  private final int wake;
  private final BlockingQueue<Delivery> free = new ArrayBlockingQueue<>(BATCHES);
  private final ArrayDeque<Delivery> arrived = new ArrayDeque<>(BATCHES);
  private final Runnable deliver = this::deliver;
  private boolean waiting;
  private volatile boolean stopping;

  /** A batch on its way to the loop and back. */
  private final class Delivery implements Runnable {
    final PacketBatch batch = new PacketBatch(PacketBatch.MAX_BYTES);

    /** Runs on the loop. */
    @Override
    public void run() {
      arrived.add(this);
      if (!waiting) {
        deliver();
      }
    }
  }

  /** Hands on what has arrived, in order, as far as it may. Runs on the loop. */
  private void deliver() {
    waiting = false;
    Delivery next;
    while ((next = arrived.peek()) != null) {
      if (!stopping && !sink.mayTake()) {
        waiting = true;
        loop.schedule(deliver, AGAIN_NS);
        return;
      }
      arrived.remove();
      try {
        if (!stopping) {
          sink.take(next.batch);
        }
      } finally {
        free.add(next);
      }
    }
  }

  /**
   * Makes the thread; it reads nothing before {@link #start}.
   *
   * @param name name of the thread
   */
  Intake(String name, FrameSource source, LinkLoop loop, FrameSink sink) {
    this.source = source;
    this.loop = loop;
    this.sink = sink;
    this.wake = calls.eventfd();
    for (int i = 0; i < BATCHES; i++) {
      free.add(new Delivery());
    }
    this.thread = Thread.ofPlatform().daemon().name(name).unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  private void run() {
    SystemCalls own = new SystemCalls();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment polled = arena.allocate(2 * POLL_FD_BYTES, 4);
      polled.set(JAVA_INT, 0, source.descriptor());
      polled.set(JAVA_SHORT, 4, (short) SystemCalls.POLLIN);
      polled.set(JAVA_INT, POLL_FD_BYTES, wake);
      polled.set(JAVA_SHORT, POLL_FD_BYTES + 4, (short) SystemCalls.POLLIN);
      while (!stopping) {
        Delivery next = free.take();
        next.batch.count = 0;
        boolean well = source.fill(next.batch);
        if (next.batch.count > 0) {
          loop.execute(next);
        } else {
          free.add(next);
          if (well) {
            own.poll(polled, 2, -1);
          }
          boolean trouble = (polled.get(JAVA_SHORT, EVENTS_AT) & ~SystemCalls.POLLIN) != 0;
          if (trouble) {
            source.trouble();
          }
          if (trouble || !well) {
            // the device is away: asked again now and then
            own.poll(polled.asSlice(POLL_FD_BYTES), 1, PAUSE_MS);
            polled.set(JAVA_SHORT, EVENTS_AT, (short) 0);
          }
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Ends the thread and waits for it; frames that it still had are not taken.
   *
   * @return whether it has ended; what it reads may be given back then
   */
  boolean close() {
    stopping = true;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment one = arena.allocate(JAVA_LONG);
      one.set(JAVA_LONG, 0, 1);
      calls.write(wake, one, JAVA_LONG.byteSize());
      thread.interrupt();
      if (thread.isAlive()) {
        thread.join(TimeUnit.MILLISECONDS.toMillis(JOIN_MS));
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    if (thread.isAlive()) {
      return false;
    }
    calls.close(wake);
    return true;
  }
}
