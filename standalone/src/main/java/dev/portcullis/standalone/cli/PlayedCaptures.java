package dev.portcullis.standalone.cli;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of a command that plays captures through a gateway: what, and how it comes in. */
final class PlayedCaptures {

  @Option(
      names = "--capture",
      required = true,
      arity = "1..*",
      paramLabel = "FILE",
      description = "pcap or pcapng files, played one after the other.")
  List<Path> files = List.of();

  @Option(
      names = "--workers",
      paramLabel = "N",
      description = "Workers, instead of spec.workers.replicas.")
  @Nullable Integer workers;

  @Option(
      names = "--client-port",
      paramLabel = "PORT",
      description = "Port of the side that sends first.")
  @Nullable String clientPort;

  @Option(names = "--server-port", paramLabel = "PORT", description = "Port of the other side.")
  @Nullable String serverPort;
}
