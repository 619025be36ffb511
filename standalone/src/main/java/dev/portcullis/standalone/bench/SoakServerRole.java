package dev.portcullis.standalone.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Role {@code soak-server}: what {@link SoakClientRole} speaks to. */
final class SoakServerRole implements Role {

  /** Answers {@code GET /N} with N bytes (HTTP/1.0). */
  static final int HTTP = 8080;

  /** Sends back what comes, as long as the connection lasts. */
  static final int ECHO = 7000;

  /** Sends back what comes, by UDP. */
  static final int DNS = 53;

  private final ServerSocket http = new ServerSocket(HTTP, 1024);
  private final ServerSocket echo = new ServerSocket(ECHO);
  private final DatagramSocket dns = new DatagramSocket(DNS);

  /** Listens. */
  SoakServerRole() throws IOException {
    Thread.ofVirtual().start(() -> accept(http, SoakServerRole::page));
    Thread.ofVirtual().start(() -> accept(echo, SoakServerRole::sendBack));
    Thread.ofVirtual().start(this::answer);
  }

  private interface Conversation {
    void hold(Socket with) throws IOException;
  }

  private static void accept(ServerSocket at, Conversation conversation) {
    while (!at.isClosed()) {
      try {
        Socket accepted = at.accept();
        Thread.ofVirtual()
            .start(
                () -> {
                  try (accepted) {
                    conversation.hold(accepted);
                  } catch (IOException _) {
                    // the client counts it
                  }
                });
      } catch (IOException _) {
        // the client counts it
      }
    }
  }

  private static void page(Socket with) throws IOException {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(with.getInputStream(), StandardCharsets.US_ASCII));
    String request = in.readLine();
    for (String line = request; line != null && !line.isEmpty(); line = in.readLine()) {
      continue;
    }
    if (request != null) {
      OutputStream out = with.getOutputStream();
      out.write("HTTP/1.0 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      out.write(new byte[Integer.parseInt(request.split("[/ ]")[2])]);
    }
  }

  private static void sendBack(Socket with) throws IOException {
    InputStream in = with.getInputStream();
    in.transferTo(with.getOutputStream());
  }

  private void answer() {
    DatagramPacket packet = new DatagramPacket(new byte[2048], 2048);
    while (!dns.isClosed()) {
      try {
        packet.setLength(2048);
        dns.receive(packet);
        dns.send(packet);
      } catch (IOException _) {
        // the client counts it
      }
    }
  }

  @Override
  public String answer(String question) {
    return "done";
  }

  /** The process ends, and its sockets with it. */
  @Override
  public void close() {}
}
