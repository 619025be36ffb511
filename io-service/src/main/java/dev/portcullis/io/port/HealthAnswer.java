package dev.portcullis.io.port;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.portcullis.io.system.SystemException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;

/**
 * Answers the health checks of a load balancer over HTTP, whatever the path: 200 while the gateway
 * is ready, otherwise 503. Each request has a virtual thread, so that a slow one holds up no other.
 */
final class HealthAnswer implements AutoCloseable {

  /** Connections that wait to be accepted at the most. */
  static final int MAX_WAITING = 64;

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  private HealthAnswer(HttpServer server, BooleanSupplier ready) {
    this.server = server;
    server.setExecutor(threads);
    server.createContext("/", it -> answer(it, ready.getAsBoolean()));
    server.start();
  }

  /**
   * Answers from now on.
   *
   * @param name of the port that errors begin with
   * @param ready whether the gateway is ready
   * @throws SystemException when the port is taken
   */
  static HealthAnswer open(String name, String address, int port, BooleanSupplier ready) {
    try {
      return new HealthAnswer(
          HttpServer.create(
              new InetSocketAddress(InetAddress.getByName(address), port), MAX_WAITING),
          ready);
    } catch (IOException e) {
      throw new SystemException(
          "port "
              + name
              + ": health checks cannot be answered at TCP port "
              + port
              + " of "
              + address
              + ": "
              + e.getMessage()
              + ".");
    }
  }

  private static void answer(HttpExchange exchange, boolean ready) throws IOException {
    try (exchange) {
      byte[] body = (ready ? "ready\n" : "not ready\n").getBytes(StandardCharsets.US_ASCII);
      exchange.sendResponseHeaders(ready ? 200 : 503, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
