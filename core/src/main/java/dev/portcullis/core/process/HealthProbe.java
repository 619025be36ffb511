package dev.portcullis.core.process;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * Asks a module over HTTP whether it is well: the health check of an image without a shell. Exit
 * code 0 if it is, 1 otherwise.
 */
public final class HealthProbe {

  private static final int PATIENCE_MS = 4_000;

  private HealthProbe() {}

  /** Asks {@code [HOST:PORT [PATH]]}: without arguments the module in this container. */
  public static void main(String[] args) throws ModuleException {
    String here = "localhost:" + System.getenv().getOrDefault("QUARKUS_HTTP_PORT", "8080");
    HostPort at = HostPort.parse("HOST:PORT", args.length > 0 ? args[0] : here);
    System.exit(isWell(at, args.length > 1 ? args[1] : "/q/health/live") ? 0 : 1);
  }

  /** Returns whether the answer on {@code path} is 200. */
  static boolean isWell(HostPort at, String path) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(at.host(), at.port()), PATIENCE_MS);
      socket.setSoTimeout(PATIENCE_MS);
      String request = "GET " + path + " HTTP/1.0\r\nHost: " + at + "\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      InputStream in = socket.getInputStream();
      String status = new String(in.readNBytes("HTTP/1.x 200".length()), StandardCharsets.US_ASCII);
      return status.matches("HTTP/1\\.\\d 200");
    } catch (IOException e) {
      return false;
    }
  }
}
