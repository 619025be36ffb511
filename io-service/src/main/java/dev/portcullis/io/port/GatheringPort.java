package dev.portcullis.io.port;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import java.time.Clock;

/**
 * A live port that takes frames in by threads of their own and gathers those that it puts out.
 *
 * <p>Thread: the loop of the IO module.
 */
abstract class GatheringPort implements Port {

  private final int tag;
  private final String name;
  private final LinkLoop loop;
  private final Clock clock;
  private final FrameSource[] sources;
  private final Intake[] intakes;
  private final FrameSender sender;
  private Departures departures = Departures.NOBODY;
  private boolean closed;

  /**
   * Makes a port that does nothing before {@link #start}.
   *
   * @param sources where its frames come from, a thread each
   * @param sender gathers its frames
   */
  GatheringPort(
      int tag, String name, FrameSource[] sources, FrameSender sender, LinkLoop loop, Clock clock) {
    this.tag = tag;
    this.name = name;
    this.loop = loop;
    this.clock = clock;
    this.sources = sources;
    this.intakes = new Intake[sources.length];
    this.sender = sender;
  }

  @Override
  public final int tag() {
    return tag;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public void report(Departures to) {
    departures = to;
    sender.report(to);
  }

  @Override
  public final void start(FrameSink sink) {
    FrameSink first =
        new FrameSink() {
          @Override
          public void take(PacketBatch batch) {
            heard(batch);
            sink.take(batch);
          }

          @Override
          public boolean mayTake() {
            return sink.mayTake();
          }
        };
    for (int i = 0; i < intakes.length && !closed; i++) {
      intakes[i] = new Intake("port-" + name + "-" + i, sources[i], loop, first);
      intakes[i].start();
    }
    started();
  }

  /** Looks at what came in before the gateway does. */
  abstract void heard(PacketBatch batch);

  /** Frames come in from now on. */
  abstract void started();

  private long lost() {
    long lost = 0;
    for (FrameSource it : sources) {
      lost += it.lost();
    }
    return lost;
  }

  /** Who is told what became of frames. */
  final Departures departures() {
    return departures;
  }

  /** Gathers frames. */
  final FrameSender sender() {
    return sender;
  }

  final boolean isClosed() {
    return closed;
  }

  @Override
  public final long nowNs() {
    return Live.nowNs(clock);
  }

  /** Nothing comes: the port never asks about frames. */
  @Override
  public final void settled(PacketBatch batch, int i) {}

  @Override
  public final void flush() {
    if (!closed) {
      sender.send();
      departures.overrun(tag, lost());
      flushed();
    }
  }

  /** What was gathered is put out. */
  abstract void flushed();

  @Override
  public final void close() {
    if (closed) {
      return;
    }
    boolean ended = true;
    for (Intake it : intakes) {
      ended &= it == null || it.close();
    }
    closing();
    sender.send();
    closed = true;
    release(ended);
  }

  /** Nothing comes in any more; what is to be put out is gathered now. */
  abstract void closing();

  /**
   * Gives back what the port has.
   *
   * @param ended whether the threads of its intakes are; otherwise they may still read
   */
  abstract void release(boolean ended);
}
