package dev.portcullis.standalone.cli;

import dev.portcullis.core.policy.LiveChange;
import dev.portcullis.core.process.ConfigWatch;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.LogLevels;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleFiles;
import dev.portcullis.core.process.ModuleProcess;
import dev.portcullis.standalone.gateway.EmbeddedGateway;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code run}: the gateway in one process, until it is told to stop. */
@Command(
    name = "run",
    description = "Runs the gateway in one process until SIGTERM or Ctrl-C.",
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {

  @Spec private @Nullable CommandSpec spec;

  @Mixin private GatewayFiles configuration = new GatewayFiles();

  @Option(
      names = "--http",
      paramLabel = "HOST:PORT",
      description = "Where health and metrics answer (default: nowhere).")
  private @Nullable String http;

  @Option(
      names = "--log-level",
      paramLabel = "LEVEL",
      description =
          "error, warn, info, debug or trace (default: spec.log.level; a change of that while the gateway runs holds).")
  private @Nullable String logLevel;

  @Override
  public Integer call() throws CommandException {
    Configured configured = Configured.load(configuration.files, null, null);
    try {
      LogLevels.start(logLevel, configuration.files);
    } catch (ModuleException e) {
      throw new CommandException(e.exitCode(), e.sentence());
    }
    PrintWriter out = java.util.Objects.requireNonNull(spec).commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    CountDownLatch stop = new CountDownLatch(1);
    ModuleProcess.onStopSignal(stop::countDown);
    try (EmbeddedGateway gateway =
            EmbeddedGateway.start(configured.config(), configured.source(), null);
        HttpStatus status = http == null ? null : HttpStatus.open(http, gateway);
        ConfigWatch watch =
            ConfigWatch.start(
                configuration.files,
                new ModuleFiles.Loaded(configured.config(), configured.source()),
                LiveChange.OF_ONE_PROCESS,
                gateway::configure,
                err::println)) {
      ModuleProcess.onHangUp(
          () -> {
            gateway.reopen();
            watch.readNow();
          });
      out.println(
          "gateway "
              + configured.config().name()
              + " runs"
              + (status == null ? "" : ", health and metrics on " + status.address()));
      stop.await();
    } catch (ModuleException e) {
      throw new CommandException(e.exitCode(), e.sentence());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return ExitCode.DONE;
  }
}
