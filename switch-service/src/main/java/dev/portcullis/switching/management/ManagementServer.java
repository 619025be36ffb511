package dev.portcullis.switching.management;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Counters;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.Companion;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.Callers;
import dev.portcullis.core.management.ChangeWire;
import dev.portcullis.core.management.ManagementWire;
import dev.portcullis.core.management.ModuleHello;
import dev.portcullis.core.management.proto.ChangeAnswer;
import dev.portcullis.core.management.proto.Hello;
import dev.portcullis.core.management.proto.Linked;
import dev.portcullis.core.management.proto.ManagementGrpc;
import dev.portcullis.core.management.proto.ModuleReport;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.switching.management.Refusal.Cause;
import io.grpc.Attributes;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The switch module's side of management: tells every attached module the newest directive of the
 * {@link Coordinator} and collects acknowledgements. A bad report ends its own stream with a
 * status, is counted, and touches nobody else.
 *
 * <p>Threads: all public methods from any thread; coordinator, streams and counters live on one
 * thread of the server.
 */
public final class ManagementServer implements AutoCloseable, MetricsSource {

  /** A hello has the workers of a table, some 70 bytes each. */
  private static final int MAX_REPORT_BYTES = 1 << 20;

  private static final int MAX_STREAMS_PER_CONNECTION = 16;
  private static final long HELLO_TIMEOUT_MS = 10_000;
  private static final long TICK_MS = 100;

  /** The most changes that are remembered. */
  private static final int MOST_EVENTS = 32;

  private final Coordinator coordinator;
  private final LinkSecurity security;
  private final long helloTimeoutMs;
  private final ScheduledExecutorService loop;
  private final Executor streams;
  private final Map<ModuleId, Session> sessions = new HashMap<>();
  private final Counters counters = new Counters(3 + Cause.values().length);
  private final Map<Cause, Integer> refusedSlots = new EnumMap<>(Cause.class);
  private final int attachedSlot = counters.slot(Counter.MANAGEMENT_ATTACHED);
  private final int workersSlot = counters.slot(Counter.TABLE_WORKERS);
  private final int epochSlot;
  private volatile ControlStatus status;
  private volatile Topology topology;
  private volatile Observer observer = (histogram, ns) -> {};
  private volatile List<String> scaleEvents = List.of();
  private dev.portcullis.core.management.proto.Directive encoded;
  private @Nullable Server server;

  private ManagementServer(
      ModuleId self, Coordinator coordinator, LinkSecurity security, long helloTimeoutMs) {
    this.epochSlot = counters.slot(Counter.TABLE_EPOCH, self.toString());
    this.coordinator = coordinator;
    this.security = security;
    this.helloTimeoutMs = helloTimeoutMs;
    this.status = coordinator.status();
    this.topology = coordinator.topology();
    this.encoded = ManagementWire.encode(coordinator.newest());
    for (Cause cause : Cause.values()) {
      refusedSlots.put(cause, counters.slot(Counter.MANAGEMENT_REFUSED, cause.label()));
    }
    this.loop =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "management-server");
              thread.setDaemon(true);
              return thread;
            });
    this.streams = this::onLoop;
    loop.scheduleAtFixedRate(this::tick, 0, TICK_MS, TimeUnit.MILLISECONDS);
  }

  /**
   * Starts to listen.
   *
   * @param coordinator decides; nobody else may call it from now on
   * @param host address to listen on
   * @param port TCP port; 0: any
   * @param security encryption, and who may attach
   * @throws IOException when the address cannot be listened on
   */
  public static ManagementServer start(
      Coordinator coordinator, String host, int port, LinkSecurity security) throws IOException {
    return start(coordinator, host, port, security, HELLO_TIMEOUT_MS);
  }

  /**
   * As {@link #start(Coordinator, String, int, LinkSecurity)}; a stream has {@code helloTimeoutMs}
   * to say hello.
   */
  static ManagementServer start(
      Coordinator coordinator, String host, int port, LinkSecurity security, long helloTimeoutMs)
      throws IOException {
    ManagementServer it =
        new ManagementServer(
            new ModuleId(ModuleId.Kind.SWITCH, 0), coordinator, security, helloTimeoutMs);
    try {
      it.server =
          NettyServerBuilder.forAddress(
                  new InetSocketAddress(host, port), security.serverCredentials())
              .executor(it.streams)
              .maxInboundMessageSize(MAX_REPORT_BYTES)
              .maxConcurrentCallsPerConnection(MAX_STREAMS_PER_CONNECTION)
              .permitKeepAliveTime(5, TimeUnit.SECONDS)
              .permitKeepAliveWithoutCalls(true)
              .keepAliveTime(10, TimeUnit.SECONDS)
              .keepAliveTimeout(5, TimeUnit.SECONDS)
              .addService(it.service())
              .build()
              .start();
    } catch (IOException e) {
      it.loop.shutdownNow();
      throw e;
    }
    return it;
  }

  /**
   * Makes a server that listens nowhere itself: {@link #companion} is added to a server of somebody
   * else.
   *
   * @param self which switch this is
   * @param security who may attach
   */
  public static ManagementServer unbound(
      ModuleId self, Coordinator coordinator, LinkSecurity security) {
    return new ManagementServer(self, coordinator, security, HELLO_TIMEOUT_MS);
  }

  /** The service and its thread, for the server of the links. */
  public Companion companion() {
    return new Companion(service(), streams);
  }

  private ServerServiceDefinition service() {
    return Callers.known(new Service());
  }

  /** TCP port that it listens on. */
  public int port() {
    Server it = server;
    return it == null ? -1 : it.getPort();
  }

  /** What is known now: who is attached, and who acknowledged which epoch. */
  public ControlStatus status() {
    return status;
  }

  /** Returns the last changes of table as JSON, the newest last. */
  public String scaleEvents() {
    return "{\"scale_events\":[" + String.join(",", scaleEvents) + "]}\n";
  }

  private void remember(List<ScaleEvent> ended) {
    if (!ended.isEmpty()) {
      String time = Instant.now().toString();
      List<String> all = new ArrayList<>(scaleEvents);
      ended.forEach(
          it -> {
            all.add(it.toJson(time));
            observer.observe(Counter.SCALE_BLOCKED, it.share().blockedNs());
          });
      scaleEvents = List.copyOf(all.subList(Math.max(0, all.size() - MOST_EVENTS), all.size()));
    }
  }

  /** Whether the configuration has this module, or the present table: whether it may link. */
  public boolean knows(ModuleId module) {
    return topology.has(module) || status.isMember(module);
  }

  /**
   * Takes a changed configuration; modules get a new directive as soon as its workers are there.
   */
  public void configure(GatewaySpec spec, String policyYaml) {
    onLoop(
        () ->
            changing(
                () -> {
                  coordinator.configure(spec, policyYaml);
                  topology = coordinator.topology();
                }));
  }

  /** N is to be this; modules get a new directive as soon as its workers are there. */
  public void quantity(int workers) {
    onLoop(() -> changing(() -> coordinator.quantity(workers)));
  }

  @Override
  public List<Counter> observedBy(Observer it) {
    observer = it;
    return List.of(Counter.SCALE_BLOCKED);
  }

  @Override
  public List<Reading> readings() {
    return counters.readings();
  }

  /** Ends all streams and stops listening. */
  @Override
  public void close() {
    Server it = server;
    if (it != null) {
      it.shutdownNow();
      try {
        it.awaitTermination(5, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    loop.shutdownNow();
  }

  private void onLoop(Runnable task) {
    try {
      loop.execute(task);
    } catch (RejectedExecutionException e) {
      // closed: nothing is left to do
      return;
    }
  }

  /** Lets the coordinator do something, and tells the modules what comes of it. */
  private void changing(Runnable task) {
    int before = coordinator.newest().epoch();
    task.run();
    publish(before);
  }

  private void tick() {
    changing(() -> coordinator.tick(System.nanoTime()));
  }

  /** A directive first: steps begin with the table that it has. */
  private void publish(int epochBefore) {
    remember(coordinator.events());
    if (coordinator.newest().epoch() != epochBefore) {
      encoded = ManagementWire.encode(coordinator.newest());
    }
    changed();
    for (TableChange.Outgoing step : coordinator.steps()) {
      Session session = sessions.get(step.to().module());
      if (session != null && session.isOf(step.to())) {
        session.directives.onNext(ChangeWire.encode(step.order()));
      }
    }
  }

  /** Status first: whoever has been told a directive finds in the status what it came from. */
  private void changed() {
    refresh();
    tell();
    tellJoining();
  }

  /** Workers first: IO modules get a table when all workers in it have acknowledged it. */
  private void tell() {
    if (coordinator.isGathering()) {
      return; // what it had before, it makes no more use of
    }
    int epoch = coordinator.newest().epoch();
    boolean workersFollow = coordinator.workersFollow();
    for (Session session : sessions.values()) {
      if (session.told != epoch && (workersFollow || session.isWorker())) {
        session.told = epoch;
        session.directives.onNext(encoded);
      }
    }
  }

  /** Modules that know a table and open links are told of workers that have no place in it. */
  private void tellJoining() {
    List<Member> workers = coordinator.joining();
    for (Session session : sessions.values()) {
      if (session.opensLinks() && session.told > 0 && !session.joining.equals(workers)) {
        session.joining = workers;
        session.directives.onNext(ManagementWire.joining(workers));
      }
    }
  }

  private void refresh() {
    status = coordinator.status();
    counters.set(attachedSlot, status.attached().size());
    counters.set(workersSlot, status.workers().size());
    counters.set(epochSlot, status.epoch());
  }

  private final class Service extends ManagementGrpc.ManagementImplBase {
    @Override
    public StreamObserver<ModuleReport> attach(
        StreamObserver<dev.portcullis.core.management.proto.Directive> directives) {
      Session session =
          new Session(
              (ServerCallStreamObserver<dev.portcullis.core.management.proto.Directive>) directives,
              Callers.connection());
      loop.schedule(session::checkHello, helloTimeoutMs, TimeUnit.MILLISECONDS);
      return session;
    }
  }

  /** One stream; all on the loop. */
  private final class Session implements StreamObserver<ModuleReport> {

    private final ServerCallStreamObserver<dev.portcullis.core.management.proto.Directive>
        directives;
    private final Attributes connection;
    private @Nullable ModuleId module;
    private @Nullable ModuleHello hello;
    private boolean ended;
    private int told = -1;
    private List<Member> joining = List.of();

    Session(
        ServerCallStreamObserver<dev.portcullis.core.management.proto.Directive> directives,
        Attributes connection) {
      this.directives = directives;
      this.connection = connection;
      directives.setOnCancelHandler(this::gone);
    }

    boolean isOf(Life life) {
      return hello != null && hello.generation() == life.generation();
    }

    boolean isWorker() {
      return module != null && module.kind() == ModuleId.Kind.WORKER;
    }

    boolean opensLinks() {
      return module != null && coordinator.opensLinks(module);
    }

    void checkHello() {
      if (module == null && !ended) {
        refuse(new Refusal(Cause.SILENT, "no hello within " + helloTimeoutMs + " ms"));
      }
    }

    @Override
    public void onNext(ModuleReport report) {
      if (ended) {
        return;
      }
      switch (report.getReportCase()) {
        case HELLO -> hello(report.getHello());
        case ANSWER -> answer(report.getAnswer());
        case LEAVE -> leave();
        case LINKED -> linked(report.getLinked());
        case ACKNOWLEDGEMENT -> acknowledge(report.getAcknowledgement().getEpoch());
        case REPORT_NOT_SET ->
            refuse(
                new Refusal(
                    Cause.MALFORMED,
                    "a report must be a hello, an acknowledgement, an answer, a leave or what is linked"));
      }
    }

    private void hello(Hello message) {
      if (message.getProtocolVersion() != ManagementWire.VERSION) {
        refuse(
            new Refusal(
                Cause.VERSION,
                "protocol version "
                    + Integer.toUnsignedString(message.getProtocolVersion())
                    + " is not spoken here; version "
                    + ManagementWire.VERSION
                    + " is"));
        return;
      }
      if (module != null) {
        refuse(new Refusal(Cause.MALFORMED, module + " said hello twice on one stream"));
        return;
      }
      ModuleHello hello;
      try {
        hello = ManagementWire.decode(message);
      } catch (IllegalArgumentException e) {
        refuse(new Refusal(Cause.UNKNOWN_MODULE, String.valueOf(e.getMessage())));
        return;
      }
      try {
        security.check(hello.module().kind(), connection);
      } catch (StatusRuntimeException e) {
        refuse(new Refusal(Cause.IDENTITY, String.valueOf(e.getStatus().getDescription())));
        return;
      }
      int before = coordinator.newest().epoch();
      Refusal refusal = coordinator.attach(hello);
      if (refusal != null) {
        refuse(refusal);
        return;
      }
      module = hello.module();
      this.hello = hello;
      Session older = sessions.remove(hello.module());
      if (older != null) {
        older.end(Status.ABORTED.withDescription(module + " attached by a newer stream"));
      }
      sessions.put(hello.module(), this);
      publish(before);
    }

    private void answer(ChangeAnswer answer) {
      ModuleHello from = hello;
      try {
        if (from == null) {
          refuse(new Refusal(Cause.MALFORMED, "the first report must be a hello"));
        } else {
          changing(() -> coordinator.answer(from, answer, System.nanoTime()));
        }
      } catch (IllegalArgumentException e) {
        refuse(new Refusal(Cause.MALFORMED, String.valueOf(e.getMessage())));
      }
    }

    private void leave() {
      ModuleId it = module;
      if (it == null) {
        refuse(new Refusal(Cause.MALFORMED, "the first report must be a hello"));
      } else {
        changing(() -> coordinator.leave(it));
      }
    }

    private void linked(Linked message) {
      ModuleId it = module;
      if (it == null) {
        refuse(new Refusal(Cause.MALFORMED, "the first report must be a hello"));
        return;
      }
      try {
        List<Life> workers = ManagementWire.decode(message);
        changing(() -> coordinator.linked(it, workers));
      } catch (IllegalArgumentException e) {
        refuse(new Refusal(Cause.MALFORMED, String.valueOf(e.getMessage())));
      }
    }

    private void acknowledge(int epoch) {
      ModuleId it = module;
      int before = coordinator.newest().epoch();
      Refusal refusal =
          it == null
              ? new Refusal(Cause.MALFORMED, "the first report must be a hello")
              : coordinator.acknowledge(it, epoch);
      if (refusal == null) {
        publish(before);
      } else {
        refuse(refusal);
      }
    }

    @Override
    public void onError(Throwable cause) {
      gone();
    }

    @Override
    public void onCompleted() {
      if (!ended) {
        gone();
        directives.onCompleted();
      }
    }

    private void refuse(Refusal refusal) {
      counters.increment(Objects.requireNonNull(refusedSlots.get(refusal.cause())));
      gone();
      directives.onError(
          statusOf(refusal.cause()).withDescription(refusal.sentence()).asRuntimeException());
    }

    private void end(Status status) {
      ended = true;
      directives.onError(status.asRuntimeException());
    }

    private void gone() {
      ended = true;
      if (module != null && sessions.remove(module, this)) {
        ModuleId it = module;
        changing(() -> coordinator.detach(it));
      }
    }
  }

  private static Status statusOf(Cause cause) {
    return switch (cause) {
      case MALFORMED -> Status.INVALID_ARGUMENT;
      case VERSION -> Status.UNIMPLEMENTED;
      case UNKNOWN_MODULE -> Status.NOT_FOUND;
      case STALE_GENERATION, CONTRADICTION -> Status.FAILED_PRECONDITION;
      case IDENTITY -> Status.PERMISSION_DENIED;
      case SILENT -> Status.DEADLINE_EXCEEDED;
      case OCCUPIED -> Status.UNAVAILABLE;
    };
  }
}
