package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** iperf3 over TCP, client on core 0, server on core 1. */
final class Iperf3 {

  private static final int PORT = 5201;
  private static final Pattern RECEIVED =
      Pattern.compile("\"sum_received\"\\s*:\\s*\\{[^}]*\"bits_per_second\"\\s*:\\s*([0-9.eE+]+)");

  private final UnaryOperator<List<String>> client;
  private final UnaryOperator<List<String>> server;
  private final String address;

  /** Measures over the loopback of a namespace. */
  Iperf3(Namespace namespace) {
    this(namespace::inside, namespace::inside, "127.0.0.1");
  }

  /**
   * Measures between two hosts.
   *
   * @param client puts what runs a command on the host of the client in front of it
   * @param server the same for the server
   * @param address IPv4 address of the server
   */
  Iperf3(UnaryOperator<List<String>> client, UnaryOperator<List<String>> server, String address) {
    this.client = client;
    this.server = server;
    this.address = address;
  }

  /** Measures one window and returns the bytes per second that the server received. */
  double measure(int seconds) throws IOException, InterruptedException {
    List<String> serverLine = List.of("iperf3", "-s", "-1", "-B", address, "-p", "" + PORT);
    Process listening =
        Command.builder(server.apply(Pinning.onCore(1, serverLine)))
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      List<String> clientLine =
          List.of(
              "iperf3",
              "-c",
              address,
              "-p",
              "" + PORT,
              "-l",
              "64K",
              "-C",
              "cubic",
              "-t",
              "" + seconds,
              "-J");
      List<String> inside = client.apply(Pinning.onCore(0, clientLine));
      // the server needs a moment until it listens
      for (int tries = 0; ; tries++) {
        Thread.sleep(100);
        try {
          return received(Command.run(inside, 30));
        } catch (IOException e) {
          if (tries == 5 || !listening.isAlive()) {
            throw e;
          }
        }
      }
    } finally {
      listening.destroy();
      if (!listening.waitFor(2, TimeUnit.SECONDS)) {
        listening.destroyForcibly().waitFor();
      }
    }
  }

  /** Reads the bytes per second out of what {@code iperf3 -J} prints. */
  static double received(String json) throws IOException {
    Matcher matcher = RECEIVED.matcher(json);
    if (!matcher.find()) {
      throw new IOException("iperf3 printed no sum_received with bits_per_second.");
    }
    return Double.parseDouble(matcher.group(1)) / 8;
  }
}
