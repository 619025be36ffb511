package dev.portcullis.core.process;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class HealthProbeTest {

  @Test
  void shouldSayWhetherTheModuleIsWell() throws Exception {
    AtomicInteger status = new AtomicInteger(200);
    HttpServer http =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    http.createContext(
        "/q/health/live",
        exchange -> {
          exchange.sendResponseHeaders(status.get(), -1);
          exchange.close();
        });
    http.start();
    HostPort at = new HostPort("127.0.0.1", http.getAddress().getPort());
    assertTrue(HealthProbe.isWell(at, "/q/health/live"));
    status.set(503);
    assertFalse(HealthProbe.isWell(at, "/q/health/live"));
    http.stop(0);
    assertFalse(HealthProbe.isWell(at, "/q/health/live"));
  }
}
