package dev.portcullis.e2e;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32C;

/**
 * What runs in the pods of a test on both sides of a gateway. {@code server GATEWAY} answers on
 * TCP; {@code client SERVER AROUND CONNECTIONS TRANSFERS} keeps connections with a request every
 * second and transfers with checksums going, the same kind of connections around the gateway, and
 * says every second how they are: {@link Line}.
 */
final class TunnelHost {

  private static final int ASKED = 9000;
  private static final int BULK = 9001;
  private static final int AROUND = 100;
  private static final int PATIENCE_MS = 120_000;
  private static final int TRANSFER_BYTES = 4 << 20;

  private TunnelHost() {}

  /**
   * How the client is.
   *
   * @param open connections through the gateway that were opened and have not ended
   * @param ended those that ended: reset, timed out
   * @param answers requests that were answered
   * @param wrong answers with other bytes
   * @param slowestMs longest answer of the last second
   * @param aroundMs longest answer of the last second around the gateway
   * @param transfers transfers with the right checksum
   * @param failed transfers that were not
   */
  record Line(
      long open,
      long ended,
      long answers,
      long wrong,
      long slowestMs,
      long aroundMs,
      long transfers,
      long failed) {

    static Line of(String text) {
      long[] it = Arrays.stream(text.strip().split(" ")).mapToLong(Long::parseLong).toArray();
      return new Line(it[0], it[1], it[2], it[3], it[4], it[5], it[6], it[7]);
    }

    @Override
    public String toString() {
      return open + " " + ended + " " + answers + " " + wrong + " " + slowestMs + " " + aroundMs
          + " " + transfers + " " + failed;
    }
  }

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "server" -> serve(args[1]);
      case "client" ->
          new Client(args[1], args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4])).run();
      default -> throw new IllegalArgumentException(args[0]);
    }
  }

  private static void serve(String gateway) throws Exception {
    accept(ASKED, with -> with.getInputStream().transferTo(with.getOutputStream()));
    accept(BULK, TunnelHost::send);
    System.out.println("serving");
    // who sends is known to the port of the gateway: the host is there before anybody asks for it
    try (DatagramSocket socket = new DatagramSocket()) {
      while (true) {
        try {
          socket.send(new DatagramPacket(new byte[1], 1, InetAddress.getByName(gateway), 9));
        } catch (IOException e) {
          System.out.println("gateway: " + e.getMessage());
        }
        Thread.sleep(1000);
      }
    }
  }

  private interface Conversation {
    void hold(Socket with) throws IOException;
  }

  private static void accept(int port, Conversation conversation) throws IOException {
    ServerSocket at = new ServerSocket(port, 1024);
    Thread.ofVirtual()
        .start(
            () -> {
              while (true) {
                try {
                  Socket accepted = at.accept();
                  Thread.ofVirtual()
                      .start(
                          () -> {
                            try (accepted) {
                              conversation.hold(accepted);
                            } catch (IOException e) {
                              System.out.println(
                                  accepted.getRemoteSocketAddress() + ": " + e.getMessage());
                            }
                          });
                } catch (IOException e) {
                  System.out.println("accept: " + e.getMessage());
                }
              }
            });
  }

  /** Answers a seed with the bytes that it gives, and their checksum. */
  private static void send(Socket with) throws IOException {
    long seed = new DataInputStream(with.getInputStream()).readLong();
    byte[] bytes = new byte[TRANSFER_BYTES];
    new Random(seed).nextBytes(bytes);
    CRC32C sum = new CRC32C();
    sum.update(bytes);
    DataOutputStream out = new DataOutputStream(with.getOutputStream());
    out.write(bytes);
    out.writeLong(sum.getValue());
    out.flush();
  }

  private static final class Client {
    private final String server;
    private final String around;
    private final int connections;
    private final int transfers;
    private final AtomicLong opened = new AtomicLong();
    private final AtomicLong ended = new AtomicLong();
    private final AtomicLong answers = new AtomicLong();
    private final AtomicLong wrong = new AtomicLong();
    private final AtomicLong slowestMs = new AtomicLong();
    private final AtomicLong aroundMs = new AtomicLong();
    private final AtomicLong whole = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();

    Client(String server, String around, int connections, int transfers) {
      this.server = server;
      this.around = around;
      this.connections = connections;
      this.transfers = transfers;
    }

    void run() throws InterruptedException {
      for (int i = 0; i < connections; i++) {
        Thread.ofVirtual().start(() -> ask(server, true));
        Thread.sleep(4);
      }
      for (int i = 0; i < AROUND; i++) {
        Thread.ofVirtual().start(() -> ask(around, false));
      }
      for (int i = 0; i < transfers; i++) {
        Thread.ofVirtual().start(this::transfer);
      }
      while (true) {
        Thread.sleep(1000);
        System.out.println(
            new Line(
                opened.get() - ended.get(),
                ended.get(),
                answers.get(),
                wrong.get(),
                slowestMs.getAndSet(0),
                aroundMs.getAndSet(0),
                whole.get(),
                failed.get()));
      }
    }

    /** One connection, a request a second; one that ends is told of and not opened again. */
    private void ask(String host, boolean counted) {
      byte[] said = new byte[64];
      try (Socket socket = connected(host, ASKED)) {
        if (counted) {
          opened.incrementAndGet();
        }
        while (true) {
          ThreadLocalRandom.current().nextBytes(said);
          long began = System.nanoTime();
          socket.getOutputStream().write(said);
          byte[] back = socket.getInputStream().readNBytes(said.length);
          long ms = (System.nanoTime() - began) / 1_000_000;
          (counted ? slowestMs : aroundMs).accumulateAndGet(ms, Math::max);
          if (back.length < said.length) {
            throw new IOException("closed");
          }
          if (counted) {
            answers.incrementAndGet();
            if (!Arrays.equals(said, back)) {
              wrong.incrementAndGet();
            }
          }
          Thread.sleep(Math.max(0, 1000 - ms));
        }
      } catch (IOException e) {
        System.err.println(host + " ended: " + e.getMessage());
        if (counted) {
          ended.incrementAndGet();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private void transfer() {
      while (true) {
        int from = 0;
        int got = 0;
        try (Socket socket = connected(server, BULK)) {
          from = socket.getLocalPort();
          new DataOutputStream(socket.getOutputStream())
              .writeLong(ThreadLocalRandom.current().nextLong());
          DataInputStream in = new DataInputStream(socket.getInputStream());
          CRC32C sum = new CRC32C();
          byte[] part = new byte[1 << 16];
          for (; got < TRANSFER_BYTES; got += part.length) {
            in.readFully(part);
            sum.update(part);
          }
          if (in.readLong() != sum.getValue()) {
            throw new IOException("the checksum is wrong");
          }
          whole.incrementAndGet();
          Thread.sleep(200);
        } catch (IOException e) {
          System.err.printf(
              "%tT transfer from port %d, after %d bytes: %s%n",
              System.currentTimeMillis(), from, got, e.getMessage());
          failed.incrementAndGet();
        } catch (InterruptedException e) {
          return;
        }
      }
    }

    private static Socket connected(String host, int port) throws IOException {
      Socket socket = new Socket();
      socket.setSoTimeout(PATIENCE_MS);
      socket.setTcpNoDelay(true);
      socket.connect(new InetSocketAddress(host, port), PATIENCE_MS);
      return socket;
    }
  }
}
