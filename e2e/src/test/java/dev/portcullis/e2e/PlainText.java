package dev.portcullis.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Knocks at a port as a client of gRPC without encryption does (RFC 9113, section 3.4). */
final class PlainText {

  private static final String PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  private static final byte[] SETTINGS = {0, 0, 0, 4, 0, 0, 0, 0, 0};
  private static final int SETTINGS_TYPE = 4;
  private static final int PATIENCE_MS = 10_000;

  private PlainText() {}

  /** Returns {@code refused} and how, or {@code taken} where HTTP/2 is spoken. */
  static String knock(String host, int port) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(host, port), PATIENCE_MS);
      socket.setSoTimeout(PATIENCE_MS);
      socket.getOutputStream().write(PREFACE.getBytes(StandardCharsets.US_ASCII));
      socket.getOutputStream().write(SETTINGS);
      InputStream in = socket.getInputStream();
      byte[] head = in.readNBytes(SETTINGS.length);
      if (head.length < SETTINGS.length) {
        return "refused: closed after " + head.length + " bytes";
      }
      return head[3] == SETTINGS_TYPE ? "taken" : "refused: it answers something else";
    } catch (IOException e) {
      return "refused: " + e.getMessage();
    }
  }
}
