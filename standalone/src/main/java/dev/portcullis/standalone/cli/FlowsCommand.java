package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.ModuleException;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
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

/** {@code flows}: live flows of a running gateway. */
@Command(
    name = "flows",
    description = "Lists live flows of a running gateway, or of some of its workers.",
    subcommands = ClearFlowsCommand.class,
    mixinStandardHelpOptions = true)
final class FlowsCommand implements Callable<Integer> {

  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--http",
      arity = "1..*",
      paramLabel = "HOST:PORT",
      description = "Where the gateway, or each worker, answers.")
  private List<String> http = List.of();

  @Mixin private FlowFilterOptions filter = new FlowFilterOptions();

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
    if (http.isEmpty()) {
      throw new CommandException(
          ExitCode.USAGE,
          "--http HOST:PORT is missing: where the gateway answers, as run --http or worker --http said");
    }
    Map<String, String> query = filter.query();
    query.put("limit", limit);
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

  private static FlowPage ask(HostPort address, Map<String, String> query) throws CommandException {
    URI uri =
        URI.create("http://" + address + FlowPage.PATH + "?" + FlowFilterOptions.encoded(query));
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
