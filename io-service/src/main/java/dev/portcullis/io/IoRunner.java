package dev.portcullis.io;

import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.link.LinkFault;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
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
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.Leave;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleFiles;
import dev.portcullis.core.process.ModuleRunner;
import dev.portcullis.core.process.ModuleSettings;
import dev.portcullis.core.process.Notices;
import dev.portcullis.core.process.RunningModule;
import dev.portcullis.core.process.ToldConfig;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.io.pcap.PcapngWriter;
import dev.portcullis.io.port.FeedPort;
import dev.portcullis.io.port.GenevePort;
import dev.portcullis.io.port.GwlbPort;
import dev.portcullis.io.port.PacketPort;
import dev.portcullis.io.port.PcapPort;
import dev.portcullis.io.port.Port;
import dev.portcullis.io.port.TunPort;
import dev.portcullis.io.port.VxlanPort;
import dev.portcullis.io.system.SystemException;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Puts the IO module together out of plain objects and starts it. */
@Singleton
public class IoRunner implements ModuleRunner {

  private static final ModuleId FEED = new ModuleId(ModuleId.Kind.FEED, 0);

  @Override
  public RunningModule start(ModuleSettings settings, Consumer<ModuleException> failed)
      throws ModuleException {
    GatewayConfig config = ModuleFiles.load(settings.files()).config();
    LinkSecurity security = ModuleFiles.security(settings.identity());
    LinkLoops loops = LinkLoops.start(1, "io-" + settings.name());
    try {
      RunningModule running =
          start(settings, config, security, loops, System.currentTimeMillis(), failed);
      return ModuleFiles.closing(
          ModuleFiles.following(running, settings.identity(), security), loops::close);
    } catch (ModuleException | RuntimeException e) {
      loops.close();
      throw e;
    }
  }

  /**
   * Starts the module on loops of somebody else.
   *
   * @param settings name, switches and feed are used
   * @param config configuration of the gateway
   * @param security encryption and identity of the links
   * @param loops threads; not closed here
   * @param generation which life of the module this is
   * @param failed takes the reason when the module cannot go on later
   */
  public static RunningModule start(
      ModuleSettings settings,
      GatewayConfig config,
      LinkSecurity security,
      LinkLoops loops,
      long generation,
      Consumer<ModuleException> failed)
      throws ModuleException {
    GatewaySpec spec = config.gateway();
    Topology topology = Topology.of(spec);
    ModuleId self = topology.io(settings.name());
    if (self == null) {
      throw new ModuleException(
          ExitCode.USAGE,
          "there is no IO module \""
              + settings.name()
              + "\" in spec.io; allowed is one of "
              + topology.ioNames());
    }
    List<LogicalInterface> interfaces = topology.ofModule(self);
    Map<String, Integer> tags = new LinkedHashMap<>();
    interfaces.forEach(it -> tags.put(it.port(), it.tag()));
    LinkLoop loop = loops.next();
    HostPort feed = settings.feed();
    IoModule[] module = new IoModule[1];
    PortsOfModule ports =
        new PortsOfModule(
            config,
            topology,
            interfaces,
            feed != null,
            () -> module[0] != null && module[0].ready());
    Notices notices = Notices.onStandardError();
    LinkObserver observer =
        new LinkObserver() {
          @Override
          public void up(ModuleId peer, int lane) {
            changed(peer, true);
          }

          @Override
          public void down(ModuleId peer, int lane, String why) {
            changed(peer, false);
          }

          private void changed(ModuleId peer, boolean isUp) {
            if (peer.kind() == ModuleId.Kind.WORKER) {
              module[0].linkChanged(isUp);
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

          /** What went to a feed has left by a port: nothing of it is lost inside the gateway. */
          @Override
          public void lost(ModuleId destination, long packets) {
            if (destination.kind() == ModuleId.Kind.WORKER) {
              module[0].lost(packets);
            }
          }
        };
    LinkSettings linkSettings =
        LinkSettings.defaults().withQueueBytes(spec.limits().linkQueueBytes());
    ManagementClient[] management = new ManagementClient[1];
    try {
      module[0] =
          new IoModule(
              self,
              generation,
              topology,
              loop,
              handler ->
                  ModuleLinks.create(
                      self,
                      generation,
                      new LinkLoop[] {loop},
                      tags,
                      linkSettings,
                      security,
                      handler,
                      observer),
              ports::open,
              answer -> management[0].answer(answer, ChangeShare.NONE),
              workers -> management[0].linked(workers));
    } catch (UncheckedIOException e) {
      throw new ModuleException(ExitCode.INPUT, String.valueOf(e.getMessage()));
    } catch (SystemException e) {
      throw new ModuleException(ExitCode.FAILED, String.valueOf(e.getMessage()));
    }
    IoModule io = module[0];
    if (spec.limits().linkFull() == GatewaySpec.LinkFull.BLOCK) {
      io.blockWhenFull(spec.limits().linkQueueBytes());
    }
    management[0] =
        new ManagementClient(
            ModuleHello.io(self.number(), generation, tags),
            settings.switches().stream()
                .map(it -> new InetSocketAddress(it.host(), it.port()))
                .toList(),
            security,
            new DirectiveListener() {
              private final ToldConfig told = new ToldConfig(self, config, System.err::println);

              @Override
              public void onDirective(Directive directive) {
                told.follow(directive);
                io.configure(told.config());
                io.table(
                    directive.table(told.config().gateway()),
                    () -> {
                      management[0].acknowledge(directive.epoch());
                      io.start();
                      if (feed != null) {
                        io.links().connect(FEED, 0, 0, feed.host(), feed.port());
                      }
                    });
              }

              @Override
              public void onOrder(ChangeOrder order) {
                DistributionTable coming =
                    order.order() instanceof Prepare it
                        ? DistributionTable.of(
                            told.config().gateway(),
                            it.next().epoch(),
                            it.now().epoch(),
                            order.next())
                        : null;
                io.order(order.order(), coming);
              }

              @Override
              public void onJoining(List<Member> workers) {
                io.joining(workers);
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
        io, management[0], spec.path() == GatewaySpec.PathMode.RECORD && feed == null);
  }

  /**
   * The module.
   *
   * @param handsOver whether tables of this gateway change step by step
   */
  private record Running(IoModule io, ManagementClient management, boolean handsOver)
      implements RunningModule {
    @Override
    public boolean ready() {
      return io.ready();
    }

    @Override
    public @Nullable HostPort links() {
      return null;
    }

    @Override
    public MetricsSource metrics() {
      return MetricsSource.sumOf(List.of(io.metrics(), io.links(), management));
    }

    /** Waits for a table without this module, unless nobody decides or has what it has taken in. */
    @Override
    public void leave() {
      io.leave();
      Leave.await(
          management::leave,
          () ->
              handsOver
                  && !io.hasLeft()
                  && io.hasWorkers()
                  && management.attached()
                  && management.last() != null);
    }

    @Override
    public void stop() {
      management.close();
      io.close();
    }
  }

  /** The ports of one IO module by its configuration. */
  private record PortsOfModule(
      GatewayConfig config,
      Topology topology,
      List<LogicalInterface> interfaces,
      boolean feed,
      BooleanSupplier ready) {

    private GatewaySpec.PortSpec specOf(LogicalInterface it) {
      return config.gateway().io().stream()
          .flatMap(io -> io.ports().stream())
          .filter(port -> port.name().equals(it.port()))
          .findFirst()
          .orElseThrow();
    }

    List<Port> open(ModuleLinks links, LinkLoop loop) {
      List<Port> ports = new ArrayList<>();
      for (LogicalInterface it : interfaces) {
        ports.add(
            feed
                ? new FeedPort(it.tag(), it.port(), links.outlet(0, FEED, 0))
                : open(it, specOf(it), loop));
      }
      return ports;
    }

    private Port open(LogicalInterface it, GatewaySpec.PortSpec port, LinkLoop loop) {
      boolean inline = topology.inlinePartner(it.tag()) >= 0;
      return switch (port.driver()) {
        case PCAP -> pcap(it, port.pcap(), loop);
        case TUN -> TunPort.open(it.tag(), port, loop, Clock.systemUTC(), System.err::println);
        case PACKET ->
            PacketPort.open(
                it.tag(), config, port, inline, loop, Clock.systemUTC(), System.err::println);
        case VXLAN -> VxlanPort.open(it.tag(), config, port, inline, loop, Clock.systemUTC());
        case GENEVE ->
            port.isReturning()
                ? GwlbPort.open(it.tag(), port, ready, loop, Clock.systemUTC())
                : GenevePort.open(it.tag(), config, port, inline, loop, Clock.systemUTC());
      };
    }

    private static Port pcap(
        LogicalInterface it, GatewaySpec.@Nullable PcapSpec pcap, LinkLoop loop) {
      List<Path> read = pcap == null ? List.of() : pcap.read().stream().map(Path::of).toList();
      String write = pcap == null ? null : pcap.write();
      PcapngWriter out = null;
      if (write != null) {
        try {
          out = PcapngWriter.create(Path.of(write));
        } catch (IOException e) {
          throw new UncheckedIOException("port " + it.port() + ": " + e.getMessage(), e);
        }
      }
      return new PcapPort(it.tag(), it.port(), read, out, loop, System.err::println);
    }
  }
}
