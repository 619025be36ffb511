package dev.portcullis.worker;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.link.LinkFault;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.management.ChangeOrder;
import dev.portcullis.core.management.ChangeShare;
import dev.portcullis.core.management.Directive;
import dev.portcullis.core.management.DirectiveListener;
import dev.portcullis.core.management.ManagementClient;
import dev.portcullis.core.management.ModuleHello;
import dev.portcullis.core.management.OperatorService;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.core.process.GuestPorts;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.Leave;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleSettings;
import dev.portcullis.core.process.Notices;
import dev.portcullis.core.process.RunningModule;
import dev.portcullis.core.topology.Topology;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * What the workers of a process share: threads, identity, events. There is one, and for a while
 * those others whose flows it goes on with as their guardian.
 */
final class WorkerProcess {

  private static final long LEAVE_LOOK_MS = 20;

  private static final System.Logger LOG = System.getLogger(WorkerProcess.class.getName());

  private final ModuleSettings settings;
  private final Topology topology;
  private final LinkSecurity security;
  private final LinkLoop[] lanes;
  private final EventSink events;
  private final Consumer<ModuleException> failed;
  private final List<Running> guests = new CopyOnWriteArrayList<>();

  /** The worker that the process is for. */
  private volatile @Nullable Running host;

  /** What guests counted that have left. */
  private MetricsSource departed = List::of;

  private final Map<Integer, PassiveWiring> wirings = new ConcurrentHashMap<>();

  /**
   * Makes it.
   *
   * @param topology who may link here
   */
  WorkerProcess(
      ModuleSettings settings,
      Topology topology,
      LinkSecurity security,
      LinkLoop[] lanes,
      EventSink events,
      Consumer<ModuleException> failed) {
    this.settings = settings;
    this.topology = topology;
    this.security = security;
    this.lanes = lanes.clone();
    this.events = events;
    this.failed = failed;
  }

  /**
   * Starts the worker that the process is for.
   *
   * @param life who it is
   * @param follower the worker itself
   * @param begin gives the worker its links
   */
  Running start(Life life, PolicyFollower follower, Consumer<ModuleLinks> begin)
      throws ModuleException {
    GuestPorts port = GuestPorts.only(settings.listen().port());
    Running started = start(life, follower, port, settings.advertise(), begin);
    host = started;
    return started;
  }

  /**
   * Starts a worker.
   *
   * @param ports links are accepted on the first of these that is free
   * @param advertise what others connect to, port 0: the one that was free; null: the address that
   *     is listened on
   */
  private Running start(
      Life life,
      PolicyFollower follower,
      GuestPorts ports,
      @Nullable HostPort advertise,
      Consumer<ModuleLinks> begin)
      throws ModuleException {
    ModuleId self = life.module();
    GatewaySpec spec = follower.config().gateway();
    WorkerCounts counts = new WorkerCounts(self, follower);
    Notices notices = Notices.onStandardError();
    GuardDuty[] duty = new GuardDuty[1];
    WorkerLinks[] workers = new WorkerLinks[1];
    AtomicInteger ioStreams = new AtomicInteger();
    LinkObserver observer =
        new LinkObserver() {
          @Override
          public void up(ModuleId peer, int lane) {
            if (peer.kind() == ModuleId.Kind.IO) {
              ioStreams.incrementAndGet();
              follower.worker().onIoStream(lane, peer, true);
            }
            if (duty[0] != null) {
              duty[0].up(peer);
            }
            if (workers[0] != null) {
              workers[0].changed();
            }
          }

          @Override
          public void down(ModuleId peer, int lane, String why) {
            if (peer.kind() == ModuleId.Kind.IO) {
              ioStreams.decrementAndGet();
              follower.worker().onIoStream(lane, peer, false);
            }
            if (duty[0] != null) {
              duty[0].down(peer);
            }
            if (workers[0] != null) {
              workers[0].changed();
            }
          }

          @Override
          public void unreachable(ModuleId peer, String why) {
            notices.say("link", self + " does not reach " + why);
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
    boolean isReplicated = spec.replication() != GatewaySpec.Replication.NONE;
    LinkSettings settingsOfLinks =
        LinkSettings.defaults().withQueueBytes(spec.limits().linkQueueBytes());
    ModuleLinks links =
        ModuleLinks.create(
            self,
            life.generation(),
            lanes,
            Map.of(),
            isReplicated
                ? settingsOfLinks.withSilence(spec.timeouts().silenceNs())
                : settingsOfLinks,
            security.admitting(topology::has),
            follower,
            observer);
    begin.accept(links);
    ManagementClient[] management = new ManagementClient[1];
    boolean isMesh = spec.switchModule().mode() == GatewaySpec.SwitchMode.MESH;
    if (isReplicated) {
      duty[0] =
          new GuardDuty(
              life,
              follower,
              new LinkWiring(lanes, links),
              number -> passive(number, follower, management[0]),
              answer -> management[0].answer(answer, ChangeShare.NONE),
              (ended, state) -> goOn(ended, state, counts, duty[0]));
    }
    int port = listen(follower, links, ports);
    HostPort address =
        advertise == null
            ? new HostPort(settings.listen().host(), port)
            : new HostPort(advertise.host(), advertise.port() == 0 ? port : advertise.port());
    List<ModuleId> switches = new ArrayList<>();
    if (!isMesh) {
      settings.switches().forEach(it -> switches.add(relay(switches.size())));
    }
    management[0] =
        new ManagementClient(
            ModuleHello.worker(
                self.number(), life.generation(), address.host(), address.port(), lanes.length),
            settings.switches().stream()
                .map(it -> new InetSocketAddress(it.host(), it.port()))
                .toList(),
            security,
            new DirectiveListener() {
              private final WorkerChange change =
                  new WorkerChange(
                      life,
                      follower,
                      task -> management[0].execute(task),
                      (answer, share) -> management[0].answer(answer, share));

              private boolean hasPlace;

              @Override
              public void onDirective(Directive directive) {
                DistributionTable table = follower.follow(directive);
                if (!hasPlace && Running.isMember(directive, life)) {
                  hasPlace = true;
                  if (directive.previousEpoch() > 0 && !change.isTo(directive.epoch())) {
                    // in the place of a life that has ended: nobody has handed over to this one
                    follower.worker().flowsWereLost();
                  }
                }
                route(directive.workers());
                if (workers[0] != null) {
                  workers[0].table(directive.workers());
                }
                if (duty[0] != null) {
                  duty[0].follow(directive, table);
                }
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

              private void route(List<Member> members) {
                for (Member member : members) {
                  if (member.number() != self.number()) {
                    links.route(ModuleId.worker(member.number()), switches);
                    links.peer(ModuleId.worker(member.number()), member.generation());
                  }
                }
              }

              @Override
              public void onOrder(ChangeOrder order) {
                GuardDuty guards = duty[0];
                if (guards == null || !guards.order(order.order())) {
                  route(order.next());
                  if (workers[0] != null) {
                    workers[0].coming(order.next());
                  }
                  change.order(order);
                }
              }

              @Override
              public void onJoining(List<Member> members) {
                if (workers[0] != null) {
                  workers[0].joining(members);
                }
              }

              /**
               * Only who is accepted has links to relays: another life of this worker may go on at
               * its guardian, and the newest stream gets what is for the worker.
               */
              @Override
              public void onAttached() {
                if (!isMesh) {
                  connect(links);
                }
                if (duty[0] != null) {
                  duty[0].attached();
                }
              }

              @Override
              public void onTrouble(String sentence) {
                notices.say("management", self + ": " + sentence);
              }

              @Override
              public void onSuperseded(String sentence) {
                onTrouble(sentence);
                if (duty[0] != null) {
                  failed.accept(new ModuleException(ExitCode.FAILED, sentence));
                }
              }
            },
            Runnable::run,
            RandomGenerator.getDefault());
    if (isMesh || isReplicated) {
      workers[0] =
          new WorkerLinks(
              life, links, lanes, isMesh, management[0]::execute, management[0]::linked);
    }
    management[0].start();
    return new Running(life, address, links, management[0], counts, follower, ioStreams);
  }

  private static ModuleId relay(int number) {
    return new ModuleId(ModuleId.Kind.SWITCH, number);
  }

  /** Opens streams to all relays, where they are not open. */
  private void connect(ModuleLinks links) {
    for (int i = 0; i < settings.switches().size(); i++) {
      HostPort at = settings.switches().get(i);
      for (int lane = 0; lane < lanes.length; lane++) {
        links.connect(relay(i), 0, lane, at.host(), at.port());
      }
    }
  }

  /** Returns the port that links are accepted on. */
  private int listen(PolicyFollower follower, ModuleLinks links, GuestPorts ports)
      throws ModuleException {
    String host = settings.listen().host();
    String why = "";
    for (int port = ports.first(); port <= ports.last(); port++) {
      try {
        return links
            .listen(
                host,
                port,
                List.of(OperatorService.companion(it -> follower.worker().clear(it), security)))
            .getPort();
      } catch (IOException e) {
        why =
            new HostPort(host, port)
                + " cannot be listened on: "
                + e.getMessage()
                + "; choose another with "
                + (port == settings.listen().port() ? "--listen" : "--guest-ports");
      }
    }
    links.close();
    throw new ModuleException(ExitCode.FAILED, why);
  }

  /** The worker of a number without links, for its replica. */
  private PolicyFollower passive(int number, PolicyFollower of, ManagementClient management) {
    GatewayConfig config = of.config();
    PolicyFollower it =
        new PolicyFollower(
            ModuleId.worker(number), config, lanes.length, events, System.err::println);
    PassiveWiring wiring = new PassiveWiring(lanes);
    wirings.put(number, wiring);
    it.start(wiring);
    Directive last = management.last();
    if (last != null) {
      it.follow(last);
    }
    return it;
  }

  /** A worker whose life has ended goes on here, and leaves by the next table. */
  private void goOn(Life ended, PolicyFollower state, WorkerCounts counts, GuardDuty duty) {
    int number = ended.module().number();
    Life next = new Life(ended.module(), ended.generation() + 1, ended.shards());
    PassiveWiring wiring = wirings.get(number);
    if (wiring == null) {
      return;
    }
    try {
      HostPort advertise = settings.advertise();
      Running guest =
          start(
              next,
              state,
              settings.guests(),
              advertise == null ? null : new HostPort(advertise.host(), 0),
              wiring::begin);
      guests.add(guest);
      counts.tookOver();
      System.err.println(ended.module() + " is gone; it goes on here until its flows have moved");
      Thread.ofPlatform()
          .daemon()
          .name("guest-" + number)
          .start(
              () -> {
                guest.leaveAsGuest();
                guest.stop();
                depart(guest);
                duty.left(number);
              });
    } catch (ModuleException e) {
      counts.couldNotTakeOver();
      System.err.println(ended.module() + " is gone and cannot go on here: " + e.getMessage());
    }
  }

  /** What a guest has counted stays; what it was, such as by which table it worked, does not. */
  private void depart(Running guest) {
    synchronized (guests) {
      List<Reading> last =
          MetricsSource.sumOf(List.of(departed, guest.metrics())).readings().stream()
              .filter(it -> it.counter().type() == Counter.Type.COUNTER)
              .map(
                  it -> {
                    long value = it.value().getAsLong();
                    return new Reading(it.counter(), it.labelValues(), () -> value);
                  })
              .toList();
      departed = () -> last;
      guests.remove(guest);
    }
  }

  /** One worker. */
  final class Running implements RunningModule {
    private final Life life;
    private final HostPort links;
    private final ModuleLinks channels;
    private final ManagementClient management;
    private final WorkerCounts counts;
    private final PolicyFollower follower;
    private final AtomicInteger ioStreams;

    Running(
        Life life,
        HostPort links,
        ModuleLinks channels,
        ManagementClient management,
        WorkerCounts counts,
        PolicyFollower follower,
        AtomicInteger ioStreams) {
      this.life = life;
      this.links = links;
      this.channels = channels;
      this.management = management;
      this.counts = counts;
      this.follower = follower;
      this.ioStreams = ioStreams;
    }

    private boolean isGuest() {
      return guests.contains(this);
    }

    @Override
    public HostPort links() {
      return links;
    }

    /** In the table, or such that it can be: with a link from an IO module. */
    @Override
    public boolean ready() {
      return counts.epoch() > 0 && (isMember() || ioStreams.get() > 0);
    }

    @Override
    public MetricsSource metrics() {
      return () -> {
        List<MetricsSource> all = new ArrayList<>(List.of(counts, channels, management));
        synchronized (guests) {
          if (!isGuest()) {
            guests.forEach(it -> all.add(it.metrics()));
            all.add(departed);
          }
          return MetricsSource.sumOf(all).readings();
        }
      };
    }

    @Override
    public FlowPage flows(FlowFilter filter) {
      FlowPage page = follower.worker().flows(filter);
      if (!isGuest()) {
        for (Running it : guests) {
          page = page.and(it.flows(filter), filter.limit());
        }
      }
      return page;
    }

    /** Waits for a table without this worker, unless it is the last, or nobody decides. */
    @Override
    public void leave() {
      Leave.await(management::leave, this::isNeeded);
    }

    /** Waits for a table with this life, then for one without it, however long that takes. */
    void leaveAsGuest() {
      try {
        while (!isMember() && !isReplaced()) {
          Thread.sleep(LEAVE_LOOK_MS);
        }
        management.leave();
        while (isMember() && !isReplaced()) {
          Thread.sleep(LEAVE_LOOK_MS);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    /**
     * Whether the worker of this process has a table with a later life in the place of this one.
     * The guest may never be told: when that life has attached in its stead, a switch that does not
     * decide may be the only one that still takes it.
     */
    private boolean isReplaced() {
      Running own = host;
      Directive directive = own == null ? null : own.management.last();
      return directive != null
          && directive.workers().stream()
              .anyMatch(
                  it ->
                      it.number() == life.module().number() && it.generation() > life.generation());
    }

    private boolean isMember() {
      Directive directive = management.last();
      return directive != null && isMember(directive, life);
    }

    private static boolean isMember(Directive directive, Life life) {
      return directive.workers().stream()
          .anyMatch(
              it -> it.number() == life.module().number() && it.generation() == life.generation());
    }

    private boolean isNeeded() {
      Directive directive = management.last();
      return directive != null
          && follower.worker().handsOver()
          && management.attached()
          && directive.workers().size() > 1
          && isMember();
    }

    /** Ends with all that goes on in this process. */
    @Override
    public void stop() {
      if (!isGuest()) {
        guests.forEach(Running::stop);
      }
      management.close();
      channels.close();
      follower.worker().tellOfFlows();
    }
  }
}
