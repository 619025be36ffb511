package dev.portcullis.core.management;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Counters;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.proto.ManagementGrpc;
import dev.portcullis.core.management.proto.ModuleReport;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The module's side of management: attaches to one of several switch modules, hands new directives
 * on, keeps the last one while no switch module is there, and comes back with a delay of 100 ms
 * that doubles up to 5 s, the next address each time. An epoch never goes back: an older directive
 * than the one that is held is not handed on.
 *
 * <p>Threads: all methods from any thread; inside, one thread of its own. The listener is called on
 * the executor given.
 */
public final class ManagementClient implements AutoCloseable, MetricsSource {

  private static final long FIRST_DELAY_MS = 100;
  private static final long LAST_DELAY_MS = 5_000;
  private static final int MAX_DIRECTIVE_BYTES = 16 << 20;

  private final ModuleHello hello;
  private final List<InetSocketAddress> switches;
  private final LinkSecurity security;
  private final DirectiveListener listener;
  private final Executor executor;
  private final BackOff backOff;
  private final ScheduledExecutorService loop;
  private final Counters counters = new Counters(1);
  private final int reconnects;

  private volatile @Nullable Directive last;
  private volatile boolean attached;
  private int attempts;
  private int acknowledged;
  private @Nullable ManagedChannel channel;
  private @Nullable Attachment attachment;

  /**
   * Prepares a client; {@link #start} attaches.
   *
   * @param hello who the module is
   * @param switches addresses of the switch modules, at least one; the first is tried first
   * @param security how to secure the connection
   * @param listener takes directives
   * @param executor runs the listener; must keep the order, one call at a time (the loop of a
   *     module)
   * @param random spreads the delays
   */
  public ManagementClient(
      ModuleHello hello,
      List<InetSocketAddress> switches,
      LinkSecurity security,
      DirectiveListener listener,
      Executor executor,
      RandomGenerator random) {
    if (switches.isEmpty()) {
      throw new IllegalArgumentException(
          "a management client needs the address of at least one switch module");
    }
    this.hello = hello;
    this.switches = List.copyOf(switches);
    this.security = security;
    this.listener = listener;
    this.executor = executor;
    this.reconnects = counters.slot(Counter.MANAGEMENT_RECONNECTS, hello.module().toString());
    this.backOff = new BackOff(FIRST_DELAY_MS, LAST_DELAY_MS, random);
    this.loop =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "management-" + hello.module());
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Begins to attach. */
  public void start() {
    loop.execute(this::attach);
  }

  /** Returns the last directive, null before the first. */
  public @Nullable Directive last() {
    return last;
  }

  /** Whether a switch module has accepted this module and the stream is up. */
  public boolean attached() {
    return attached;
  }

  /**
   * Tells the switch module that this module assigns by {@code epoch} now; said again after every
   * reconnect.
   */
  public void acknowledge(int epoch) {
    onLoop(
        () -> {
          acknowledged = Math.max(acknowledged, epoch);
          if (attachment != null && attached) {
            attachment.requests.onNext(ManagementWire.acknowledgement(acknowledged));
          }
        });
  }

  /**
   * Ends the stream; no listener is called afterwards, except by calls that are already on the
   * executor.
   */
  @Override
  public void close() {
    onLoop(
        () -> {
          drop();
          loop.shutdownNow();
        });
  }

  @Override
  public List<Reading> readings() {
    return counters.readings();
  }

  private void attach() {
    InetSocketAddress address = switches.get(attempts++ % switches.size());
    ManagedChannel opened =
        NettyChannelBuilder.forAddress(
                address.getHostString(), address.getPort(), security.channelCredentials())
            .keepAliveTime(10, TimeUnit.SECONDS)
            .keepAliveTimeout(5, TimeUnit.SECONDS)
            .maxInboundMessageSize(MAX_DIRECTIVE_BYTES)
            .executor(this::onLoop)
            .intercept(new IdentityCheck(security, ModuleId.Kind.SWITCH))
            .build();
    channel = opened;
    attachment = new Attachment(opened, address);
  }

  private void onLoop(Runnable task) {
    try {
      loop.execute(task);
    } catch (RejectedExecutionException e) {
      // closed: nothing is left to do
      return;
    }
  }

  private void drop() {
    attached = false;
    attachment = null;
    if (channel != null) {
      channel.shutdownNow();
      channel = null;
    }
  }

  private void lost(Attachment it, String sentence) {
    if (it != attachment) {
      return;
    }
    drop();
    executor.execute(() -> listener.onTrouble(sentence));
    counters.increment(reconnects);
    loop.schedule(this::attach, backOff.nextMs(), TimeUnit.MILLISECONDS);
  }

  private void take(Directive directive) {
    attached = true;
    backOff.reset();
    Directive held = last;
    boolean newer = held == null || directive.epoch() > held.epoch();
    if (directive.epoch() == 0 || !newer) {
      return;
    }
    last = directive;
    executor.execute(() -> listener.onDirective(directive));
  }

  private static String where(InetSocketAddress address) {
    return address.getHostString() + ":" + address.getPort();
  }

  /** One stream; its callbacks run on the loop. */
  private final class Attachment
      implements StreamObserver<dev.portcullis.core.management.proto.Directive> {

    private final InetSocketAddress address;
    private final StreamObserver<ModuleReport> requests;

    Attachment(ManagedChannel channel, InetSocketAddress address) {
      this.address = address;
      this.requests = ManagementGrpc.newStub(channel).attach(this);
      Directive held = last;
      requests.onNext(
          ManagementWire.encode(held == null ? hello : hello.holding(held.epoch(), held.term())));
    }

    @Override
    public void onNext(dev.portcullis.core.management.proto.Directive message) {
      if (this != attachment) {
        return;
      }
      boolean first = !attached;
      try {
        take(ManagementWire.decode(message));
      } catch (IllegalArgumentException e) {
        lost(
            this,
            "the switch module at "
                + where(address)
                + " sent a directive that cannot be used: "
                + e.getMessage());
        return;
      }
      if (first && acknowledged > 0) {
        requests.onNext(ManagementWire.acknowledgement(acknowledged));
      }
    }

    @Override
    public void onError(Throwable cause) {
      Status status = Status.fromThrowable(cause);
      String what = status.getDescription() == null ? "no answer" : status.getDescription();
      lost(this, "management at " + where(address) + ": " + status.getCode() + ", " + what);
    }

    @Override
    public void onCompleted() {
      lost(this, "management at " + where(address) + " ended the stream");
    }
  }
}
