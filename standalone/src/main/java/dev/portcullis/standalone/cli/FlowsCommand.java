package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.ModuleException;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code flows}: live flows of a running gateway. */
@Command(
    name = "flows",
    description = "Lists live flows of a running gateway, or of some of its workers.",
    mixinStandardHelpOptions = true)
final class FlowsCommand implements Callable<Integer> {

  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  @Spec private @Nullable CommandSpec spec;

  @Parameters(arity = "0..1", paramLabel = "clear", description = "Not in this version.")
  private @Nullable String what;

  @Option(
      names = "--http",
      arity = "1..*",
      paramLabel = "HOST:PORT",
      description = "Where the gateway, or each worker, answers.")
  private List<String> http = List.of();

  @Option(names = "--source", paramLabel = "CIDR", description = "Sender of the requests.")
  private @Nullable String source;

  @Option(
      names = "--destination",
      paramLabel = "CIDR",
      description = "Receiver of the requests, before translation.")
  private @Nullable String destination;

  @Option(names = "--port", paramLabel = "P", description = "Port of either side.")
  private @Nullable String port;

  @Option(names = "--proto", paramLabel = "NAME", description = "tcp, udp, icmp, ... or a number.")
  private @Nullable String proto;

  @Option(names = "--state", paramLabel = "S", description = "new, established, closed, ...")
  private @Nullable String state;

  @Option(names = "--rule", paramLabel = "NAME", description = "Rule that let the flow through.")
  private @Nullable String rule;

  @Option(names = "--worker", paramLabel = "K", description = "Number of a worker.")
  private @Nullable String worker;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "100",
      description = "Most flows (default: ${DEFAULT-VALUE}).")
  private String limit = "100";

  @Option(names = "--json", description = "One JSON object a line.")
  private boolean json;

  @Override
  public Integer call() throws CommandException {
    if (what != null) {
      throw new CommandException(
          ExitCode.USAGE,
          what.equals("clear")
              ? "flows clear is not there yet: nothing changes a gateway over HTTP in this version"
              : "flows " + what + " is not known; allowed is flows with filters");
    }
    if (http.isEmpty()) {
      throw new CommandException(
          ExitCode.USAGE,
          "--http HOST:PORT is missing: where the gateway answers, as run --http or worker --http said");
    }
    Map<String, String> query = query();
    FlowPage page = FlowPage.NONE;
    int most;
    try {
      most = FlowFilter.of(query).limit();
      for (String it : http) {
        page = page.and(ask(HostPort.parse("--http", it), query), most);
      }
    } catch (ModuleException e) {
      throw new CommandException(e.exitCode(), e.sentence());
    }
    CommandSpec command = Objects.requireNonNull(spec);
    PrintWriter out = command.commandLine().getOut();
    if (json) {
      page.lines().forEach(out::println);
    } else {
      FlowLine.table(page.lines(), out);
    }
    if (page.more()) {
      command.commandLine().getErr().println("there are more than " + most + " flows; see --limit");
    }
    return ExitCode.DONE;
  }

  private Map<String, String> query() {
    Map<String, @Nullable String> given = new LinkedHashMap<>();
    given.put("source", source);
    given.put("destination", destination);
    given.put("port", port);
    given.put("proto", proto);
    given.put("state", state);
    given.put("rule", rule);
    given.put("worker", worker);
    given.put("limit", limit);
    Map<String, String> query = new LinkedHashMap<>();
    given.forEach(
        (name, value) -> {
          if (value != null) {
            query.put(name, value);
          }
        });
    return query;
  }

  private static FlowPage ask(HostPort address, Map<String, String> query) throws CommandException {
    List<String> parts = new ArrayList<>();
    query.forEach(
        (name, value) -> parts.add(name + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8)));
    URI uri = URI.create("http://" + address + FlowPage.PATH + "?" + String.join("&", parts));
    try (HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build()) {
      HttpResponse<String> response =
          client.send(
              HttpRequest.newBuilder(uri).timeout(TIMEOUT).build(),
              HttpResponse.BodyHandlers.ofString());
      FlowPage page = response.statusCode() == 200 ? FlowLine.page(response.body()) : null;
      if (page == null) {
        throw new CommandException(
            ExitCode.FAILED,
            address
                + " does not tell of flows: it answers with status "
                + response.statusCode()
                + "; a worker or run --http does");
      }
      return page;
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.FAILED, address + " cannot be reached: is the gateway running with --http?");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandException(ExitCode.FAILED, "interrupted");
    }
  }
}
