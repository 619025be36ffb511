package dev.portcullis.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.DropReason;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A gateway on a cluster, as its modules themselves see it: their pages, read from this machine.
 */
final class ClusterGateway {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int TABLE_SECONDS = 240;

  /** Not HTTP/2: of that, one answer that is given up may hold up all that follow. */
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(5))
          .build();

  private final Cluster cluster;
  private final String name;

  ClusterGateway(Cluster cluster, String name) {
    this.cluster = cluster;
    this.name = name;
  }

  /**
   * Waits until so many workers are ready, each in its own pod, a table of them holds at every
   * module, nothing is under way, and every worker has a second copy of its flows.
   */
  void awaitRest(int workers) throws Exception {
    await(
        workers + " workers at rest",
        () ->
            Integer.toString(workers).equals(readyWorkers())
                && hasSettled(workers)
                && sum("worker", Counter.REPLICA_UNPROTECTED) == 0);
  }

  private String readyWorkers() throws Exception {
    return cluster.ask(
        "get", "statefulset", name + "-worker", "-o", "jsonpath={.status.readyReplicas}");
  }

  private boolean hasSettled(int workers) throws Exception {
    JsonNode status = status();
    return status != null
        && status.path("workers").size() == workers
        && status.path("settled").asBoolean()
        && epochs().size() == 1;
  }

  private interface Question {
    boolean holds() throws Exception;
  }

  private static void await(String what, Question question) throws Exception {
    Cluster.await(
        what,
        TABLE_SECONDS,
        () -> {
          try {
            return question.holds();
          } catch (Exception e) {
            return false; // a pod that is not there yet, or no more
          }
        });
  }

  private @Nullable JsonNode status() throws Exception {
    String ip = decides();
    return ip == null ? null : JSON.readTree(get(ip, "/q/portcullis/status"));
  }

  /** The switch module that has a table and is followed; null: none. */
  private @Nullable String decides() throws Exception {
    for (String ip : addresses("switch")) {
      JsonNode status = JSON.readTree(get(ip, "/q/portcullis/status"));
      if (status.path("epoch").asInt() > 0 && !status.path("attached").isEmpty()) {
        return ip;
      }
    }
    return null;
  }

  /** The last change of table. */
  JsonNode lastScale() throws Exception {
    String ip = Objects.requireNonNull(decides(), "no switch decides");
    JsonNode events = JSON.readTree(get(ip, "/q/portcullis/scale")).path("scale_events");
    return events.path(events.size() - 1);
  }

  /** Numbers of the tables that IO modules and workers work by. */
  Set<Long> epochs() throws Exception {
    Set<Long> epochs = new TreeSet<>();
    for (String ip : addresses("io,worker")) {
      epochs.add(new Accounts().with(get(ip, "/q/metrics")).max(Counter.TABLE_EPOCH));
    }
    return epochs;
  }

  /** A counter, summed up over modules of a component. */
  long sum(String component, Counter counter) throws Exception {
    return accounts(component).sum(counter, it -> true);
  }

  /** What all modules of components count now. */
  private Accounts accounts(String components) throws Exception {
    Accounts accounts = new Accounts();
    for (String ip : addresses(components)) {
      accounts.with(get(ip, "/q/metrics"));
    }
    return accounts;
  }

  /** How many modules there are. */
  int modules() throws Exception {
    return addresses("io,worker,switch").size();
  }

  /** Why packets were dropped until now, and how many, by modules that live. */
  Map<String, Long> drops() throws Exception {
    Accounts accounts = accounts("io,worker");
    Map<String, Long> drops = new TreeMap<>();
    for (DropReason it : DropReason.values()) {
      long count =
          accounts.sum(Counter.PACKETS_DROPPED, labels -> it.label().equals(labels.get("reason")));
      if (count > 0) {
        drops.put(it.label(), count);
      }
    }
    return drops;
  }

  /** Waits until the books of every module balance: nothing is under way any more. */
  void awaitBalance() throws Exception {
    AssertionError last = null;
    for (int i = 0; i < 30; i++) {
      Accounts accounts = accounts("io,worker");
      try {
        accounts.assertModulesBalance("at the end");
        return;
      } catch (AssertionError e) {
        last = e;
        Thread.sleep(1000);
      }
    }
    throw Objects.requireNonNull(last);
  }

  /**
   * Waits for the first packet on a new worker.
   *
   * @return milliseconds from when its process was started, with all that it needs to take links,
   *     to the first packet, to a few times 10 ms
   */
  long firstPacketMs(String pod) throws Exception {
    await(pod + " has an address", () -> !address(pod).isEmpty());
    String ip = address(pod);
    await(pod + " is started", () -> answers(ip, "/q/health/started"));
    long began = System.nanoTime();
    await(
        "a packet at " + pod,
        () ->
            new Accounts().with(get(ip, "/q/metrics")).sum(Counter.PACKETS_RECEIVED, it -> true)
                > 0);
    return (System.nanoTime() - began) / 1_000_000;
  }

  private String address(String pod) throws Exception {
    return cluster.ask("get", "pod", pod, "-o", "jsonpath={.status.podIP}");
  }

  /** Addresses of the pods of components: {@code io,worker}. */
  List<String> addresses(String components) throws Exception {
    return cluster
        .kubectl(
            "get",
            "pods",
            "-l",
            "portcullis.dev/gateway="
                + name
                + ",app.kubernetes.io/component in ("
                + components
                + ")",
            "-o",
            "jsonpath={range .items[*]}{.status.podIP}{\"\\n\"}{end}")
        .lines()
        .filter(it -> !it.isBlank())
        .toList();
  }

  private boolean answers(String ip, String path) throws Exception {
    return response(ip, path).statusCode() == 200;
  }

  private String get(String ip, String path) throws Exception {
    return response(ip, path).body();
  }

  private HttpResponse<String> response(String ip, String path)
      throws IOException, InterruptedException {
    return http.send(
        HttpRequest.newBuilder(URI.create("http://" + ip + ":8080" + path))
            .timeout(Duration.ofSeconds(10))
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }
}
