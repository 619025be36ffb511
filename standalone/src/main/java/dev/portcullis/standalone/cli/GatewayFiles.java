package dev.portcullis.standalone.cli;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** The option of a command that works by the configuration of a gateway. */
final class GatewayFiles {

  @Option(
      names = {"-f", "--file"},
      required = true,
      paramLabel = "FILE",
      description = "Configuration of the gateway; repeatable.")
  List<Path> files = List.of();
}
