package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A gateway that runs: its log of events, its live flows, its log level. */
class LiveEventsTest {

  @TempDir Path folder;
  private Process process;
  private String http = "";

  @AfterEach
  void end() {
    if (process != null) {
      process.destroyForcibly();
    }
  }

  private Path yaml() throws Exception {
    Path capture =
        new Captures()
            .tcp("10.1.2.3", 40_000, "198.51.100.7", 443, Captures.SYN)
            .tcp("10.1.2.4", 40_001, "198.51.100.7", 443, Captures.SYN)
            .udp("10.1.2.3", 9, "198.51.100.7", 9, 8)
            .udp("10.1.2.5", 9, "198.51.100.7", 53, 8)
            .write(folder.resolve("in.pcap"));
    String text =
        Files.readString(Playground.ROOT.resolve("examples/branch.yaml"))
            .replace(
                "driver: pcap, addresses: [10.0.0.1/8]",
                "driver: pcap, pcap: {read: [" + capture + "]}, addresses: [10.0.0.1/8]")
            .replace("  defaultAction: drop", "  defaultAction: drop\n  defaultLog: true")
            .replace("web, tcp: [80, 443]", "web, tcp: [80, 443], udp: [53]")
            .replaceFirst(
                "(?m)^spec:$",
                "spec:\n  timeouts: {udpNew: 1s}\n  log:\n    level: warn\n    eve: {to: file, path: \""
                    + folder
                    + "/{module}.json\"}\n    statsInterval: 200ms");
    return Files.writeString(folder.resolve("gateway.yaml"), text);
  }

  private void start(Path yaml) throws IOException {
    // whoever started the tests may ignore SIGHUP, and a JVM leaves it at that
    List<String> command = new ArrayList<>(List.of("env", "--default-signal=HUP"));
    command.addAll(Said.command("-Xmx512m", "run", "-f", yaml.toString(), "--http", "127.0.0.1:0"));
    process = new ProcessBuilder(command).redirectError(folder.resolve("err").toFile()).start();
    String line = String.valueOf(process.inputReader().readLine());
    http = line.substring(line.lastIndexOf(' ') + 1);
  }

  private List<JsonNode> events(String file) throws Exception {
    List<JsonNode> events = new ArrayList<>();
    if (Files.exists(folder.resolve(file))) {
      for (String line : Files.readAllLines(folder.resolve(file))) {
        events.add(new ObjectMapper().readTree(line));
      }
    }
    return events;
  }

  private interface Check {
    boolean holds() throws Exception;
  }

  private void await(String what, Check check) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!check.holds()) {
      assertTrue(
          System.nanoTime() < deadline && process.isAlive(),
          what + ": " + Files.readString(folder.resolve("err")));
      Thread.sleep(50);
    }
  }

  private boolean has(String file, String type, String reason) throws Exception {
    return events(file).stream()
        .anyMatch(
            it ->
                it.get("event_type").asText().equals(type)
                    && (reason.isEmpty() || it.get(type).get("reason").asText().equals(reason)));
  }

  @Test
  void shouldLogEventsAndTellOfFlowsWhileItRuns() throws Exception {
    start(yaml());
    await("a drop", () -> has("gateway.json", "drop", "acl-default"));
    await("a flow that ended after the capture", () -> has("gateway.json", "flow", "timeout"));
    await("stats", () -> has("gateway.json", "stats", ""));

    Said all = Said.by("flows", "--http", http, "--json");
    assertEquals(0, all.exitCode(), all.toString());
    assertEquals(2, all.out().lines().count(), all.toString());
    Said one = Said.by("flows", "--http", http, "--source", "10.1.2.4", "--proto", "tcp");
    assertEquals(2, one.out().lines().count(), one.toString());
    assertTrue(
        one.out().contains("tcp 10.1.2.4:40001 > 198.51.100.7:443 → 203.0.113.10:"), one.out());
    assertTrue(one.out().contains("allow-web"), one.out());
    for (String[] filter :
        new String[][] {
          {"--port", "444"}, {"--rule", "x"}, {"--state", "closed"}, {"--worker", "9"}
        }) {
      Said none = Said.by("flows", "--http", http, "--json", filter[0], filter[1]);
      assertEquals("", none.out(), filter[0]);
    }
    Said limited = Said.by("flows", "--http", http, "--json", "--limit", "1");
    assertEquals(1, limited.out().lines().count());
    assertTrue(limited.err().contains("more than 1 flows"), limited.toString());

    process.destroy();
    assertTrue(process.waitFor(20, TimeUnit.SECONDS));
    assertEquals(0, process.exitValue());
    long atTheEnd =
        events("gateway.json").stream()
            .filter(it -> it.path("flow").path("reason").asText().equals("shutdown"))
            .count();
    assertEquals(2, atTheEnd);
  }

  @Test
  void shouldOpenTheFileAgainAndReadTheLogLevelOnHangUp() throws Exception {
    Path yaml = yaml();
    start(yaml);
    await("stats", () -> has("gateway.json", "stats", ""));
    Files.move(folder.resolve("gateway.json"), folder.resolve("aside.json"));
    Files.writeString(yaml, Files.readString(yaml).replace("level: warn", "level: debug"));
    new ProcessBuilder("kill", "-HUP", Long.toString(process.pid())).start().waitFor();
    await("a new file", () -> has("gateway.json", "stats", ""));
    await(
        "the new level",
        () -> Files.readString(folder.resolve("err")).contains("the log level is debug"));
  }

  @Test
  void shouldClearNoFlowsWithoutACertificate() {
    Said said = Said.by("flows", "clear", "--link", "127.0.0.1:1");
    assertEquals(2, said.exitCode());
    assertTrue(said.err().contains("nobody ends flows without a certificate"), said.err());
  }

  @Test
  void shouldSayThatNoGatewayAnswers() {
    Said said = Said.by("flows", "--http", "127.0.0.1:1");
    assertEquals(3, said.exitCode());
    assertTrue(said.err().contains("127.0.0.1:1 cannot be reached"), said.err());
  }

  @Test
  void shouldSayWhichFilterIsWrong() {
    Said said = Said.by("flows", "--http", "127.0.0.1:1", "--port", "70000");
    assertEquals(2, said.exitCode());
    assertEquals("port is \"70000\"; allowed is 0 to 65535\n", said.err());
  }
}
