package dev.portcullis.switching;

import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.LinkFault;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.SwitchRelay;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.LiveChange;
import dev.portcullis.core.process.ConfigWatch;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleFiles;
import dev.portcullis.core.process.ModuleRunner;
import dev.portcullis.core.process.ModuleSettings;
import dev.portcullis.core.process.Notices;
import dev.portcullis.core.process.RunningModule;
import dev.portcullis.switching.management.ControlStatus;
import dev.portcullis.switching.management.Coordinator;
import dev.portcullis.switching.management.ManagementServer;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

/** Puts the switch together out of plain objects and starts it. */
@Singleton
public class SwitchRunner implements ModuleRunner {

  @Override
  public RunningModule start(ModuleSettings settings, Consumer<ModuleException> failed)
      throws ModuleException {
    ModuleFiles.Loaded loaded = ModuleFiles.load(settings.files());
    LinkSecurity security = ModuleFiles.security(settings.identity());
    LinkLoops loops = LinkLoops.start(1, "switch");
    try {
      SwitchModule running =
          start(
              Integer.parseInt(settings.name()),
              settings.listen(),
              loaded.config().gateway(),
              loaded.source(),
              security,
              loops,
              System.currentTimeMillis());
      ConfigWatch watch =
          ConfigWatch.start(
              settings.files(),
              loaded,
              LiveChange.OF_PROCESSES,
              running::configure,
              System.err::println);
      return ModuleFiles.closing(
          ModuleFiles.following(running, settings.identity(), security),
          watch::readNow,
          () -> {
            watch.close();
            loops.close();
          });
    } catch (ModuleException | RuntimeException e) {
      loops.close();
      throw e;
    }
  }

  /** A switch that was started. Any thread may call. */
  public interface SwitchModule extends RunningModule {

    /** Hands all modules a configuration that was checked; they acknowledge its epoch. */
    void configure(ModuleFiles.Loaded loaded);

    /** N is to be this: up to {@code workers.replicas}. */
    void quantity(int workers);

    /** Workers of the table that every attached module works by; none: not all by the same. */
    List<Member> settled();
  }

  /**
   * Starts the module on loops of somebody else.
   *
   * @param number which switch this is, from 0
   * @param listen where links and management are accepted
   * @param spec the gateway: how many workers its table waits for
   * @param policyYaml configuration documents for the modules
   * @param security encryption and identity of the links
   * @param loops threads; not closed here
   * @param generation which life of the module this is
   */
  public static SwitchModule start(
      int number,
      HostPort listen,
      GatewaySpec spec,
      String policyYaml,
      LinkSecurity security,
      LinkLoops loops,
      long generation)
      throws ModuleException {
    ModuleId self = new ModuleId(ModuleId.Kind.SWITCH, number);
    ManagementServer management =
        ManagementServer.unbound(self, new Coordinator(generation, spec, policyYaml), security);
    Notices notices = Notices.onStandardError();
    boolean isMesh = spec.switchModule().mode() == GatewaySpec.SwitchMode.MESH;
    SwitchRelay relay =
        new SwitchRelay(
            self,
            generation,
            loops.next(),
            spec.replication() == GatewaySpec.Replication.NONE
                ? LinkSettings.defaults()
                : LinkSettings.defaults().withSilence(spec.timeouts().silenceNs()),
            security.admitting(isMesh ? it -> false : management::knows),
            new LinkObserver() {
              @Override
              public void refused(LinkFault fault, String why) {
                notices.say(fault.label(), self + " refused " + why);
              }
            });
    try {
      int port =
          relay.listen(listen.host(), listen.port(), List.of(management.companion())).getPort();
      return new Running(number, new HostPort(listen.host(), port), relay, management);
    } catch (IOException e) {
      management.close();
      throw new ModuleException(
          ExitCode.FAILED,
          listen + " cannot be listened on: " + e.getMessage() + "; choose another with --listen");
    }
  }

  private record Running(int number, HostPort links, SwitchRelay relay, ManagementServer management)
      implements SwitchModule {
    @Override
    public void configure(ModuleFiles.Loaded loaded) {
      management.configure(loaded.config().gateway(), loaded.source());
    }

    /** Modules follow the first switch: another has no table while that is there. */
    @Override
    public void quantity(int workers) {
      management.quantity(workers);
    }

    @Override
    public String scaleEvents() {
      return management.scaleEvents();
    }

    @Override
    public String controlStatus() {
      return management.status().toJson();
    }

    @Override
    public List<Member> settled() {
      ControlStatus status = management.status();
      return status.settled() ? status.workers() : List.of();
    }

    @Override
    public boolean ready() {
      return number > 0 || management.status().epoch() > 0;
    }

    @Override
    public MetricsSource metrics() {
      return MetricsSource.sumOf(List.of(management, relay));
    }

    @Override
    public void stop() {
      relay.close();
      management.close();
    }
  }
}
