package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a load balancer is told that asks an IO module for its health. */
class GwlbHealthTest {

  private static final int SECONDS = 120;

  @TempDir Path folder;
  private int healthPort;

  private String yaml() throws IOException {
    healthPort = ModuleProcesses.freePort();
    int udpPort;
    try (DatagramSocket free = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
      udpPort = free.getLocalPort();
    }
    String own = "local: 127.0.0.1, port: " + udpPort + ", healthPort: " + healthPort;
    String text =
        Files.readString(Playground.ROOT.resolve("examples/gwlb.yaml"))
            .replace("healthPort: 8080", own);
    return Files.writeString(folder.resolve("gwlb.yaml"), text).toString();
  }

  /** Asks until somebody answers, and what is wanted. */
  private int health(int wanted, Path log) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + healthPort + "/");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    try (HttpClient client = HttpClient.newHttpClient()) {
      while (true) {
        try {
          int code =
              client
                  .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding())
                  .statusCode();
          if (code == wanted || System.nanoTime() > deadline) {
            return code;
          }
        } catch (IOException e) {
          if (System.nanoTime() > deadline) {
            throw new IOException(Files.readString(log), e);
          }
        }
        Thread.sleep(100);
      }
    }
  }

  @Test
  void shouldBeHealthyOnlyWhenItHasTheTableOfWorkers() throws Exception {
    String yaml = yaml();
    try (ModuleProcesses modules = new ModuleProcesses(folder)) {
      String switchAt = "127.0.0.1:" + ModuleProcesses.freePort();
      modules.start("io-a", "io", "io-a", "-f", yaml, "--plaintext", "--switch", switchAt);
      assertEquals(503, health(503, modules.log("io-a")));
      modules.start("switch", "switch", "-f", yaml, "--plaintext", "--listen", switchAt);
      for (String worker : new String[] {"0", "1"}) {
        modules.start(
            "worker-" + worker, "worker", worker, "-f", yaml, "--plaintext", "--switch", switchAt);
      }
      assertEquals(200, health(200, modules.log("io-a")));
      assertEquals(0, modules.stop("io-a"));
    }
  }
}
