package dev.portcullis.worker;

import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.event.EventLog;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.event.LoggingModule;
import dev.portcullis.core.link.LinkFault;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.management.ChangeOrder;
import dev.portcullis.core.management.Directive;
import dev.portcullis.core.management.DirectiveListener;
import dev.portcullis.core.management.ManagementClient;
import dev.portcullis.core.management.ModuleHello;
import dev.portcullis.core.management.OperatorService;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleFiles;
import dev.portcullis.core.process.ModuleRunner;
import dev.portcullis.core.process.ModuleSettings;
import dev.portcullis.core.process.Notices;
import dev.portcullis.core.process.RunningModule;
import dev.portcullis.core.topology.Topology;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/** Puts the worker together out of plain objects and starts it. */
@Singleton
public class WorkerRunner implements ModuleRunner {

  /** How long a worker that is to end waits until others have what it has. */
  private static final long LEAVE_NS = 20_000_000_000L;

  private static final long LEAVE_LOOK_MS = 20;

  private static final System.Logger LOG = System.getLogger(WorkerRunner.class.getName());

  @Override
  public RunningModule start(ModuleSettings settings, Consumer<ModuleException> failed)
      throws ModuleException {
    GatewayConfig config = ModuleFiles.load(settings.files()).config();
    LinkSecurity security = ModuleFiles.security(settings.identity());
    int shards = config.gateway().workers().shards();
    LinkLoops loops = LinkLoops.start(shards, "worker-" + settings.name());
    EventLog log = null;
    try {
      log = EventLog.open(config.gateway().log(), "worker-" + settings.name(), System.err::println);
      RunningModule running =
          start(
              settings,
              config,
              shards,
              security,
              loops,
              System.currentTimeMillis(),
              log == null ? EventSink.NONE : log);
      RunningModule following = ModuleFiles.following(running, settings.identity(), security);
      return ModuleFiles.closing(
          log == null ? following : new LoggingModule(following, log, config.gateway().log()),
          loops::close);
    } catch (ModuleException | RuntimeException e) {
      if (log != null) {
        log.close();
      }
      loops.close();
      throw e;
    }
  }

  /**
   * Starts the module on loops of somebody else.
   *
   * @param settings name (the number K), listen, advertise and switches are used
   * @param config configuration of the gateway
   * @param shards threads: 1 to 16
   * @param security encryption and identity of the links
   * @param loops threads; not closed here
   * @param generation which life of the module this is
   * @param events takes events; not closed here
   */
  public static RunningModule start(
      ModuleSettings settings,
      GatewayConfig config,
      int shards,
      LinkSecurity security,
      LinkLoops loops,
      long generation,
      EventSink events)
      throws ModuleException {
    ModuleId self = ModuleId.worker(Integer.parseInt(settings.name()));
    LinkLoop[] lanes = new LinkLoop[shards];
    for (int i = 0; i < shards; i++) {
      lanes[i] = loops.next();
    }
    LinkSettings linkSettings =
        LinkSettings.defaults().withQueueBytes(config.gateway().limits().linkQueueBytes());
    PolicyFollower follower = new PolicyFollower(self, config, shards, events, System.err::println);
    WorkerCounts counts = new WorkerCounts(self, follower);
    Notices notices = Notices.onStandardError();
    AtomicInteger ioStreams = new AtomicInteger();
    LinkObserver observer =
        new LinkObserver() {
          @Override
          public void up(ModuleId peer, int lane) {
            if (peer.kind() == ModuleId.Kind.IO) {
              ioStreams.incrementAndGet();
            }
          }

          @Override
          public void down(ModuleId peer, int lane, String why) {
            if (peer.kind() == ModuleId.Kind.IO) {
              ioStreams.decrementAndGet();
            }
          }

          @Override
          public void refused(LinkFault fault, String why) {
            notices.say(fault.label(), self + " refused " + why);
          }

          @Override
          public void lost(ModuleId destination, long packets) {
            counts.lost(packets);
          }
        };
    ModuleLinks links =
        ModuleLinks.create(
            self,
            generation,
            lanes,
            Map.of(),
            linkSettings,
            security.admitting(Topology.of(config.gateway())::has),
            follower,
            observer);
    follower.start(new LinkWiring(lanes, links));
    HostPort listen = settings.listen();
    int port;
    try {
      port =
          links
              .listen(
                  listen.host(),
                  listen.port(),
                  List.of(OperatorService.companion(it -> follower.worker().clear(it), security)))
              .getPort();
    } catch (IOException e) {
      links.close();
      throw new ModuleException(
          ExitCode.FAILED,
          listen + " cannot be listened on: " + e.getMessage() + "; choose another with --listen");
    }
    List<ModuleId> switches = new ArrayList<>();
    for (HostPort relay : settings.switches()) {
      ModuleId it = new ModuleId(ModuleId.Kind.SWITCH, switches.size());
      switches.add(it);
      for (int lane = 0; lane < shards; lane++) {
        links.connect(it, 0, lane, relay.host(), relay.port());
      }
    }
    HostPort advertise = settings.advertise();
    HostPort address = advertise == null ? new HostPort(listen.host(), port) : advertise;
    ManagementClient[] management = new ManagementClient[1];
    management[0] =
        new ManagementClient(
            ModuleHello.worker(self.number(), generation, address.host(), address.port(), shards),
            settings.switches().stream()
                .map(it -> new InetSocketAddress(it.host(), it.port()))
                .toList(),
            security,
            new DirectiveListener() {
              private final WorkerChange change =
                  new WorkerChange(
                      new Life(self, generation, shards),
                      follower,
                      task -> management[0].execute(task),
                      (answer, share) -> management[0].answer(answer, share));

              @Override
              public void onDirective(Directive directive) {
                DistributionTable table = follower.follow(directive);
                route(directive.workers());
                follower
                    .worker()
                    .onTable(
                        table,
                        () -> {
                          counts.table(table);
                          LOG.log(
                              System.Logger.Level.DEBUG, self + " works by table " + table.epoch());
                          management[0].acknowledge(table.epoch());
                        });
              }

              private void route(List<Member> workers) {
                for (Member member : workers) {
                  if (member.number() != self.number()) {
                    links.route(ModuleId.worker(member.number()), switches);
                    links.peer(ModuleId.worker(member.number()), member.generation());
                  }
                }
              }

              @Override
              public void onOrder(ChangeOrder order) {
                route(order.next());
                change.order(order);
              }

              @Override
              public void onTrouble(String sentence) {
                notices.say("management", self + ": " + sentence);
              }
            },
            Runnable::run,
            RandomGenerator.getDefault());
    management[0].start();
    return new Running(
        new HostPort(listen.host(), port), links, management[0], counts, follower, ioStreams);
  }

  private record Running(
      HostPort links,
      ModuleLinks channels,
      ManagementClient management,
      WorkerCounts counts,
      PolicyFollower follower,
      AtomicInteger ioStreams)
      implements RunningModule {
    /** In the table, or such that it can be: with a link from an IO module. */
    @Override
    public boolean ready() {
      return counts.epoch() > 0 && (isMember() || ioStreams.get() > 0);
    }

    private boolean isMember() {
      Directive directive = management.last();
      return directive != null
          && directive.workers().stream().anyMatch(it -> it.number() == follower.worker().number());
    }

    @Override
    public MetricsSource metrics() {
      return MetricsSource.sumOf(List.of(counts, channels, management));
    }

    @Override
    public FlowPage flows(FlowFilter filter) {
      return follower.worker().flows(filter);
    }

    /** Waits for a table without this worker, unless it is the last, or nobody decides. */
    @Override
    public void leave() {
      if (isNeeded()) {
        management.leave();
      }
      long deadline = System.nanoTime() + LEAVE_NS;
      try {
        while (isNeeded() && System.nanoTime() < deadline) {
          Thread.sleep(LEAVE_LOOK_MS);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private boolean isNeeded() {
      Directive directive = management.last();
      return directive != null
          && follower.worker().handsOver()
          && management.attached()
          && directive.workers().size() > 1
          && isMember();
    }

    @Override
    public void stop() {
      management.close();
      channels.close();
      follower.worker().tellOfFlows();
    }
  }
}
