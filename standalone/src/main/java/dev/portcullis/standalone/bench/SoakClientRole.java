package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.io.InputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Role {@code soak-client}: short and long TCP connections and UDP queries, all the time. A
 * transaction is a page that came whole, a kilobyte that came back on a long connection, or a query
 * with its answer; what does not end well within {@value #PATIENCE_MS} ms is lost.
 */
final class SoakClientRole implements Role {

  private static final int PATIENCE_MS = 10_000;
  private static final int PAGE_THREADS = 8;
  private static final int QUERY_THREADS = 8;
  private static final int LONG_CONNECTIONS = 16;
  private static final int MOST_PAGE_BYTES = 60_000;
  private static final int STATUS_BYTES = "HTTP/1.0 200 OK\r\n\r\n".length();

  private final String server;
  private final AtomicLong done = new AtomicLong();
  private final AtomicLong lost = new AtomicLong();
  private volatile boolean going;

  /**
   * Does nothing before {@code go}.
   *
   * @param server address of the host with {@link SoakServerRole}
   */
  SoakClientRole(String server) {
    this.server = server;
  }

  private interface Transactions {
    void run() throws IOException, InterruptedException;
  }

  private void start(int threads, Transactions what) {
    for (int i = 0; i < threads; i++) {
      Thread.ofVirtual().start(() -> repeat(what));
    }
  }

  private void repeat(Transactions what) {
    while (going) {
      try {
        what.run();
      } catch (IOException e) {
        lost.incrementAndGet();
      } catch (InterruptedException _) {
        return;
      }
    }
  }

  private void page() throws IOException, InterruptedException {
    int length = ThreadLocalRandom.current().nextInt(MOST_PAGE_BYTES);
    try (Socket socket = connect(SoakServerRole.HTTP)) {
      String request = "GET /" + length + " HTTP/1.0\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      int got = socket.getInputStream().readAllBytes().length;
      if (got != STATUS_BYTES + length) {
        throw new IOException("the page has " + got + " bytes");
      }
    }
    done.incrementAndGet();
    Thread.sleep(40);
  }

  private void conversation() throws IOException, InterruptedException {
    byte[] said = new byte[1024];
    try (Socket socket = connect(SoakServerRole.ECHO)) {
      InputStream in = socket.getInputStream();
      while (going) {
        ThreadLocalRandom.current().nextBytes(said);
        socket.getOutputStream().write(said);
        if (!java.util.Arrays.equals(said, in.readNBytes(said.length))) {
          throw new IOException("other bytes came back");
        }
        done.incrementAndGet();
        Thread.sleep(100);
      }
    }
  }

  private Socket connect(int port) throws IOException {
    Socket socket = new Socket();
    socket.setSoTimeout(PATIENCE_MS);
    socket.connect(new InetSocketAddress(server, port), PATIENCE_MS);
    return socket;
  }

  /** A query from a port of its own: each opens a flow. */
  private void query() throws IOException, InterruptedException {
    byte[] asked = new byte[40 + ThreadLocalRandom.current().nextInt(400)];
    ThreadLocalRandom.current().nextBytes(asked);
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.setSoTimeout(PATIENCE_MS);
      socket.connect(InetAddress.getByName(server), SoakServerRole.DNS);
      socket.send(new DatagramPacket(asked, asked.length));
      DatagramPacket answer = new DatagramPacket(new byte[2048], 2048);
      socket.receive(answer);
      if (answer.getLength() != asked.length) {
        throw new IOException("the answer has " + answer.getLength() + " bytes");
      }
    }
    done.incrementAndGet();
    Thread.sleep(20);
  }

  @Override
  public String answer(String question) {
    switch (question) {
      case "go" -> {
        going = true;
        start(PAGE_THREADS, this::page);
        start(LONG_CONNECTIONS, this::conversation);
        start(QUERY_THREADS, this::query);
      }
      case "stop" -> going = false;
      case "read" -> {
        return done.get() + " " + lost.get();
      }
      default -> throw new IllegalArgumentException("unknown question: " + question);
    }
    return "done";
  }

  @Override
  public void close() {
    going = false;
  }
}
