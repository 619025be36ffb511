package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A tcpdump that counts what passes a device in one direction. What counts is what the kernel's
 * filter let pass: no packet is missed because tcpdump had no time.
 */
final class Wiretap {

  /** Starts one. */
  interface Maker {
    Wiretap tap() throws Exception;
  }

  private static final Pattern PASSED = Pattern.compile("(\\d+) packets? received by filter");
  private static final int START_SECONDS = 60;

  private final Process tcpdump;
  private final Path log;

  private Wiretap(Process tcpdump, Path log) {
    this.tcpdump = tcpdump;
    this.log = log;
  }

  /**
   * Listens from now on.
   *
   * @param direction {@code inbound}: what the kernel takes from the device; {@code outbound}: what
   *     it gives to it
   * @param filter what counts, as tcpdump says it
   */
  static Wiretap on(
      Netns netns, String host, String device, String direction, String filter, Path folder)
      throws Exception {
    Path log = Files.createTempFile(folder, "tcpdump-", ".log");
    Process tcpdump =
        netns.start(
            host,
            log,
            "tcpdump",
            "-n",
            "-p",
            "-s",
            "64",
            "-i",
            device,
            "-w",
            "/dev/null",
            direction + " and (" + filter + ")");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (!Files.readString(log).contains("listening on")) {
      assertTrue(System.nanoTime() < deadline && tcpdump.isAlive(), Files.readString(log));
      Thread.sleep(50);
    }
    return new Wiretap(tcpdump, log);
  }

  /** Stops listening; how many packets there were. */
  long end() throws Exception {
    new ProcessBuilder("kill", "-INT", Long.toString(tcpdump.pid())).start().waitFor();
    assertTrue(tcpdump.waitFor(60, TimeUnit.SECONDS), "tcpdump did not end");
    String said = Files.readString(log);
    Matcher passed = PASSED.matcher(said);
    assertTrue(passed.find(), said);
    return Long.parseLong(passed.group(1));
  }
}
