package dev.portcullis.core.link;

import io.grpc.Metadata;
import io.grpc.Status;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Carries batches between modules without looking at packets: reads the header of a message and
 * hands it, as it is, to the stream of the lane that it is for. It keeps nothing: what it cannot
 * pass on, channels send again.
 *
 * <p>Bound: {@link Stream#READY_BYTES} per destination. A message for a destination that holds as
 * much is dropped and counted; no destination waits for another. Thread: one loop for all streams;
 * the counters may be read from any thread.
 */
public final class SwitchRelay implements AutoCloseable {

  private final ModuleId self;
  private final long generation;
  private final LinkLoop loop;
  private final LinkSettings settings;
  private final LinkSecurity security;
  private final LinkObserver observer;
  private final Map<Long, Stream> streams = new HashMap<>();
  private final BatchHeader header = new BatchHeader();
  private final BatchCodec.Reader reader = new BatchCodec.Reader();
  private final AtomicLong relayed = new AtomicLong();
  private final AtomicLong unknownDestination = new AtomicLong();
  private final AtomicLong queueFull = new AtomicLong();
  private @Nullable LinkServer server;

  /**
   * Makes a relay.
   *
   * @param self which switch this is
   * @param generation which life of it
   * @param loop its thread
   */
  public SwitchRelay(
      ModuleId self,
      long generation,
      LinkLoop loop,
      LinkSettings settings,
      LinkSecurity security,
      LinkObserver observer) {
    this.self = self;
    this.generation = generation;
    this.loop = loop;
    this.settings = settings;
    this.security = security;
    this.observer = observer;
  }

  /**
   * Accepts streams, and calls of {@code companion} on the same address.
   *
   * @param companion a service besides the links
   * @param port 0: any that is free
   * @return where
   * @throws IOException when the address is taken or not of this machine
   */
  public InetSocketAddress listen(String host, int port, Companion companion) throws IOException {
    LinkServer started =
        new LinkServer(
            host,
            port,
            loop.eventLoop(),
            security,
            settings,
            new LinkServer.Acceptor() {
              @Override
              public Metadata answer(Hello hello) {
                return new Hello(self, 0, hello.lane(), generation).toMetadata(Map.of());
              }

              @Override
              public void check(Hello hello) {}

              @Override
              public Stream.Handler accepted(Hello hello, Stream stream) {
                return SwitchRelay.this.accepted(hello, stream);
              }

              @Override
              public void refused(String why) {
                observer.refused(why);
              }
            },
            List.of(companion));
    server = started;
    return started.address();
  }

  private static long key(int module, int lane) {
    return (long) module << 8 | lane;
  }

  private Stream.Handler accepted(Hello hello, Stream stream) {
    Stream before = streams.put(key(hello.module().encoded(), hello.lane()), stream);
    if (before != null) {
      before.end(
          Status.ABORTED.withDescription(
              "a newer stream of " + hello.module() + " took its place"));
    }
    observer.up(hello.module(), hello.lane());
    return new Stream.Handler() {
      @Override
      public void message(LinkMessage message) {
        relay(hello, stream, message);
        BufferPool.give(message.body);
      }

      @Override
      public void closed(String why) {
        stream.ended();
        if (streams.remove(key(hello.module().encoded(), hello.lane()), stream)) {
          observer.down(hello.module(), hello.lane(), why);
        }
      }
    };
  }

  private void relay(Hello hello, Stream from, LinkMessage message) {
    String fault =
        message.tooLarge()
            ? "a message of " + message.bodyLength + " bytes, which is too much"
            : reader.read(message.body, message.bodyLength, header, null);
    if (fault == null
        && (header.source != hello.module().encoded() || header.sourceLane != hello.lane())) {
      fault = "a message of another module or lane than the one that opened the stream";
    }
    if (fault != null) {
      observer.refused(hello.module() + ": " + fault);
      from.end(Status.INVALID_ARGUMENT.withDescription(fault));
      if (streams.remove(key(hello.module().encoded(), hello.lane()), from)) {
        observer.down(hello.module(), hello.lane(), fault);
      }
      return;
    }
    Stream to = streams.get(key(header.destination, header.destinationLane));
    if (to == null) {
      unknownDestination.lazySet(unknownDestination.get() + 1);
    } else if (!to.ready()) {
      queueFull.lazySet(queueFull.get() + 1);
    } else {
      to.send(new LinkMessage(message.head, 0, message.body, message.bodyLength));
      relayed.lazySet(relayed.get() + 1);
    }
  }

  /** Messages passed on. */
  public long relayed() {
    return relayed.get();
  }

  /** Messages for a lane that has no stream here: their channel sends them again. */
  public long unknownDestination() {
    return unknownDestination.get();
  }

  /** Messages for a lane whose queue was full: their channel sends them again. */
  public long queueFull() {
    return queueFull.get();
  }

  /** Finishes all streams and refuses new ones. */
  @Override
  public void close() {
    loop.execute(() -> streams.values().forEach(it -> it.end(Status.OK)));
    LinkServer running = server;
    if (running != null) {
      running.close();
    }
  }
}
