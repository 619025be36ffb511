package dev.portcullis.standalone.gateway;

import dev.portcullis.core.counters.MetricsSource;
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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The embedded gateway: the switch, the workers and the IO modules of a configuration in this
 * process. They are the same objects that run as processes of their own, and speak over the same
 * links, on loopback and in plain text.
 */
public final class EmbeddedGateway implements AutoCloseable {

  /** How long the modules may take to get their first table. */
  private static final long START_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(30);

  private static final HostPort ANY = new HostPort("127.0.0.1", 0);
  private static final LinkIdentity PLAINTEXT = new LinkIdentity(null, null, null);

  private final LinkLoops loops;
  private final List<RunningModule> modules = new ArrayList<>();
  private SwitchRunner.@Nullable SwitchModule relay;

  private final @Nullable EventLog log;

  private EmbeddedGateway(int threads, @Nullable EventLog log) {
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
        new EmbeddedGateway(Math.max(2, Runtime.getRuntime().availableProcessors()), log);
    try {
      gateway.startModules(config, source, feed);
      if (log != null && LoggingModule.writesStats(events)) {
        log.stats(events.statsIntervalNs(), gateway.metrics());
      }
      return gateway;
    } catch (ModuleException | RuntimeException e) {
      gateway.close();
      throw e;
    }
  }

  private void startModules(GatewayConfig config, String source, @Nullable HostPort feed)
      throws ModuleException {
    LinkSecurity security = LinkSecurity.plaintext();
    long generation = System.currentTimeMillis();
    SwitchRunner.SwitchModule started =
        SwitchRunner.start(0, ANY, config.gateway(), source, security, loops, generation);
    relay = started;
    modules.add(started);
    List<HostPort> switches = List.of(java.util.Objects.requireNonNull(started.links()));
    for (int number : workers(config)) {
      modules.add(
          WorkerRunner.start(
              settings(Integer.toString(number), switches, null),
              config,
              config.gateway().workers().shards(),
              security,
              loops,
              generation,
              log == null ? EventSink.NONE : log));
    }
    for (String name : Topology.of(config.gateway()).ioNames()) {
      modules.add(
          IoRunner.start(
              settings(name, switches, feed), config, security, loops, generation, failure -> {}));
    }
    long deadline = System.nanoTime() + START_TIMEOUT_NS;
    while (!modules.stream().allMatch(RunningModule::ready)) {
      if (System.nanoTime() > deadline) {
        throw new ModuleException(
            ExitCode.FAILED,
            "the modules of the gateway did not get their table within "
                + TimeUnit.NANOSECONDS.toSeconds(START_TIMEOUT_NS)
                + " s");
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

  private static ModuleSettings settings(
      String name, List<HostPort> switches, @Nullable HostPort feed) {
    return new ModuleSettings(
        name, List.of(), ANY, null, switches, PLAINTEXT, feed, GuestPorts.ANY);
  }

  /** Hands all modules a configuration that was checked, and that a running gateway can take. */
  public void configure(ModuleFiles.Loaded loaded) {
    java.util.Objects.requireNonNull(relay).configure(loaded);
  }

  /**
   * Changes N while no packet is under way, and waits until every module works by the new table and
   * all state is where it belongs by it.
   *
   * @param workers up to {@code workers.replicas}
   * @throws ModuleException when that takes more than 30 s
   */
  public void scale(int workers) throws ModuleException {
    SwitchRunner.SwitchModule control = java.util.Objects.requireNonNull(relay);
    int before = control.settledEpoch();
    control.quantity(workers);
    long deadline = System.nanoTime() + START_TIMEOUT_NS;
    while (control.settledEpoch() <= before) {
      if (System.nanoTime() > deadline) {
        throw new ModuleException(
            ExitCode.FAILED,
            "not all modules worked by a table of "
                + workers
                + " workers within "
                + TimeUnit.NANOSECONDS.toSeconds(START_TIMEOUT_NS)
                + " s");
      }
      LockSupport.parkNanos(200_000);
    }
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

  /** Stops the modules: ports first, then workers, then the switch. */
  @Override
  public void close() {
    for (int i = modules.size() - 1; i >= 0; i--) {
      modules.get(i).stop();
    }
    if (log != null) {
      log.close();
    }
    loops.close();
  }
}
