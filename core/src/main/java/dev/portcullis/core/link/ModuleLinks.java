package dev.portcullis.core.link;

import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.packet.PacketBatch;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * All links of one module: the streams that it opens and accepts, and the channels that they carry.
 *
 * <p>Each lane of the module lives on one loop, with its channels; callbacks for a lane come on its
 * loop. Streams carry the channels of their own peer; a stream to a switch carries those of the
 * modules that are routed over it. {@link #listen}, {@link #connect}, {@link #disconnect}, {@link
 * #route} and {@link #close} may be called from any thread, the rest from the loop of the lane.
 */
public final class ModuleLinks implements AutoCloseable, MetricsSource {

  private final ModuleId self;
  private final long generation;
  private final Map<String, Integer> ports;
  private final LinkSettings settings;
  private final LinkSecurity security;
  private final BatchHandler handler;
  private final LinkObserver observer;
  private final Refusals refusals;
  private final List<LinkCounts> counts = new CopyOnWriteArrayList<>();
  private final Lane[] lanes;
  private volatile @Nullable LinkServer server;
  private volatile boolean closed;

  private ModuleLinks(
      ModuleId self,
      long generation,
      LinkLoop[] loops,
      Map<String, Integer> portTags,
      LinkSettings settings,
      LinkSecurity security,
      BatchHandler handler,
      LinkObserver observer) {
    this.self = self;
    this.generation = generation;
    this.ports = Map.copyOf(portTags);
    this.settings = settings;
    this.security = security;
    this.handler = handler;
    this.observer = observer;
    this.refusals = new Refusals(self, observer);
    this.lanes = new Lane[loops.length];
    for (int i = 0; i < loops.length; i++) {
      lanes[i] = new Lane(i, loops[i]);
    }
    for (Lane lane : lanes) {
      lane.loop.schedule(lane::tick, settings.resendNs() / 2);
    }
  }

  /**
   * Makes the links of a module; nothing is open before {@link #listen} and {@link #connect}.
   *
   * @param self who this module is
   * @param generation which life of it; higher than that of any life before, from 1
   * @param lanes the loop of each lane
   * @param portTags ports with their tags, said to peers
   * @param settings bounds and times
   * @param security encryption and identity
   * @param handler takes what arrives
   * @param observer told what happens
   */
  public static ModuleLinks create(
      ModuleId self,
      long generation,
      LinkLoop[] lanes,
      Map<String, Integer> portTags,
      LinkSettings settings,
      LinkSecurity security,
      BatchHandler handler,
      LinkObserver observer) {
    return new ModuleLinks(
        self, generation, lanes, portTags, settings, security, handler, observer);
  }

  /** Which life of the module this is. */
  public long generation() {
    return generation;
  }

  /**
   * Accepts streams.
   *
   * @param port 0: any that is free
   * @return where
   * @throws IOException when the address is taken or not of this machine
   */
  public InetSocketAddress listen(String host, int port) throws IOException {
    return listen(host, port, List.of());
  }

  /**
   * Accepts streams, and calls of {@code companions} on the same address.
   *
   * @param port 0: any that is free
   * @param companions services besides the links
   * @return where
   * @throws IOException when the address is taken or not of this machine
   */
  public InetSocketAddress listen(String host, int port, List<Companion> companions)
      throws IOException {
    LinkServer started =
        new LinkServer(
            host,
            port,
            lanes.length == 1 ? lanes[0].loop.eventLoop() : lanes[0].loop.eventLoop().parent(),
            security,
            settings,
            refusals,
            new LinkServer.Acceptor() {
              @Override
              public Metadata answer(Hello hello) {
                return new Hello(self, hello.peerLane(), hello.lane(), generation)
                    .toMetadata(ports);
              }

              @Override
              public void check(Hello hello) {
                if (hello.peerLane() >= lanes.length) {
                  throw LinkFault.MISDIRECTED.refusal(
                      self + " has lanes 0 to " + (lanes.length - 1) + ", not " + hello.peerLane());
                }
              }

              @Override
              public Stream.Handler accepted(Hello hello, Stream stream) {
                return lanes[hello.peerLane()].accepted(hello, stream);
              }
            },
            companions);
    server = started;
    return started.address();
  }

  /**
   * Keeps a stream to a lane of a peer open, until {@link #disconnect}: opens it again with growing
   * waits when it ends. Says nothing new where it is kept open already; another address replaces
   * the one before.
   */
  public void connect(ModuleId peer, int peerLane, int ownLane, String host, int port) {
    Lane lane = lanes[ownLane];
    lane.run(() -> lane.connect(peer, peerLane, host, port));
  }

  /** Ends the streams to a peer that this module opened. */
  public void disconnect(ModuleId peer) {
    for (Lane lane : lanes) {
      lane.run(() -> lane.disconnect(peer));
    }
  }

  /**
   * From now on channels to {@code destination} travel over the streams to one of {@code switches};
   * each prefers one, and takes another when its stream has ended or nothing comes back.
   */
  public void route(ModuleId destination, List<ModuleId> switches) {
    List<ModuleId> ways = List.copyOf(switches);
    for (Lane lane : lanes) {
      lane.run(() -> lane.route(destination, ways));
    }
  }

  /** A table says which life of a module there is. Channels to an earlier one begin anew. */
  public void peer(ModuleId module, long generation) {
    for (Lane lane : lanes) {
      lane.run(() -> lane.peer(module, generation));
    }
  }

  /**
   * Returns the sending end of the channel from a lane of this module to a lane of another. Loop of
   * {@code ownLane}.
   */
  public Outlet outlet(int ownLane, ModuleId destination, int destinationLane) {
    return lanes[ownLane].channel(destination, destinationLane);
  }

  /** Stamps what the lane sends from now on. Loop of the lane. */
  public void epoch(int lane, int epoch) {
    lanes[lane].epoch = epoch;
    lanes[lane].channels.values().forEach(it -> it.epoch(epoch));
  }

  /**
   * Whether a stream to a lane of a module is open, in this life of it. Loop of {@code ownLane}.
   */
  public boolean isUp(int ownLane, ModuleId peer, int peerLane, long life) {
    Stream it = lanes[ownLane].streams.get(key(peer, peerLane));
    return it != null && it.peer().generation() == life;
  }

  /** Told of acknowledgements. Loop of the lane. */
  @FunctionalInterface
  public interface Acknowledged {

    /** A lane of a module has handled all messages up to a number ({@link Outlet#lastNumber}). */
    void upTo(ModuleId destination, int destinationLane, long number);
  }

  /**
   * From now on {@code it} is told of acknowledgements, and what arrives is acknowledged as soon as
   * it has been handled: while a change of table is in progress. Loop of the lane.
   *
   * @param it null: nobody is told any more
   */
  public void watch(int lane, @Nullable Acknowledged it) {
    lanes[lane].watcher = it;
  }

  /**
   * Runs {@code task} when the batches that are already here have been handled; once, however often
   * it is asked. Loop of the lane.
   */
  public void afterBatches(int lane, Runnable task) {
    Lane it = lanes[lane];
    if (!it.after.contains(task)) {
      it.after.add(task);
    }
    it.scheduleTail();
  }

  /**
   * Runs {@code task} once when {@code outlet} has room for a whole batch again. Loop of the
   * outlet's lane.
   */
  public void whenWritable(Outlet outlet, Runnable task) {
    ((Channel) outlet).whenWritable(task);
  }

  /** Numbers of every link, and of the peers that were refused. Any thread. */
  @Override
  public List<Reading> readings() {
    List<Reading> list = new ArrayList<>(refusals.readings());
    counts.forEach(it -> list.addAll(it.readings()));
    return list;
  }

  /** Sends what is gathered, finishes all streams and refuses new ones. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    CountDownLatch done = new CountDownLatch(lanes.length);
    for (Lane lane : lanes) {
      lane.run(
          () -> {
            lane.close();
            done.countDown();
          });
    }
    try {
      if (lanes.length > 0 && !lanes[0].loop.isCurrent()) {
        done.await(1, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    LinkServer running = server;
    if (running != null) {
      running.close();
    }
  }

  private static long key(ModuleId module, int lane) {
    return (long) module.encoded() << 8 | lane;
  }

  /** One lane: its loop, its streams, its channels. */
  private final class Lane {
    private final int number;
    private final LinkLoop loop;
    private final Map<Long, Stream> streams = new HashMap<>();
    private final Map<Long, Dialer> dialers = new HashMap<>();
    private final Map<Long, Channel> channels = new HashMap<>();
    private final Map<Long, LinkCounts> countsOfLink = new HashMap<>();
    private final Map<ModuleId, List<ModuleId>> routes = new HashMap<>();
    private final List<Channel> inOrder = new ArrayList<>();
    private List<Runnable> after = new ArrayList<>();
    private List<Runnable> running = new ArrayList<>();
    private final PacketBatch batch = new PacketBatch(0);
    private final BatchHeader header = new BatchHeader();
    private final BatchCodec.Reader reader = new BatchCodec.Reader();
    private final Runnable tail = this::tail;
    private boolean tailScheduled;
    private @Nullable Acknowledged watcher;
    private @Nullable Channel lastFrom;
    private int lastSource;
    private int lastSourceLane;
    private int epoch;

    Lane(int number, LinkLoop loop) {
      this.number = number;
      this.loop = loop;
    }

    void run(Runnable task) {
      if (loop.isCurrent()) {
        task.run();
      } else {
        loop.execute(task);
      }
    }

    Channel channel(ModuleId peer, int peerLane) {
      return channels.computeIfAbsent(
          key(peer, peerLane),
          k -> {
            LinkCounts of = counts(peer, peerLane);
            Channel channel =
                new Channel(self, number, peer, peerLane, generation, settings, of, observer::lost);
            of.carries(channel::pendingBytes);
            channel.epoch(epoch);
            rewire(channel);
            inOrder.add(channel);
            return channel;
          });
    }

    /** {@link #channel} of who sent a message; most are of the same module as the one before. */
    private Channel channelFrom(int encodedSource, int sourceLane) {
      Channel found = lastFrom;
      if (found == null || lastSource != encodedSource || lastSourceLane != sourceLane) {
        found = channel(ModuleId.decode(encodedSource), sourceLane);
        lastFrom = found;
        lastSource = encodedSource;
        lastSourceLane = sourceLane;
      }
      return found;
    }

    private LinkCounts counts(ModuleId peer, int peerLane) {
      return countsOfLink.computeIfAbsent(
          key(peer, peerLane),
          k -> {
            LinkCounts made = new LinkCounts(self, number, peer, peerLane);
            counts.add(made);
            return made;
          });
    }

    void route(ModuleId destination, List<ModuleId> switches) {
      routes.put(destination, switches);
      rewire();
    }

    void peer(ModuleId module, long life) {
      for (Channel it : inOrder) {
        if (it.destination().equals(module)) {
          it.peerIs(life);
        }
      }
    }

    private void rewire() {
      for (int i = 0; i < inOrder.size(); i++) {
        rewire(inOrder.get(i));
      }
    }

    /** Gives a channel the stream that is best now; does nothing where it has that. */
    private void rewire(Channel channel) {
      ModuleId peer = channel.destination();
      Stream direct = streams.get(key(peer, channel.destinationLane()));
      Channel.Wire now = direct;
      if (direct == null) {
        List<ModuleId> switches = routes.getOrDefault(peer, List.of());
        // both ends prefer the same
        int preferred = self.number() + number + peer.number() + channel.destinationLane();
        channel.paths().count(switches.size());
        for (int i = 0; i < switches.size(); i++) {
          ModuleId it = switches.get((preferred + i) % switches.size());
          channel.paths().set(i, streams.get(key(it, 0)));
        }
        now = channel.paths().best();
      }
      if (now != channel.wire()) {
        channel.wire(now, direct == null ? 0 : direct.peer().generation(), System.nanoTime());
      }
    }

    Stream.Handler accepted(Hello hello, Stream stream) {
      run(() -> opened(hello, stream));
      return handler(hello, stream);
    }

    private Stream.Handler handler(Hello hello, Stream stream) {
      return new Stream.Handler() {
        @Override
        public void message(LinkMessage message) {
          if (loop.isCurrent()) {
            take(hello, stream, message);
          } else {
            loop.execute(() -> take(hello, stream, message));
          }
        }

        @Override
        public void closed(String why) {
          run(() -> gone(hello, stream, why));
        }
      };
    }

    private void opened(Hello hello, Stream stream) {
      stream.peer(hello);
      Stream before = streams.put(key(hello.module(), hello.lane()), stream);
      if (before != null && before != stream) {
        String why = "a newer stream of " + hello.module() + " took its place";
        before.end(Status.ABORTED.withDescription(why));
        observer.down(hello.module(), hello.lane(), why);
      }
      if (closed) {
        stream.end(Status.OK);
      }
      rewire();
      if (hello.module().kind() != ModuleId.Kind.SWITCH) {
        channel(hello.module(), hello.lane());
      }
      counts(hello.module(), hello.lane()).connected();
      observer.up(hello.module(), hello.lane());
    }

    private void gone(Hello hello, Stream stream, String why) {
      stream.ended();
      if (streams.remove(key(hello.module(), hello.lane()), stream)) {
        rewire();
        observer.down(hello.module(), hello.lane(), why);
      }
    }

    private void take(Hello hello, Stream stream, LinkMessage message) {
      if (!stream.open()) {
        BufferPool.give(message.body);
        return;
      }
      RefusedException fault = faultOf(hello, message);
      if (fault != null) {
        refusals.count(fault.fault(), hello.module().toString(), fault.why());
        stream.end(fault.getStatus());
        gone(hello, stream, fault.why());
        BufferPool.give(message.body);
        return;
      }
      Channel channel = channelFrom(header.source, header.sourceLane);
      ModuleId source = channel.destination();
      int batchEpoch = header.epoch;
      long acknowledgedBefore = channel.acknowledgedUpTo();
      Channel.Arrival arrival =
          channel.arrived(stream, header, message.bodyLength, System.nanoTime());
      Acknowledged told = watcher;
      if (told != null && channel.acknowledgedUpTo() > acknowledgedBefore) {
        told.upTo(source, header.sourceLane, channel.acknowledgedUpTo());
      }
      switch (arrival) {
        case DELIVER -> {
          if (batch.count > 0) {
            handler.onBatch(number, source, batchEpoch, batch);
          }
        }
        case STALE ->
            refusals.count(LinkFault.STALE, source.toString(), "a message of an earlier life");
        case NOTHING -> {}
      }
      if (arrival != Channel.Arrival.STALE && channel.paths().heard(stream)) {
        rewire(channel);
      }
      scheduleTail();
      BufferPool.give(message.body);
    }

    private @Nullable RefusedException faultOf(Hello hello, LinkMessage message) {
      if (message.tooLarge()) {
        return message.refusal();
      }
      String malformed = reader.read(message.body, message.bodyLength, header, batch);
      if (malformed != null) {
        return LinkFault.MALFORMED.refusal(malformed);
      }
      if (header.destination != self.encoded() || header.destinationLane != number) {
        return LinkFault.MISDIRECTED.refusal("a message for another module or lane");
      }
      if (header.source != hello.module().encoded()
          && (hello.module().kind() != ModuleId.Kind.SWITCH || !isModule(header.source))) {
        return LinkFault.IDENTITY.refusal(
            "a message of another module than the one that opened the stream");
      }
      if (header.sourceLane < 0 || header.sourceLane > 255) {
        return LinkFault.MALFORMED.refusal(
            "source_lane is " + header.sourceLane + ", allowed is 0 to 255");
      }
      if (header.sourceGeneration <= 0) {
        return LinkFault.MALFORMED.refusal("source_generation is missing");
      }
      return null;
    }

    private boolean isModule(int encoded) {
      for (ModuleId.Kind kind : ModuleId.Kind.values()) {
        if (kind.code() == encoded >>> 24) {
          return true;
        }
      }
      return false;
    }

    void scheduleTail() {
      if (!tailScheduled) {
        tailScheduled = true;
        loop.execute(tail);
      }
    }

    private void tail() {
      tailScheduled = false;
      List<Runnable> now = after;
      after = running;
      running = now;
      for (int i = 0; i < running.size(); i++) {
        running.get(i).run();
      }
      running.clear();
      for (int i = 0; i < inOrder.size(); i++) {
        inOrder.get(i).acknowledge(watcher != null);
      }
    }

    private void tick() {
      if (closed) {
        return;
      }
      long now = System.nanoTime();
      for (int i = 0; i < inOrder.size(); i++) {
        tick(inOrder.get(i), now);
      }
      loop.schedule(this::tick, settings.resendNs() / 2);
    }

    private void tick(Channel channel, long now) {
      Channel.Wire before = channel.wire();
      if (channel.tick(now)) {
        channel.paths().doubt(before);
        rewire(channel);
        if (channel.wire() == before) {
          channel.again();
        }
      }
      Channel.Wire silent = channel.paths().silent(channel.wire());
      if (silent != null) {
        channel.probe(silent);
      }
    }

    void connect(ModuleId peer, int peerLane, String host, int port) {
      Dialer current = dialers.get(key(peer, peerLane));
      if (current != null && current.host.equals(host) && current.port == port) {
        return;
      }
      if (current != null) {
        current.stop();
      }
      Dialer dialer = new Dialer(this, peer, peerLane, host, port);
      dialers.put(key(peer, peerLane), dialer);
      dialer.dial();
    }

    void disconnect(ModuleId peer) {
      dialers
          .values()
          .removeIf(
              it -> {
                if (it.peer.equals(peer)) {
                  it.stop();
                  return true;
                }
                return false;
              });
    }

    void close() {
      tail();
      channels.values().forEach(Channel::finish);
      dialers.values().forEach(Dialer::stop);
      dialers.clear();
      streams.values().forEach(it -> it.end(Status.OK));
    }
  }

  /**
   * Keeps one stream open, at the address that the peer has when it is opened. Thread: the loop of
   * its lane.
   */
  private final class Dialer {
    private final Lane lane;
    private final ModuleId peer;
    private final int peerLane;
    private final String host;
    private final int port;
    private long backOffNs = settings.firstBackOffNs();
    private int failures;
    private @Nullable ManagedChannel connection;
    private @Nullable InetSocketAddress address;
    private @Nullable Stream stream;
    private boolean stopped;

    Dialer(Lane lane, ModuleId peer, int peerLane, String host, int port) {
      this.lane = lane;
      this.peer = peer;
      this.peerLane = peerLane;
      this.host = host;
      this.port = port;
    }

    void dial() {
      if (stopped || closed) {
        return;
      }
      if (security.byXds()) {
        dial(InetSocketAddress.createUnresolved(host, port));
      } else {
        settings.names().find(host, port, at -> lane.run(() -> find(at)));
      }
    }

    private void find(InetSocketAddress at) {
      if (stopped || closed) {
        return;
      }
      if (at.isUnresolved()) {
        failed("nobody is known as " + host);
      } else {
        dial(at);
      }
    }

    private void dial(InetSocketAddress at) {
      ManagedChannel to = connection;
      if (to == null || !at.equals(address)) {
        if (to != null) {
          to.shutdownNow();
        }
        to =
            (at.isUnresolved() ? security.channel(host, port) : onLoop(at))
                .directExecutor()
                .maxInboundMessageSize(LinkMessage.MOST_BUFFERED)
                .keepAliveTime(settings.keepAliveNs(), TimeUnit.NANOSECONDS)
                .keepAliveTimeout(settings.keepAliveNs(), TimeUnit.NANOSECONDS)
                .disableRetry()
                .build();
        connection = to;
        address = at;
      }
      to.resetConnectBackoff();
      ClientCall<LinkMessage, LinkMessage> call =
          to.newCall(Stream.EXCHANGE, CallOptions.DEFAULT.withOnReadyThreshold(Stream.READY_BYTES));
      Stream opening = new Stream.Opened(call);
      stream = opening;
      call.start(
          new Listener(call, opening),
          new Hello(self, lane.number, peerLane, generation).toMetadata(ports));
      call.request(Stream.CREDIT);
    }

    /** A connection on the thread of the lane; one by xDS has threads of its own. */
    private NettyChannelBuilder onLoop(InetSocketAddress at) {
      return NettyChannelBuilder.forAddress(at, security.channelCredentials())
          .eventLoopGroup(lane.loop.eventLoop())
          .channelFactory(() -> LinkLoops.clientChannel(lane.loop.eventLoop().parent()))
          .offloadExecutor(Runnable::run)
          .flowControlWindow(LinkServer.FLOW_CONTROL_WINDOW)
          .withOption(ChannelOption.RCVBUF_ALLOCATOR, LinkLoops.receiveBuffers());
    }

    private void failed(String why) {
      if (!stopped && !closed && ++failures > 1) {
        observer.unreachable(peer, peer + " at " + host + ":" + port + ": " + why);
      }
      ended();
    }

    private void ended() {
      if (stopped || closed) {
        return;
      }
      long wait = backOffNs / 2 + ThreadLocalRandom.current().nextLong(backOffNs / 2 + 1);
      backOffNs = Math.min(backOffNs * 2, settings.lastBackOffNs());
      lane.loop.schedule(this::dial, wait);
    }

    void stop() {
      stopped = true;
      Stream open = stream;
      if (open != null) {
        open.end(Status.OK);
      }
      ManagedChannel to = connection;
      if (to != null) {
        to.shutdown();
        lane.loop.schedule(to::shutdownNow, 200_000_000L);
      }
    }

    private final class Listener extends ClientCall.Listener<LinkMessage> {
      private final ClientCall<LinkMessage, LinkMessage> call;
      private final Stream opening;
      private Stream.@Nullable Handler handler;
      private @Nullable Hello hello;

      Listener(ClientCall<LinkMessage, LinkMessage> call, Stream opening) {
        this.call = call;
        this.opening = opening;
      }

      @Override
      public void onHeaders(Metadata headers) {
        try {
          Hello answer = Hello.of(headers);
          security.check(answer.module().kind(), call.getAttributes());
          if (!answer.module().equals(peer)) {
            throw LinkFault.MISDIRECTED.refusal(
                host + ":" + port + " is " + answer.module() + " and not " + peer);
          }
          hello = answer;
          backOffNs = settings.firstBackOffNs();
          failures = 0;
          handler = lane.accepted(answer, opening);
        } catch (RefusedException e) {
          refusals.count(e.fault(), host + ":" + port, e.why());
          opening.end(e.getStatus());
        }
      }

      @Override
      public void onMessage(LinkMessage message) {
        Stream.Handler to = handler;
        if (to == null) {
          BufferPool.give(message.body);
          return;
        }
        opening.taken();
        to.message(message);
      }

      @Override
      public void onClose(Status status, Metadata trailers) {
        opening.ended();
        String why =
            status.getCode()
                + (status.getDescription() == null ? "" : ": " + status.getDescription());
        lane.run(
            () -> {
              Stream.Handler to = handler;
              if (to == null) {
                failed(why);
              } else {
                to.closed(why);
                ended();
              }
            });
      }
    }
  }
}
