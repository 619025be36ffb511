package dev.portcullis.e2e;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Recorded TCP through stateful inspection with every exception on drop: who loses what, and why.
 */
class StrictTcpTest {

  private static final Pattern REASON =
      Pattern.compile("\"reason\":\"(midstream|out-of-state|out-of-window)\"");

  @TempDir Path folder;

  @Test
  void explore() throws Exception {
    Path strict = folder.resolve("strict.yaml");
    Files.writeString(
        strict,
        Files.readString(Playground.ROOT.resolve("examples/transparent.yaml"))
            .replaceAll("(midstream|outOfState): pass", "$1: drop"));
    try (Playground gateway = new Playground(strict, 1, 1)) {
      for (Path capture : Playground.captures()) {
        gateway.play(folder.resolve("out"), capture);
        Map<String, String> reasons = new TreeMap<>();
        int n = 0;
        for (String path : Files.readAllLines(folder.resolve("out/paths.jsonl"))) {
          n++;
          Matcher m = REASON.matcher(path);
          if (m.find()) {
            reasons.merge(m.group(1), " " + n, (a, b) -> a.length() > 60 ? a + "." : a + b);
          }
        }
        if (!reasons.isEmpty()) {
          System.out.println(
              "EXPLORE " + Playground.ROOT.relativize(capture) + " of " + n + " " + reasons);
        }
      }
    }
  }
}
