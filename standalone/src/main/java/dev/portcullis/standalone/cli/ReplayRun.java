package dev.portcullis.standalone.cli;

import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.standalone.gateway.EmbeddedGateway;
import dev.portcullis.standalone.replay.Incident;
import dev.portcullis.standalone.replay.LinkFeed;
import dev.portcullis.standalone.replay.Replay;
import dev.portcullis.standalone.replay.ReplayException;
import dev.portcullis.standalone.replay.ReplayPlan;
import dev.portcullis.standalone.replay.Tally;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One replay from beginning to end: feed, gateway, captures. */
final class ReplayRun {

  private static final long MODULES_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(60);

  private ReplayRun() {}

  private static Incident.Event outsideOnly(Incident it) throws ReplayException {
    throw new ReplayException(
        2, "--scale and --kill change a gateway of this process, not one with --feed");
  }

  /**
   * What a replay ended with.
   *
   * @param tally what was counted
   * @param problems what could not be read of the captures
   */
  record Ended(Tally tally, List<String> problems) {}

  /**
   * Replays.
   *
   * @param outside where IO modules that run as processes connect to; null: an embedded gateway is
   *     started
   */
  static Ended run(
      Configured configured, ReplayPlan plan, @Nullable HostPort outside, Consumer<Tally> progress)
      throws CommandException {
    Topology topology = Topology.of(configured.config().gateway());
    HostPort listen = outside == null ? new HostPort("127.0.0.1", 0) : outside;
    try (LinkFeed feed = LinkFeed.open(topology, listen, LinkSecurity.plaintext())) {
      EmbeddedGateway gateway =
          outside == null
              ? EmbeddedGateway.start(configured.config(), configured.source(), feed.address())
              : null;
      try {
        if (!feed.awaitModules(MODULES_TIMEOUT_NS)) {
          throw new CommandException(
              ExitCode.FAILED,
              "not all IO modules have connected to "
                  + feed.address()
                  + " within "
                  + TimeUnit.NANOSECONDS.toSeconds(MODULES_TIMEOUT_NS)
                  + " s");
        }
        Replay replay =
            new Replay(
                feed,
                topology,
                configured.table(),
                plan,
                gateway == null ? ReplayRun::outsideOnly : new IncidentGateway(gateway, configured),
                progress);
        return new Ended(replay.tally(), replay.run());
      } finally {
        if (gateway != null) {
          gateway.close();
        }
      }
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.FAILED, listen + " cannot be listened on: " + e.getMessage());
    } catch (ModuleException e) {
      throw new CommandException(e.exitCode(), e.sentence());
    } catch (ReplayException e) {
      throw new CommandException(e.exitCode(), String.valueOf(e.getMessage()));
    }
  }
}
