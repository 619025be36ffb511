package dev.portcullis.core.management;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Counters;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.proto.ManagementGrpc;
import dev.portcullis.core.management.proto.ModuleReport;
import io.grpc.ManagedChannel;
import io.grpc.Status;
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
 * The module's side of management: attaches to the first of several switch modules that can be
 * reached, hands new directives on, and keeps the last one while no switch module is there. It
 * comes back with a delay of 100 ms that doubles up to 5 s, the next address each time; while it is
 * attached to another than the first, it tries those before in the same way, and goes back: so all
 * modules are with the same one. An epoch never goes back: an older directive than the one that is
 * held is not handed on.
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
  private int acknowledged;
  private boolean leaving;

  /** The stream by which a switch module has accepted this module. */
  private @Nullable Attachment attachment;

  /** The stream that a switch module is asked by, but has not answered. */
  private @Nullable Attachment trial;

  private boolean waiting;

  /**
   * Prepares a client; {@link #start} attaches.
   *
   * @param hello who the module is
   * @param switches addresses of the switch modules, at least one, the same order in every module
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
    loop.execute(() -> attach(0));
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
          if (attachment != null) {
            attachment.requests.onNext(ManagementWire.acknowledgement(acknowledged));
          }
        });
  }

  /**
   * Answers a step of a change; without effect while no switch module is there.
   *
   * @param share what the change was for a worker; with {@code done}
   */
  public void answer(ControlMessage.Answer answer, ChangeShare share) {
    onLoop(
        () -> {
          if (attachment != null) {
            attachment.requests.onNext(ChangeWire.encode(answer, share));
          }
        });
  }

  /** Says to which workers without a place in the table all links of an IO module are up. */
  public void linked(List<Life> workers) {
    onLoop(
        () -> {
          if (attachment != null) {
            attachment.requests.onNext(ManagementWire.linked(workers));
          }
        });
  }

  /**
   * Asks for a table without this module, which is about to end; said again after every reconnect.
   */
  public void leave() {
    onLoop(
        () -> {
          leaving = true;
          if (attachment != null) {
            attachment.requests.onNext(ManagementWire.leave());
          }
        });
  }

  /**
   * Runs a task on the thread that calls the listener where the executor runs what it is given at
   * once.
   */
  public void execute(Runnable task) {
    onLoop(task);
  }

  /**
   * Ends the stream; no listener is called afterwards, except by calls that are already on the
   * executor.
   */
  @Override
  public void close() {
    onLoop(
        () -> {
          attached = false;
          for (Attachment it : new Attachment[] {attachment, trial}) {
            if (it != null) {
              it.end();
            }
          }
          loop.shutdownNow();
        });
  }

  @Override
  public List<Reading> readings() {
    return counters.readings();
  }

  private void attach(int which) {
    waiting = false;
    InetSocketAddress address = switches.get(which);
    ManagedChannel opened =
        security
            .channel(address.getHostString(), address.getPort())
            .keepAliveTime(10, TimeUnit.SECONDS)
            .keepAliveTimeout(5, TimeUnit.SECONDS)
            .maxInboundMessageSize(MAX_DIRECTIVE_BYTES)
            .executor(this::onLoop)
            .intercept(new IdentityCheck(security, ModuleId.Kind.SWITCH))
            .build();
    trial = new Attachment(opened, which);
  }

  private void attachLater(int which) {
    waiting = true;
    loop.schedule(() -> attach(which), backOff.nextMs(), TimeUnit.MILLISECONDS);
  }

  private void onLoop(Runnable task) {
    try {
      loop.execute(task);
    } catch (RejectedExecutionException e) {
      // closed: nothing is left to do
      return;
    }
  }

  private void lost(Attachment it, String sentence) {
    if (it == attachment) {
      attachment = null;
      attached = false;
    } else if (it == trial) {
      trial = null;
    } else {
      return;
    }
    it.end();
    if (attachment == null) {
      executor.execute(() -> listener.onTrouble(sentence));
      counters.increment(reconnects);
    }
    if (trial == null && !waiting) {
      // who is attached tries those that come before
      int many = attachment == null ? switches.size() : attachment.which;
      attachLater((it.which + 1) % many);
    }
  }

  /** A switch module has answered: it takes the place of the one before. */
  private void accepted(Attachment it) {
    Attachment before = attachment;
    attachment = it;
    trial = null;
    attached = true;
    backOff.reset();
    executor.execute(listener::onAttached);
    if (before != null) {
      before.end();
    }
    if (acknowledged > 0) {
      it.requests.onNext(ManagementWire.acknowledgement(acknowledged));
    }
    if (leaving) {
      it.requests.onNext(ManagementWire.leave());
    }
    if (it.which > 0) {
      attachLater(0);
    }
  }

  private void take(Directive directive) {
    Directive held = last;
    boolean newer = held == null || directive.epoch() > held.epoch();
    if (directive.epoch() == 0 || !newer) {
      return;
    }
    last = directive;
    executor.execute(() -> listener.onDirective(directive));
  }

  /** One stream; its callbacks run on the loop. */
  private final class Attachment
      implements StreamObserver<dev.portcullis.core.management.proto.Directive> {

    private final ManagedChannel channel;
    private final int which;
    private final StreamObserver<ModuleReport> requests;

    /** What the hello said that the module has. */
    private final @Nullable Directive held;

    Attachment(ManagedChannel channel, int which) {
      this.channel = channel;
      this.which = which;
      this.requests = ManagementGrpc.newStub(channel).attach(this);
      this.held = last;
      requests.onNext(
          ManagementWire.encode(
              held == null ? hello : hello.holding(held.epoch(), held.term(), held.workers())));
    }

    void end() {
      channel.shutdownNow();
    }

    private String where() {
      InetSocketAddress it = switches.get(which);
      return it.getHostString() + ":" + it.getPort();
    }

    @Override
    public void onNext(dev.portcullis.core.management.proto.Directive message) {
      if (this != attachment && this != trial) {
        return;
      }
      if (this == trial && held != last) {
        // meanwhile another switch module has sent a table: this one must know, to begin a later
        // one
        end();
        attach(which);
        return;
      }
      Directive directive;
      try {
        if (message.hasOrder()) {
          ChangeOrder order = ChangeWire.decode(message.getOrder());
          executor.execute(() -> listener.onOrder(order));
          return;
        }
        if (message.hasJoining()) {
          List<Member> workers = ManagementWire.decode(message.getJoining());
          executor.execute(() -> listener.onJoining(workers));
          return;
        }
        directive = ManagementWire.decode(message);
      } catch (IllegalArgumentException e) {
        lost(
            this,
            "the switch module at "
                + where()
                + " sent a directive that cannot be used: "
                + e.getMessage());
        return;
      }
      if (this == trial) {
        accepted(this);
      }
      take(directive);
    }

    @Override
    public void onError(Throwable cause) {
      Status status = Status.fromThrowable(cause);
      String what = status.getDescription() == null ? "no answer" : status.getDescription();
      if (status.getCode() == Status.Code.FAILED_PRECONDITION && this != attachment) {
        executor.execute(() -> listener.onSuperseded(hello.module() + ": " + what));
      }
      lost(this, "management at " + where() + ": " + status.getCode() + ", " + what);
    }

    @Override
    public void onCompleted() {
      lost(this, "management at " + where() + " ended the stream");
    }
  }
}
