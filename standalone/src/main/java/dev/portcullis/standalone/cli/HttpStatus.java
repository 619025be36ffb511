package dev.portcullis.standalone.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.standalone.gateway.EmbeddedGateway;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** Health and metrics of the embedded gateway, under the same paths as those of the services. */
final class HttpStatus implements AutoCloseable {

  private final HttpServer server;
  private final HostPort address;

  private HttpStatus(HttpServer server, HostPort address) {
    this.server = server;
    this.address = address;
  }

  static HttpStatus open(String listen, EmbeddedGateway gateway) throws CommandException {
    try {
      HostPort wanted = HostPort.parse("--http", listen);
      HttpServer server =
          HttpServer.create(new InetSocketAddress(wanted.host(), wanted.port()), 16);
      for (String check : new String[] {"live", "ready", "started"}) {
        server.createContext(
            "/q/health/" + check,
            exchange ->
                answer(exchange, "application/json", "{\"status\":\"UP\",\"checks\":[]}\n"));
      }
      server.createContext(
          "/q/metrics",
          exchange ->
              answer(
                  exchange,
                  "text/plain; version=0.0.4; charset=utf-8",
                  PrometheusText.of(gateway.metrics().readings())));
      server.createContext(FlowPage.PATH, exchange -> flows(exchange, gateway));
      server.start();
      return new HttpStatus(server, new HostPort(wanted.host(), server.getAddress().getPort()));
    } catch (ModuleException e) {
      throw new CommandException(e.exitCode(), e.sentence());
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.FAILED,
          listen + " cannot be listened on: " + e.getMessage() + "; choose another with --http");
    }
  }

  private static void flows(HttpExchange exchange, EmbeddedGateway gateway) throws IOException {
    try {
      FlowFilter filter = FlowFilter.ofQuery(exchange.getRequestURI().getRawQuery());
      answer(exchange, "application/json", gateway.flows(filter).toJson());
    } catch (ModuleException e) {
      answer(exchange, 400, "text/plain; charset=utf-8", e.sentence() + "\n");
    }
  }

  private static void answer(HttpExchange exchange, String type, String text) throws IOException {
    answer(exchange, 200, type, text);
  }

  private static void answer(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    boolean head = exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(status, head ? -1 : bytes.length);
    try (OutputStream body = exchange.getResponseBody()) {
      if (!head) {
        body.write(bytes);
      }
    }
  }

  HostPort address() {
    return address;
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
