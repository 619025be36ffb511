package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * Small UDP datagrams from many addresses of the client of a network to some of its server, as many
 * in a second as one says; who takes them looks whether the numbers in each flow rise.
 */
final class Flood {

  private static final int PORT = 5000;
  private static final int SENDERS = 32;
  private static final int RECEIVERS = 7;
  private static final int START_SECONDS = 60;
  private static final int FLOW_SECONDS = 300;
  private static final int QUIET_MS = 500;

  /** Datagrams after which every flow had its turn: eight flows of a sender, 16 at a time. */
  private static final long ONCE_ROUND = SENDERS * 8 * 16;

  private final LiveNetwork net;
  private final Path program;
  private final Path folder;
  private final Path taken;
  private final String senders;
  private final String receivers;
  private int runs;

  /**
   * What was taken so far.
   *
   * @param received datagrams
   * @param ofLastRun datagrams of the last run
   * @param disordered datagrams whose number was not above that of the one before in their flow
   * @param dropped datagrams that the kernel of the receiver had no room for
   * @param late the last of the disordered: its run, flow and number, and the number before
   */
  record Taken(long received, long ofLastRun, long disordered, long dropped, List<String> late) {}

  /** Compiles the program and begins to take. Needs gcc. */
  Flood(LiveNetwork net, Path folder) throws Exception {
    this.net = net;
    this.folder = folder;
    program = folder.resolve("flood");
    Path source = folder.resolve("flood.c");
    try (var in = Flood.class.getResourceAsStream("/flood/flood.c")) {
      Files.write(source, Objects.requireNonNull(in).readAllBytes());
    }
    net.netns.run(net.client, "gcc", "-O2", "-o", program.toString(), source.toString());
    senders = net.addresses(net.client, "10.71.0.", SENDERS);
    receivers = net.addresses(net.server, "10.72.0.", RECEIVERS);
    taken = folder.resolve("taken.log");
    net.netns.start(net.server, taken, program.toString(), "take", "" + PORT);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (!Files.readString(taken).contains("\n")) {
      assertTrue(System.nanoTime() < deadline, Files.readString(taken));
      Thread.sleep(20);
    }
  }

  /** Sends in the background; {@link #sent} waits for the end of it. */
  Process start(long perSecond, double seconds) throws Exception {
    runs++;
    List<String> command = new ArrayList<>(List.of("nice", "-n", "-10", program.toString()));
    command.addAll(List.of("send", "" + runs, "" + PORT, "" + perSecond, "" + seconds));
    command.addAll(List.of(senders, receivers));
    return net.netns.start(net.client, sentLog(), command.toArray(String[]::new));
  }

  /** Ends a run before its time and returns how many datagrams it sent. */
  long stop(Process run) throws Exception {
    run.destroy();
    return sent(run);
  }

  /** Waits until nearly all that is sent is taken. */
  void awaitFlow(long perSecond) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(FLOW_SECONDS);
    while (true) {
      long before = taken().received;
      Thread.sleep(QUIET_MS);
      long came = taken().received - before;
      if (came > perSecond * QUIET_MS / 1000 * 9 / 10) {
        return;
      }
      assertTrue(
          System.nanoTime() < deadline,
          came + " in " + QUIET_MS + " ms, not " + perSecond + " a second");
    }
  }

  private Path sentLog() {
    return folder.resolve("sent-" + runs + ".log");
  }

  /** Waits until the last run has ended, and returns how many datagrams it sent. */
  long sent(Process run) throws Exception {
    assertTrue(run.waitFor(60, TimeUnit.SECONDS), "the sender does not end");
    assertEquals(0, run.exitValue(), Files.readString(sentLog()));
    return Long.parseLong(Files.readString(sentLog()).strip());
  }

  /** What was taken by now. */
  Taken taken() throws Exception {
    String text = Files.readString(taken);
    int end = text.lastIndexOf('\n');
    String[] words = text.substring(text.lastIndexOf('\n', end - 1) + 1, end).split(" ");
    return new Taken(
        Long.parseLong(words[0]),
        Long.parseLong(words[1]),
        Long.parseLong(words[2]),
        Long.parseLong(words[3]),
        List.of(words).subList(4, 8));
  }

  /**
   * Sends on all flows and waits until all of it has come. Channels keep their order: nothing that
   * was sent before is on its way any more.
   *
   * @return datagrams that were taken before these
   */
  long settle(long perSecond) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(FLOW_SECONDS);
    long sent = sent(start(perSecond, 1.1 * ONCE_ROUND / perSecond));
    while (true) {
      Taken now = taken();
      if (now.ofLastRun == sent) {
        return now.received - sent;
      }
      assertTrue(System.nanoTime() < deadline, now + ": sent were " + sent);
      Thread.sleep(50);
    }
  }

  /** What was taken when nothing comes any more. */
  Taken awaitQuiet() throws Exception {
    Taken before = taken();
    while (true) {
      Thread.sleep(QUIET_MS);
      Taken now = taken();
      if (now.received == before.received) {
        return now;
      }
      before = now;
    }
  }
}
