package dev.portcullis.standalone.cli;

import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.management.OperatorClient;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.LinkIdentity;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleFiles;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code flows clear}: ends live flows of workers. */
@Command(
    name = "clear",
    description =
        "Ends live flows of workers, for who has the certificate of management; without a filter all of them.",
    mixinStandardHelpOptions = true)
final class ClearFlowsCommand implements Callable<Integer> {

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--link",
      arity = "1..*",
      paramLabel = "HOST:PORT",
      description = "Where each worker takes links, as its --listen said.")
  private List<String> links = List.of();

  @Option(
      names = "--cert",
      paramLabel = "FILE",
      description = "Certificate that names spiffe://portcullis/management, PEM.")
  private @Nullable Path certificate;

  @Option(names = "--key", paramLabel = "FILE", description = "Private key of it, PKCS#8 PEM.")
  private @Nullable Path key;

  @Option(
      names = "--ca",
      paramLabel = "FILE",
      description = "Certificates that the workers are checked against, PEM.")
  private @Nullable Path authorities;

  @Mixin private FlowFilterOptions filter = new FlowFilterOptions();

  @Override
  public Integer call() throws CommandException {
    if (links.isEmpty() || certificate == null || key == null || authorities == null) {
      throw new CommandException(
          ExitCode.USAGE,
          "flows clear needs --link HOST:PORT of each worker, and --cert, --key and --ca: nobody ends flows without a certificate");
    }
    try {
      Map<String, String> query = filter.query();
      FlowFilter.of(query);
      LinkSecurity security =
          ModuleFiles.security(LinkIdentity.of(certificate, key, authorities, false));
      long cleared = 0;
      for (String it : links) {
        cleared +=
            OperatorClient.clearFlows(
                HostPort.parse("--link", it), security, FlowFilterOptions.encoded(query));
      }
      Objects.requireNonNull(spec).commandLine().getOut().println("cleared " + cleared + " flows");
      return ExitCode.DONE;
    } catch (ModuleException e) {
      throw new CommandException(e.exitCode(), e.sentence());
    }
  }
}
