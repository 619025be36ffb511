package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * Many UDP conversations through a gateway, each of which asks every 50 ms and hears the number of
 * its question again. Other addresses of client and server for each make them meet every worker.
 */
final class Talk {

  private static final int PORT = 4000;
  private static final int EVERY_MS = 50;
  private static final int CONVERSATIONS = 40;
  private static final int RECEIVERS = 7;
  private static final int START_SECONDS = 300;

  private final Path log;
  private final Process asking;

  /**
   * What was said at one moment.
   *
   * @param asked questions so far
   * @param answered answers so far
   * @param disordered answers whose number was not above the one before
   * @param silentMs the longest that a conversation heard nothing, since the line before
   * @param stillMs the longest that the asking program did not run, since the line before
   */
  record Line(long asked, long answered, long disordered, long silentMs, long stillMs) {

    private static Line of(String text) {
      String[] words = text.replace("end ", "").split(" ");
      long[] it = new long[words.length];
      for (int i = 0; i < it.length; i++) {
        it[i] = Long.parseLong(words[i]);
      }
      return new Line(it[0], it[1], it[2], it[3], it[4]);
    }
  }

  /** Begins to talk from the client of a network to its server. */
  Talk(LiveNetwork net, Path folder) throws Exception {
    Path program = folder.resolve("talk.py");
    try (var source = Talk.class.getResourceAsStream("/talk/talk.py")) {
      Files.write(program, Objects.requireNonNull(source).readAllBytes());
    }
    String senders = net.addresses(net.client, "10.71.0.", CONVERSATIONS);
    String receivers = net.addresses(net.server, "10.72.0.", RECEIVERS);
    List<String> answer =
        new ArrayList<>(List.of("python3", program.toString(), "answer", "" + PORT));
    answer.addAll(List.of(receivers.split(",")));
    Path answered = folder.resolve("answering.log");
    Process answering = net.netns.start(net.server, answered, answer.toArray(String[]::new));
    while (!Files.readString(answered).contains("ready")) {
      assertTrue(answering.isAlive(), Files.readString(answered));
      Thread.sleep(50);
    }
    log = folder.resolve("talk.log");
    asking =
        net.netns.start(
            net.client,
            log,
            "python3",
            program.toString(),
            "ask",
            "" + PORT,
            "" + EVERY_MS,
            senders,
            receivers);
  }

  /** Waits until every conversation goes on. */
  void awaitAnswers() throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (true) {
      List<Line> lines = lines();
      if (lines.size() > 10
          && lines.subList(lines.size() - 10, lines.size()).stream()
              .allMatch(it -> it.silentMs < 500)) {
        return;
      }
      assertTrue(
          asking.isAlive() && System.nanoTime() < deadline,
          () -> "a conversation hears nothing: " + lines.getLast());
      Thread.sleep(100);
    }
  }

  /** How many lines there are now. */
  int now() throws Exception {
    return lines().size();
  }

  /** Talks on for some seconds and returns the worst since line {@code begin}. */
  Line worst(int begin, int seconds) throws Exception {
    Thread.sleep(seconds * 1000L);
    List<Line> lines = lines();
    List<Line> since = lines.subList(begin, lines.size());
    Line last = since.getLast();
    return new Line(
        last.asked,
        last.answered,
        last.disordered,
        since.stream().mapToLong(Line::silentMs).max().orElseThrow(),
        since.stream().mapToLong(Line::stillMs).max().orElseThrow());
  }

  /** Asks nothing more, waits for the last answers and returns the totals. */
  Line end() throws Exception {
    asking.getOutputStream().close();
    assertTrue(asking.waitFor(60, TimeUnit.SECONDS), "who asks does not end");
    String last = Files.readString(log).lines().toList().getLast();
    assertTrue(last.startsWith("end "), last);
    return Line.of(last);
  }

  private List<Line> lines() throws Exception {
    List<Line> lines = new ArrayList<>();
    String text = Files.readString(log);
    text.substring(0, text.lastIndexOf('\n') + 1).lines().forEach(it -> lines.add(Line.of(it)));
    return lines;
  }
}
