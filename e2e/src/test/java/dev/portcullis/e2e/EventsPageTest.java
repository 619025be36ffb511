package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code docs/events.md} shows is what a replay writes, and its filters find something. */
class EventsPageTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  /** The second packet is of a connection that broke: its worker is killed before it. */
  @BeforeEach
  void play() throws Exception {
    Path capture =
        new Captures()
            .tcp("10.1.2.3", 40_002, "198.51.100.7", 443, Captures.SYN)
            .tcp("10.1.2.3", 40_002, "198.51.100.7", 443, Captures.ACK, 1001, 1, "so on")
            .tcpConversation("10.1.2.3", 40_000, "198.51.100.7", 443)
            .tcp("10.1.2.3", 40_001, "198.51.100.7", 443, Captures.ACK)
            .tcp("192.0.2.1", 5, "10.0.0.9", 23, Captures.SYN)
            .write(folder.resolve("in.pcap"));
    Said said =
        Said.by(
            "replay",
            "-f",
            Playground.ROOT.resolve("examples/branch.yaml").toString(),
            "--workers",
            "1",
            "--kill",
            "2:0",
            "--out",
            folder.resolve("out").toString(),
            "--capture",
            capture.toString());
    assertEquals(0, said.exitCode(), said.err());
  }

  private static List<String> blocks(String language) throws Exception {
    String page = Files.readString(Playground.ROOT.resolve("docs/events.md"));
    Matcher matcher =
        Pattern.compile("```" + language + "\n(.*?)\n```", Pattern.DOTALL).matcher(page);
    List<String> blocks = new ArrayList<>();
    while (matcher.find()) {
      blocks.add(matcher.group(1));
    }
    assertFalse(blocks.isEmpty());
    return blocks;
  }

  @Test
  void shouldShowTheFieldsThatEventsHave() throws Exception {
    Map<String, Set<String>> real = new HashMap<>();
    for (String line : Files.readAllLines(folder.resolve("out/eve.json"))) {
      JsonNode event = JSON.readTree(line);
      fields(event, "", real.computeIfAbsent(type(event), it -> new HashSet<>()));
    }
    for (String block : blocks("json")) {
      JsonNode example = JSON.readTree(block);
      Set<String> shown = new HashSet<>();
      fields(example, "", shown);
      assertEquals(real.get(type(example)), shown, type(example));
    }
  }

  private static String type(JsonNode event) {
    return event.get("event_type").asText();
  }

  private static void fields(JsonNode node, String path, Set<String> into) {
    node.fieldNames()
        .forEachRemaining(
            name -> {
              into.add(path + "." + name);
              fields(node.get(name), path + "." + name, into);
            });
  }

  @Test
  void shouldFindSomethingWithEveryFilter() throws Exception {
    assumeTrue(run("command -v jq").length() > 0, "needs jq");
    for (String filter : blocks("jq")) {
      assertTrue(run(filter).length() > 0, filter);
    }
  }

  private String run(String command) throws Exception {
    Process process =
        new ProcessBuilder("bash", "-c", "set -o pipefail; " + command)
            .directory(folder.resolve("out").toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String out = new String(process.getInputStream().readAllBytes());
    assertTrue(process.waitFor(30, TimeUnit.SECONDS));
    return process.exitValue() == 0 ? out : "";
  }
}
