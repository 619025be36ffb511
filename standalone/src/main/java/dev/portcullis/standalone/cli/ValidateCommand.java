package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.ExitCode;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code validate}: says everything that is wrong with a configuration. */
@Command(
    name = "validate",
    description =
        "Checks a configuration; one line per fault: file:line: path: what is wrong, what is allowed.",
    mixinStandardHelpOptions = true)
final class ValidateCommand implements Callable<Integer> {

  @Spec private @Nullable CommandSpec spec;

  @Mixin private GatewayFiles configuration = new GatewayFiles();

  @Override
  public Integer call() throws CommandException {
    Configured configured = Configured.load(configuration.files, null, null);
    java.util.Objects.requireNonNull(spec)
        .commandLine()
        .getOut()
        .println("gateway " + configured.config().name() + " is valid");
    return ExitCode.DONE;
  }
}
