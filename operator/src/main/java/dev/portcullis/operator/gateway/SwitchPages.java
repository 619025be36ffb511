package dev.portcullis.operator.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.portcullis.core.policy.GatewayStatus;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the switch says of the gateway over HTTP. It is only read: nothing here waits for it long.
 */
public final class SwitchPages {

  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpClient http;
  private final int port;

  /** Pages at a port of the switches. */
  public SwitchPages(int port) {
    this.port = port;
    this.http = HttpClient.newBuilder().connectTimeout(PATIENCE).build();
  }

  /**
   * What a switch knows.
   *
   * @param epoch number of the newest table; 0: none
   * @param workers N
   * @param late modules that do not work by it yet
   * @param lastScale the last change of table
   */
  record Reading(
      int epoch, int workers, List<String> late, GatewayStatus.@Nullable Scale lastScale) {}

  /** Reads the first switch that answers and decides; null where none does. */
  @Nullable Reading read(List<String> hosts) {
    for (String host : hosts) {
      try {
        JsonNode status = get(host, "status");
        if (decides(status)) {
          return reading(status, get(host, "scale"));
        }
      } catch (IOException e) {
        // the other one may answer; that none does is seen by the pods not being ready
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return null;
      }
    }
    return null;
  }

  /** Whether a switch has a table and is followed: one that modules have left has an old table. */
  static boolean decides(JsonNode status) {
    return status.path("epoch").asInt() > 0 && !status.path("attached").isEmpty();
  }

  /** Reads the two pages. */
  static Reading reading(JsonNode status, JsonNode scale) {
    List<String> late = new ArrayList<>();
    status.path("late").forEach(it -> late.add(it.asText()));
    return new Reading(
        status.path("epoch").asInt(), status.path("workers").size(), late, last(scale));
  }

  private static GatewayStatus.@Nullable Scale last(JsonNode page) {
    JsonNode events = page.path("scale_events");
    if (events.isEmpty()) {
      return null;
    }
    JsonNode it = events.get(events.size() - 1);
    return new GatewayStatus.Scale(
        it.path("time").asText(),
        it.path("epoch").asInt(),
        it.path("from").asInt(),
        it.path("to").asInt(),
        it.path("result").asText(),
        it.path("flows_moved").asLong(),
        it.path("flows_broken").asLong(),
        it.path("packets_held").asLong(),
        it.path("blocked_ms").asDouble(),
        it.path("duration_ms").asDouble());
  }

  private JsonNode get(String host, String page) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://" + host + ":" + port + "/q/portcullis/" + page))
            .timeout(PATIENCE)
            .build();
    HttpResponse<byte[]> answer = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
    if (answer.statusCode() != 200) {
      throw new IOException(request.uri() + " answers " + answer.statusCode());
    }
    return JSON.readTree(answer.body());
  }
}
