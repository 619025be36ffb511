package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.process.Meters;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.Test;

@QuarkusTest
class WorkerServiceTest {

  @TestHTTPResource("/q/")
  URI root;

  @Inject Meters metrics;

  @Test
  void shouldBeLiveBeforeItHasATable() throws Exception {
    assertEquals(200, get("health/live").statusCode());
  }

  @Test
  void shouldNotBeReadyBeforeItHasATable() throws Exception {
    HttpResponse<String> answer = get("health/ready");

    assertEquals(503, answer.statusCode());
    assertTrue(answer.body().contains("the module has a table"), answer.body());
  }

  @Test
  void shouldNotCallItselfStartedBeforeTheModuleRuns() throws Exception {
    assertEquals(503, get("health/started").statusCode());
  }

  @Test
  void shouldShowTheNumbersOfTheModuleUnderTheirOwnNames() throws Exception {
    metrics.follow(
        () ->
            List.of(
                new Reading(Counter.PACKETS_RECEIVED, List.of("m", "p"), () -> 7),
                new Reading(Counter.TABLE_EPOCH, List.of("m"), () -> 3)));

    String page = get("metrics").body();

    assertTrue(
        page.contains("portcullis_packets_received_total{module=\"m\",port=\"p\"} 7.0"), page);
    assertTrue(page.contains("portcullis_table_epoch{module=\"m\"} 3.0"), page);
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(
          HttpRequest.newBuilder(root.resolve(path)).build(), HttpResponse.BodyHandlers.ofString());
    }
  }
}
