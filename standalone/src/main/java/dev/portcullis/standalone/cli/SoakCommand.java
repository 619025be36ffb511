package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.standalone.bench.Soak;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soak}: a gateway of processes under mixed traffic for a long time. */
@Command(
    name = "soak",
    description =
        "Lets two hosts speak through a gateway of processes; fails where memory or tables grow,"
            + " transactions get lost or books do not balance.",
    mixinStandardHelpOptions = true)
final class SoakCommand implements Callable<Integer> {

  private static final double LEAST_MINUTES = 0.1;
  private static final double MOST_MINUTES = 10_080;

  @Option(
      names = "--minutes",
      paramLabel = "M",
      description = "How long: 0.1 to 10080 (default: 20).")
  private double minutes = 20;

  @Override
  public Integer call() throws CommandException {
    if (!(minutes >= LEAST_MINUTES && minutes <= MOST_MINUTES)) {
      throw new CommandException(
          ExitCode.USAGE, "--minutes is " + minutes + "; allowed is 0.1 to 10080.");
    }
    Path home = Path.of(System.getProperty("portcullis.home", "."));
    return new Soak(System.out).run((int) Math.round(minutes * 60), home);
  }
}
