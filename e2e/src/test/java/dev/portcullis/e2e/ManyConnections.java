package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * TCP connections of a client to a server through a gateway, which stay open: each asks once a
 * second, some without a pause, and each answer is compared ({@code talk/flows.py}).
 */
final class ManyConnections {

  private static final int PORT = 9000;
  private static final int PATIENCE_SECONDS = 300;
  private static final int SENDERS = 40;
  private static final int RECEIVERS = 7;

  /** Receivers are this and those that follow. */
  private static final int FIRST_RECEIVER = 30;

  /** What is said every 200 ms: numbers since the beginning, times since the line before. */
  record Line(long opened, long ended, long answers, long wrong, long slowestMs, long controlMs) {
    static Line of(String text) {
      String[] words = text.replace("end ", "").split(" ");
      return new Line(
          Long.parseLong(words[0]),
          Long.parseLong(words[1]),
          Long.parseLong(words[2]),
          Long.parseLong(words[3]),
          Long.parseLong(words[4]),
          Long.parseLong(words[6]));
    }
  }

  private final Path folder;
  private final int connections;
  private final Process asking;

  private ManyConnections(Path folder, int connections, Process asking) {
    this.folder = folder;
    this.connections = connections;
    this.asking = asking;
  }

  /**
   * Begins to open them.
   *
   * @param bulk how many of them ask without a pause, 32 KiB each time
   * @param control an address of the server that the gateway is not on the way to; empty: none
   */
  static ManyConnections start(
      LiveNetwork net, Path folder, int connections, int bulk, String control) throws Exception {
    Path program = folder.resolve("flows.py");
    try (var source = ManyConnections.class.getResourceAsStream("/talk/flows.py")) {
      Files.write(program, Objects.requireNonNull(source).readAllBytes());
    }
    List<String> senders = new ArrayList<>();
    for (int i = 0; i < SENDERS; i++) {
      senders.add("10.71.0." + (10 + i));
      net.netns.ip(net.client, "addr add " + senders.get(i) + "/24 dev eth0");
    }
    List<String> receivers = new ArrayList<>();
    for (int i = 0; i < RECEIVERS; i++) {
      receivers.add("10.72.0." + (FIRST_RECEIVER + i));
      net.netns.ip(net.server, "addr add " + receivers.get(i) + "/24 dev eth0");
    }
    List<String> answer =
        new ArrayList<>(List.of("python3", program.toString(), "answer", "" + PORT));
    answer.addAll(receivers);
    if (!control.isEmpty()) {
      answer.add(control);
    }
    Path answered = folder.resolve("answering.log");
    Process answering = net.netns.start(net.server, answered, answer.toArray(String[]::new));
    while (!Files.readString(answered).contains("ready")) {
      assertTrue(answering.isAlive(), Files.readString(answered));
      Thread.sleep(50);
    }
    String line =
        "exec python3 %s ask %d %d %d %s %s %s 2>%s"
            .formatted(
                program,
                PORT,
                connections,
                bulk,
                String.join(",", senders),
                String.join(",", receivers),
                control,
                folder.resolve("asking.err"));
    return new ManyConnections(
        folder,
        connections,
        net.netns.start(net.client, folder.resolve("asking.log"), "sh", "-c", line));
  }

  /** Waits until all are open. */
  void awaitOpen() throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    for (Line line = last(); line.opened < connections; line = last()) {
      Line now = line;
      assertTrue(
          asking.isAlive() && System.nanoTime() < deadline,
          () -> now + " of " + connections + ": " + said());
      Thread.sleep(200);
    }
  }

  /** Waits for so long, and asserts that no connection has suffered. */
  void assertUnharmed(int seconds, String when) throws Exception {
    TimeUnit.SECONDS.sleep(seconds);
    Line line = last();
    assertEquals(0, line.ended, () -> when + ": " + said());
    assertEquals(0, line.wrong, when);
  }

  /** Nobody asks, and what was asked is answered, until {@link #goOn}. */
  void pause() throws IOException, InterruptedException {
    signal("STOP");
  }

  /** Asks again. */
  void goOn() throws IOException, InterruptedException {
    signal("CONT");
  }

  private void signal(String signal) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + signal, Long.toString(asking.pid())).start().waitFor();
  }

  /** No more is asked, and every question has been answered. */
  void awaitEnd() throws Exception {
    asking.getOutputStream().close();
    assertTrue(asking.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), "who asks does not end");
    Line end = last();
    assertEquals(connections, end.opened, this::said);
    assertEquals(0, end.ended, this::said);
    assertEquals(0, end.wrong);
  }

  /** All lines so far. */
  List<Line> lines() throws IOException {
    String text = Files.readString(folder.resolve("asking.log"));
    return text.substring(0, text.lastIndexOf('\n') + 1).lines().map(Line::of).toList();
  }

  private Line last() throws IOException {
    List<Line> lines = lines();
    return lines.isEmpty() ? new Line(0, 0, 0, 0, 0, 0) : lines.getLast();
  }

  /** What was said of connections that ended. */
  String said() {
    try {
      Path said = folder.resolve("asking.err");
      return Files.exists(said) ? Files.readString(said) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
