package dev.portcullis.core.process;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * Arguments of a module's program: turns them into properties of its configuration, so that an
 * option, an environment variable and a file set the same thing. {@code --listen HOST:PORT} of a
 * worker becomes {@code portcullis.worker.listen}.
 */
public final class ModuleArguments {

  private final String kind;
  private final CommandSpec spec;
  private final List<OptionSpec> lists = new ArrayList<>();

  private ModuleArguments(String kind, String description) {
    this.kind = kind;
    this.spec = CommandSpec.create().name("portcullis " + kind);
    spec.usageMessage().description(description).sortOptions(false).width(100);
    list(
        OptionSpec.builder("-f", "--file")
            .paramLabel("FILE")
            .description("Configuration of the gateway; repeatable."));
  }

  /** Arguments of {@code io NAME}. */
  public static ModuleArguments io() {
    ModuleArguments a =
        new ModuleArguments(
            "io", "Runs one IO module of the gateway: its ports and the links to all workers.");
    a.positional("name", "NAME", "Name of the IO module in spec.io of the configuration.");
    a.links();
    a.switches();
    a.option("--feed", "Take recorded frames from this address instead of from the ports.", false);
    a.common();
    return a;
  }

  /** Arguments of {@code worker K}. */
  public static ModuleArguments worker() {
    ModuleArguments a =
        new ModuleArguments(
            "worker", "Runs one worker of the gateway: the pipeline over its share of the flows.");
    a.positional("number", "K", "Identification number of the worker, from 0.");
    a.links();
    a.option(
        "--advertise",
        "Address that other modules reach the links by (default: that of --listen).",
        false);
    a.option(
        "--guest-ports",
        "FIRST-LAST",
        "Where links of workers are accepted whose flows go on here, one port each (default: any free ones).");
    a.switches();
    a.common();
    return a;
  }

  /** Arguments of {@code switch}. */
  public static ModuleArguments switching() {
    ModuleArguments a =
        new ModuleArguments(
            "switch",
            "Runs a switch: relays packets between workers and hands table and policy to all modules.");
    a.positional("number", "K", "Number of the switch, 0 to 7 (default: 0).");
    a.option("--listen", "Where links are accepted (default: 127.0.0.1:7400).", false);
    a.common();
    return a;
  }

  /**
   * Reads arguments and sets system properties from them. Asked for help it prints that, and when
   * the arguments are at fault one sentence.
   *
   * @return the exit code when the program is to end here: 0 after help, 2 after a fault; empty to
   *     go on
   */
  public OptionalInt apply(String[] args, PrintStream out, PrintStream err) {
    Map<String, String> properties;
    try {
      CommandLine line = new CommandLine(spec);
      ParseResult parsed = line.parseArgs(args);
      if (parsed.isUsageHelpRequested()) {
        line.usage(new PrintWriter(out, true, StandardCharsets.UTF_8));
        return OptionalInt.of(ExitCode.DONE);
      }
      properties = properties(parsed);
    } catch (ParameterException e) {
      err.println(sentence(e) + " (portcullis " + kind + " --help lists what is allowed)");
      return OptionalInt.of(ExitCode.USAGE);
    } catch (ModuleException e) {
      err.println(e.sentence());
      return OptionalInt.of(e.exitCode());
    }
    properties.forEach(System::setProperty);
    return OptionalInt.empty();
  }

  private Map<String, String> properties(ParseResult parsed) throws ModuleException {
    Map<String, String> properties = new LinkedHashMap<>();
    String prefix = "portcullis." + kind + ".";
    for (PositionalParamSpec positional : parsed.matchedPositionals()) {
      properties.put(prefix + positional.descriptionKey(), positional.<String>getValue());
    }
    for (OptionSpec option : parsed.matchedOptions()) {
      String key = option.longestName().substring(2);
      if (key.equals("log-level")) {
        LogLevels.parse(option.getValue());
        properties.put(LogLevels.PROPERTY, option.getValue());
      } else if (key.equals("http")) {
        HostPort http = HostPort.parse("--http", option.getValue());
        properties.put("quarkus.http.host", http.host());
        properties.put("quarkus.http.port", Integer.toString(http.port()));
      } else if (lists.contains(option)) {
        List<String> values = option.getValue();
        for (int i = 0; i < values.size(); i++) {
          properties.put(prefix + key + "[" + i + "]", values.get(i));
        }
      } else {
        properties.put(prefix + key, String.valueOf(option.<Object>getValue()));
      }
    }
    return properties;
  }

  private static String sentence(ParameterException e) {
    String message = String.valueOf(e.getMessage());
    int end = message.indexOf('\n');
    return end < 0 ? message : message.substring(0, end);
  }

  private void switches() {
    option(
        "--switch",
        "Link address of a switch, in the order of their numbers; repeatable (default: 127.0.0.1:7400).",
        true);
  }

  private void links() {
    option("--listen", "Where links are accepted (default: 127.0.0.1, any free port).", false);
  }

  private void common() {
    option(
        "--log-level",
        "LEVEL",
        "error, warn, info, debug or trace (default: spec.log.level; a change of that while the program runs holds).");
    option("--http", "Where health and metrics answer (default: 127.0.0.1, any free port).", false);
    option("--cert", "FILE", "Certificate chain of this module, PEM.");
    option("--key", "FILE", "Private key of this module, PEM.");
    option("--ca", "FILE", "Certificates that peers are checked against, PEM.");
    flag(
        "--plaintext", "Links without encryption and identity, instead of --cert, --key and --ca.");
    spec.addOption(
        OptionSpec.builder("-h", "--help").usageHelp(true).description("Shows this text.").build());
  }

  private void positional(String key, String label, String description) {
    spec.addPositional(
        PositionalParamSpec.builder()
            .index("0")
            .arity("0..1")
            .type(String.class)
            .paramLabel(label)
            .descriptionKey(key)
            .description(description)
            .build());
  }

  private void option(String name, String description, boolean repeatable) {
    OptionSpec.Builder option =
        OptionSpec.builder(name).paramLabel("HOST:PORT").description(description);
    if (repeatable) {
      list(option);
    } else {
      spec.addOption(option.type(String.class).build());
    }
  }

  private void option(String name, String label, String description) {
    spec.addOption(
        OptionSpec.builder(name)
            .type(String.class)
            .paramLabel(label)
            .description(description)
            .build());
  }

  private void flag(String name, String description) {
    spec.addOption(OptionSpec.builder(name).type(boolean.class).description(description).build());
  }

  private void list(OptionSpec.Builder builder) {
    OptionSpec option = builder.type(List.class).auxiliaryTypes(String.class).build();
    lists.add(option);
    spec.addOption(option);
  }
}
