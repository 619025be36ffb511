package dev.portcullis.standalone.gateway;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.event.EventLog;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.event.LoggingModule;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.core.process.GuestPorts;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.LinkIdentity;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleFiles;
import dev.portcullis.core.process.ModuleSettings;
import dev.portcullis.core.process.RunningModule;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.io.IoRunner;
import dev.portcullis.switching.SwitchRunner;
import dev.portcullis.worker.WorkerRunner;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The embedded gateway: the switch, the workers and the IO modules of a configuration in this
 * process. They are the same objects that run as processes of their own, and speak over the same
 * links, on loopback and in plain text.
 */
public final class EmbeddedGateway implements AutoCloseable {

  /** How long the modules may take to get a table. */
  private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(30);

  private static final HostPort ANY = new HostPort("127.0.0.1", 0);
  private static final LinkIdentity PLAINTEXT = new LinkIdentity(null, null, null);

  private final GatewayConfig config;
  private final LinkLoops loops;
  private final List<RunningModule> modules = new CopyOnWriteArrayList<>();
  private final Map<Integer, RunningModule> workers = new TreeMap<>();
  private SwitchRunner.@Nullable SwitchModule relay;

  private final @Nullable EventLog log;

  private EmbeddedGateway(GatewayConfig config, int threads, @Nullable EventLog log) {
    this.config = config;
    this.loops = LinkLoops.start(threads, "gateway");
    this.log = log;
  }

  /**
   * Starts all modules and waits until each has a table.
   *
   * @param config the configuration
   * @param source its documents, handed to the modules by management
   * @param feed where IO modules get recorded frames; null: their ports are those of the
   *     configuration
   * @throws ModuleException when a module does not start
   */
  public static EmbeddedGateway start(GatewayConfig config, String source, @Nullable HostPort feed)
      throws ModuleException {
    GatewaySpec.Log events = config.gateway().log();
    // what a replay causes goes to the replay
    EventLog log = feed == null ? EventLog.open(events, "gateway", System.err::println) : null;
    EmbeddedGateway gateway =
        new EmbeddedGateway(config, Math.max(2, Runtime.getRuntime().availableProcessors()), log);
    try {
      gateway.startModules(source, feed);
      if (log != null && LoggingModule.writesStats(events)) {
        log.stats(events.statsIntervalNs(), gateway.metrics());
      }
      return gateway;
    } catch (ModuleException | RuntimeException e) {
      gateway.close();
      throw e;
    }
  }

  private void startModules(String source, @Nullable HostPort feed) throws ModuleException {
    LinkSecurity security = LinkSecurity.plaintext();
    long generation = System.currentTimeMillis();
    SwitchRunner.SwitchModule started =
        SwitchRunner.start(0, ANY, config.gateway(), source, security, loops, generation);
    relay = started;
    modules.add(started);
    for (int number : workers(config)) {
      RunningModule worker = startWorker(number, generation);
      workers.put(number, worker);
      modules.add(worker);
    }
    for (String name : Topology.of(config.gateway()).ioNames()) {
      modules.add(
          IoRunner.start(settings(name, feed), config, security, loops, generation, failure -> {}));
    }
    await(
        () -> modules.stream().allMatch(RunningModule::ready),
        "the modules of the gateway did not get their table");
  }

  private RunningModule startWorker(int number, long generation) throws ModuleException {
    return WorkerRunner.start(
        settings(Integer.toString(number), null),
        config,
        config.gateway().workers().shards(),
        LinkSecurity.plaintext(),
        loops,
        generation,
        log == null ? EventSink.NONE : log);
  }

  private static void await(BooleanSupplier what, String otherwise) throws ModuleException {
    long deadline = System.nanoTime() + TIMEOUT_NS;
    while (!what.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new ModuleException(
            ExitCode.FAILED,
            otherwise + " within " + TimeUnit.NANOSECONDS.toSeconds(TIMEOUT_NS) + " s");
      }
      LockSupport.parkNanos(200_000);
    }
  }

  private static List<Integer> workers(GatewayConfig config) {
    int n = config.gateway().workers().replicas();
    List<Integer> numbers = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      numbers.add(i);
    }
    config
        .gateway()
        .pools()
        .forEach(
            pool -> {
              for (int i = 0; i < pool.replicas(); i++) {
                numbers.add(pool.base() + i);
              }
            });
    return numbers.stream().distinct().collect(Collectors.toList());
  }

  private ModuleSettings settings(String name, @Nullable HostPort feed) {
    List<HostPort> switches = List.of(Objects.requireNonNull(control().links()));
    return new ModuleSettings(
        name, List.of(), ANY, null, switches, PLAINTEXT, feed, GuestPorts.ANY);
  }

  /** Hands all modules a configuration that was checked, and that a running gateway can take. */
  public void configure(ModuleFiles.Loaded loaded) {
    control().configure(loaded);
  }

  /**
   * Changes N while no packet is under way, and waits until every module works by the new table and
   * all state is where it belongs by it.
   *
   * @param workers up to {@code workers.replicas}
   * @throws ModuleException when that takes more than 30 s
   */
  public void scale(int workers) throws ModuleException {
    control().quantity(workers);
    await(
        () -> settled().stream().filter(it -> !isOfPool(it)).count() == workers,
        "not all modules worked by a table of " + workers + " workers");
    awaitReplicas();
  }

  /**
   * A worker ends without handing anything over, while no packet is under way. Returns when its
   * flows, where it had a replica, have gone on at its guardian, and when its next life has its
   * place again.
   *
   * @param worker a number of the table
   * @throws ModuleException when that takes more than 30 s
   */
  public void kill(int worker) throws ModuleException {
    RunningModule killed = Objects.requireNonNull(workers.get(worker));
    killed.stop();
    long generation = System.currentTimeMillis();
    RunningModule next = startWorker(worker, generation);
    workers.put(worker, next);
    modules.set(modules.indexOf(killed), next);
    await(
        () ->
            settled().stream()
                .anyMatch(it -> it.number() == worker && it.generation() == generation),
        "worker " + worker + " was killed, and its next life had no place");
    awaitReplicas();
  }

  /**
   * Waits until each worker has a full replica at another one, where {@code replication} asks for
   * that and there are two workers.
   *
   * @throws ModuleException when that takes more than 30 s
   */
  public void awaitReplicas() throws ModuleException {
    if (config.gateway().replication() != GatewaySpec.Replication.NONE) {
      await(
          () -> {
            List<Member> all = settled();
            return all.size() == 1
                || !all.isEmpty() && all.stream().allMatch(it -> hasReplica(it.number()));
          },
          "not all workers had a replica");
    }
  }

  private boolean hasReplica(int worker) {
    return reading(worker, Counter.REPLICA_UNPROTECTED) == 0
        && reading(worker, Counter.REPLICA_LAG) == 0;
  }

  private long reading(int worker, Counter counter) {
    List<String> labels = List.of(Integer.toString(worker));
    return Objects.requireNonNull(workers.get(worker)).metrics().readings().stream()
        .filter(it -> it.counter() == counter && it.labelValues().equals(labels))
        .mapToLong(it -> it.value().getAsLong())
        .sum();
  }

  private boolean isWorker(RunningModule it) {
    return workers.containsValue(it);
  }

  private boolean isOfPool(Member it) {
    return config.gateway().pools().stream()
        .anyMatch(
            pool -> it.number() >= pool.base() && it.number() < pool.base() + pool.replicas());
  }

  private List<Member> settled() {
    return control().settled();
  }

  private SwitchRunner.SwitchModule control() {
    return Objects.requireNonNull(relay);
  }

  /** The numbers of all modules. */
  public MetricsSource metrics() {
    List<MetricsSource> sources = new ArrayList<>();
    modules.forEach(it -> sources.add(it.metrics()));
    if (log != null) {
      sources.add(log);
    }
    return MetricsSource.sumOf(sources);
  }

  /** Returns live flows of all workers that a filter lets through. */
  public FlowPage flows(FlowFilter filter) {
    FlowPage page = FlowPage.NONE;
    for (RunningModule it : modules) {
      page = page.and(it.flows(filter), filter.limit());
    }
    return page;
  }

  /** Opens the log of events again: on SIGHUP, when a program has put its file aside. */
  public void reopen() {
    if (log != null) {
      log.reopen();
    }
  }

  /** Stops the modules: ports first, then the switch, so that nobody goes on as another worker. */
  @Override
  public void close() {
    modules.reversed().stream()
        .filter(it -> !isWorker(it) && it != relay)
        .forEach(RunningModule::stop);
    if (relay != null) {
      relay.stop();
    }
    modules.stream().filter(this::isWorker).forEach(RunningModule::stop);
    if (log != null) {
      log.close();
    }
    loops.close();
  }
}
