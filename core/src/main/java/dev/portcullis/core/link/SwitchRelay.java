package dev.portcullis.core.link;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Counters;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import io.grpc.Metadata;
import io.grpc.Status;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
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
public final class SwitchRelay implements AutoCloseable, MetricsSource {

  private final ModuleId self;
  private final long generation;
  private final LinkLoop loop;
  private final LinkSettings settings;
  private final LinkSecurity security;
  private final LinkObserver observer;
  private final Map<Long, Stream> streams = new HashMap<>();
  private final BatchHeader header = new BatchHeader();
  private final BatchCodec.Reader reader = new BatchCodec.Reader();
  private final Refusals refusals;
  private final Map<Long, LinkCounts> countsOfLink = new HashMap<>();
  private final List<LinkCounts> links = new CopyOnWriteArrayList<>();
  private final Counters counters = new Counters(4);
  private final int relayed;
  private final int relayedBytes;
  private final int unknownDestination;
  private final int queueFull;
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
    this.refusals = new Refusals(self, observer);
    String module = self.toString();
    relayed = counters.slot(Counter.RELAYED_BATCHES, module);
    relayedBytes = counters.slot(Counter.RELAYED_BYTES, module);
    unknownDestination = counters.slot(Counter.RELAY_DROPPED, module, "unknown-destination");
    queueFull = counters.slot(Counter.RELAY_DROPPED, module, "queue-full");
  }

  /**
   * Accepts streams, and calls of {@code companions} on the same address.
   *
   * @param companions services besides the links
   * @param port 0: any that is free
   * @return where
   * @throws IOException when the address is taken or not of this machine
   */
  public InetSocketAddress listen(String host, int port, List<Companion> companions)
      throws IOException {
    LinkServer started =
        new LinkServer(
            host,
            port,
            loop.eventLoop(),
            security,
            settings,
            refusals,
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
            },
            companions);
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
    countsOfLink
        .computeIfAbsent(key(hello.module().encoded(), hello.lane()), it -> counts(hello))
        .connected();
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

  private LinkCounts counts(Hello hello) {
    LinkCounts made = new LinkCounts(self, 0, hello.module(), hello.lane());
    links.add(made);
    return made;
  }

  private void relay(Hello hello, Stream from, LinkMessage message) {
    RefusedException fault = faultOf(hello, message);
    if (fault != null) {
      refusals.count(fault.fault(), hello.module().toString(), fault.why());
      from.end(fault.getStatus());
      if (streams.remove(key(hello.module().encoded(), hello.lane()), from)) {
        observer.down(hello.module(), hello.lane(), fault.why());
      }
      return;
    }
    Stream to = streams.get(key(header.destination, header.destinationLane));
    if (to == null) {
      counters.increment(unknownDestination);
    } else if (!to.ready()) {
      counters.increment(queueFull);
    } else {
      to.send(new LinkMessage(message.head, 0, message.body, message.bodyLength));
      counters.increment(relayed);
      counters.add(relayedBytes, message.bodyLength);
    }
  }

  private @Nullable RefusedException faultOf(Hello hello, LinkMessage message) {
    if (message.tooLarge()) {
      return message.refusal();
    }
    String malformed = reader.read(message.body, message.bodyLength, header, null);
    if (malformed != null) {
      return LinkFault.MALFORMED.refusal(malformed);
    }
    if (header.source != hello.module().encoded() || header.sourceLane != hello.lane()) {
      return LinkFault.IDENTITY.refusal(
          "a message of another module or lane than the one that opened the stream");
    }
    return null;
  }

  /**
   * Streams that came up by link, peers that were refused, and what was relayed or not: a message
   * for a lane that has no stream here or holds too much is sent again by its channel.
   */
  @Override
  public List<Reading> readings() {
    List<Reading> list = new ArrayList<>(counters.readings());
    list.addAll(refusals.readings());
    links.forEach(it -> list.addAll(it.readings()));
    return list;
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
