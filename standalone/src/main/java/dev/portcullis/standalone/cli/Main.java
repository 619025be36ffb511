package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.ExitCode;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command {@code portcullis}, but for {@code io}, {@code worker} and {@code switch}, which are
 * programs of their own.
 */
@Command(
    name = "portcullis",
    description = "An elastic network security gateway.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      DemoCommand.class,
      RunCommand.class,
      ReplayCommand.class,
      ValidateCommand.class,
      WhatIfCommand.class,
      TraceCommand.class,
      FlowsCommand.class,
      BenchCommand.class,
      SoakCommand.class,
      SimulateCommand.class,
    },
    footer = {
      "",
      "One module as a process of its own: portcullis io NAME, worker K, switch (each has --help).",
      "Exit codes: 0 done; 1 the input or configuration is at fault; 2 wrong usage; 3 the gateway failed."
    })
public final class Main {

  private Main() {}

  /** Runs a command and ends the process with its exit code. */
  public static void main(String... args) {
    System.exit(run(System.out, System.err, args));
  }

  /**
   * Runs a command.
   *
   * @param out takes what the command says
   * @param err takes what went wrong, one sentence a line
   * @return the exit code
   */
  public static int run(PrintStream out, PrintStream err, String... args) {
    CommandLine line = new CommandLine(new Main());
    line.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
    line.setParameterExceptionHandler(Main::misused);
    line.setExecutionExceptionHandler(Main::failed);
    if (args.length == 0) {
      line.usage(line.getOut());
      return ExitCode.USAGE;
    }
    return line.execute(args);
  }

  private static int misused(ParameterException e, String... args) {
    String message = String.valueOf(e.getMessage()).split("\n", 2)[0];
    StringBuilder sentence = new StringBuilder(message);
    if (e instanceof UnmatchedArgumentException unmatched
        && !unmatched.getSuggestions().isEmpty()) {
      sentence
          .append("; did you mean ")
          .append(String.join(" or ", unmatched.getSuggestions()))
          .append('?');
    }
    sentence
        .append(" (")
        .append(e.getCommandLine().getCommandSpec().qualifiedName())
        .append(" --help lists what is allowed)");
    e.getCommandLine().getErr().println(sentence);
    return ExitCode.USAGE;
  }

  private static int failed(Exception e, CommandLine line, CommandLine.ParseResult parsed) {
    if (e instanceof CommandException failure) {
      line.getErr().println(failure.getMessage());
      return failure.exitCode();
    }
    line.getErr().println("the gateway failed: " + e + " (PORTCULLIS_TRACE=1 shows where)");
    if ("1".equals(System.getenv("PORTCULLIS_TRACE"))) {
      e.printStackTrace(line.getErr());
    }
    return ExitCode.FAILED;
  }

  /** Says which version this is. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"portcullis " + (version == null ? "of this source tree" : version)};
    }
  }
}
