package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A tcpdump that counts what passes a device in one direction, and what should agree with it. What
 * counts is what the kernel's filter let pass: no packet is missed because tcpdump had no time.
 */
final class Wiretap {

  private static final Pattern PASSED = Pattern.compile("(\\d+) packets? received by filter");
  private static final int START_SECONDS = 60;

  /** A count of the gateway. */
  interface Count {
    long now() throws Exception;
  }

  private final Process tcpdump;
  private final Path log;
  private final String name;
  private final Count counted;
  private final long before;
  private final long begun;

  private Wiretap(String name, Count counted, Process tcpdump, Path log, long before)
      throws Exception {
    this.name = name;
    this.counted = counted;
    this.tcpdump = tcpdump;
    this.log = log;
    this.before = before;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (!Files.readString(log).contains("listening on")) {
      assertTrue(System.nanoTime() < deadline && tcpdump.isAlive(), Files.readString(log));
      Thread.sleep(50);
    }
    this.begun = counted.now();
  }

  /**
   * Listens from now on.
   *
   * @param name what is counted
   * @param counted how often the gateway did
   * @param direction {@code inbound}: what the kernel takes from the device; {@code outbound}: what
   *     it gives to it
   * @param filter what counts, as tcpdump says it
   */
  static Wiretap on(
      String name,
      Count counted,
      Netns netns,
      String host,
      String device,
      String direction,
      String filter,
      Path folder)
      throws Exception {
    long before = counted.now();
    Path log = Files.createTempFile(folder, "tcpdump-", ".log");
    String only = direction + " and (" + filter + ")";
    Process tcpdump =
        netns.start(
            host, log, "tcpdump", "-n", "-p", "-s", "64", "-i", device, "-w", "/dev/null", only);
    return new Wiretap(name, counted, tcpdump, log, before);
  }

  /**
   * Stops listening. A neighbour may ask for another while a tcpdump starts or stops: what the
   * gateway counted then may be on either side.
   */
  void assertAgrees() throws Exception {
    long last = counted.now();
    long seen = end();
    long most = counted.now() - before;
    long least = last - begun;
    assertTrue(
        least <= seen && seen <= most,
        name + ": tcpdump saw " + seen + ", the gateway counted " + least + " to " + most);
  }

  private long end() throws Exception {
    new ProcessBuilder("kill", "-INT", Long.toString(tcpdump.pid())).start().waitFor();
    assertTrue(tcpdump.waitFor(60, TimeUnit.SECONDS), "tcpdump did not end");
    String said = Files.readString(log);
    Matcher passed = PASSED.matcher(said);
    assertTrue(passed.find(), said);
    return Long.parseLong(passed.group(1));
  }
}
