package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.standalone.bench.Soak;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The soak for a very short time: processes, traffic, report and books are real. Needs root. */
class SoakTest {

  @Test
  void shouldReportAndPassWhereNothingGrowsAndTheBooksBalance() throws Exception {
    Netns.need("ip", "sysctl", "curl", "ping", "ethtool", "gcc", "nft", "taskset");
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    int exit =
        new Soak(new PrintStream(said, true, StandardCharsets.UTF_8)).run(6, Playground.ROOT);
    List<String> lines = said.toString(StandardCharsets.UTF_8).lines().toList();
    assertEquals(0, exit, lines::toString);
    assertEquals(5, lines.size(), lines::toString);
    assertTrue(lines.get(3).matches("minute 0\\.1: transactions [1-9].* io-b .*"), lines::toString);
    assertTrue(lines.get(4).matches("soak 0\\.1 minutes, .* 0 lost: passed"), lines::toString);
  }
}
