package dev.portcullis.worker;

import dev.portcullis.core.counters.DropReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One case as a text file: a sentence, a gateway, packets in and what is expected of each. The
 * format is described in {@code src/test/fixtures/README.md}.
 *
 * @param file where it stands
 * @param sentence what it shows
 * @param gateway name of the gateway in {@code gateways/}
 * @param settings lines such as {@code algorithms: ip-sum}
 * @param steps the rest, in order
 */
record Fixture(
    Path file, String sentence, String gateway, Map<String, String> settings, List<Step> steps) {

  private static final Pattern PACKET = Pattern.compile("(\\S+) ([<>]) (.+)");
  private static final Pattern WAIT = Pattern.compile("wait (\\d+)(ms|s|m|h)");
  private static final Pattern TIME =
      Pattern.compile("time (\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ)");
  private static final Pattern DIFFERENT = Pattern.compile("different (\\$\\w+) (\\$\\w+)");
  private static final Pattern POLICY = Pattern.compile("policy (\\S+)");

  /** Packets in follow each other by a millisecond. */
  private static final Change LATER = (network, yaml) -> network.timeNs += 1_000_000;

  /**
   * A packet that comes in, or something else that happens, and what is expected of it.
   *
   * @param line line of the file
   * @param port port of entry; empty: no packet
   * @param packet what comes in
   * @param change what happens
   */
  record Step(
      int line, String port, @Nullable PacketText packet, Change change, Expected expected) {}

  /** Something that happens to a network: time passes, or another policy comes. */
  interface Change {
    /**
     * Lets it happen.
     *
     * @param yaml configuration with the policy of a gateway of this name
     */
    void happen(Network network, UnaryOperator<String> yaml);
  }

  /** What is expected: packets that leave, in order, and what became of the packet itself. */
  static final class Expected {
    final List<String> ports = new ArrayList<>();
    final List<PacketText> packets = new ArrayList<>();
    final List<List<String>> different = new ArrayList<>();
    String verdict = "";
  }

  static Fixture read(Path file) throws IOException {
    List<String> lines = Files.readAllLines(file);
    Map<String, String> settings = new HashMap<>();
    List<Step> steps = new ArrayList<>();
    String sentence = "";
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      try {
        if (line.startsWith("#")) {
          sentence = sentence.isEmpty() ? line.substring(1).strip() : sentence;
        } else if (line.matches("(gateway|algorithms|workers|paths|with): .*")) {
          String name = line.substring(0, line.indexOf(':'));
          settings.merge(name, line.substring(line.indexOf(' ') + 1), (a, b) -> a + "\n" + b);
        } else if (!line.isEmpty()) {
          step(i + 1, line, steps);
        }
      } catch (IllegalArgumentException | DateTimeParseException e) {
        throw new IllegalArgumentException(file + ":" + (i + 1) + ": " + e.getMessage(), e);
      }
    }
    if (sentence.isEmpty() || !settings.containsKey("gateway") || steps.isEmpty()) {
      throw new IllegalArgumentException(
          file + ": a fixture needs a sentence (# ...), a gateway (gateway: NAME) and packets");
    }
    return new Fixture(file, sentence, settings.get("gateway"), settings, steps);
  }

  private static void step(int number, String line, List<Step> steps) {
    Change change = change(line);
    Matcher packet = PACKET.matcher(line);
    boolean comesIn = packet.matches() && packet.group(2).equals(">");
    if (change != null) {
      steps.add(new Step(number, "", null, change, new Expected()));
      return;
    }
    if (comesIn) {
      PacketText text = new PacketText(packet.group(3));
      steps.add(new Step(number, packet.group(1), text, LATER, new Expected()));
      return;
    }
    if (steps.isEmpty()) {
      throw new IllegalArgumentException("before any packet came in: " + line);
    }
    Expected expected = steps.getLast().expected();
    PacketText in = steps.getLast().packet();
    Matcher different = DIFFERENT.matcher(line);
    if (different.matches()) {
      expected.different.add(List.of(different.group(1), different.group(2)));
    } else if (packet.matches() && packet.group(3).equals("same") && in != null) {
      expected.ports.add(packet.group(1));
      expected.packets.add(in.whole());
    } else if (packet.matches()) {
      expected.ports.add(packet.group(1));
      expected.packets.add(new PacketText(packet.group(3)));
    } else if (line.matches("forward|held|joined|drop \\S+")) {
      expected.verdict = line;
    } else {
      throw new IllegalArgumentException("not understood: " + line);
    }
  }

  private static @Nullable Change change(String line) {
    Matcher wait = WAIT.matcher(line);
    if (wait.matches()) {
      long ns = ns(wait);
      return (network, yaml) -> network.timeNs += ns;
    }
    Matcher time = TIME.matcher(line);
    if (time.matches()) {
      long ns = Instant.parse(time.group(1)).getEpochSecond() * 1_000_000_000L;
      return (network, yaml) -> network.timeNs = ns;
    }
    Matcher policy = POLICY.matcher(line);
    if (policy.matches()) {
      String name = policy.group(1);
      return (network, yaml) -> network.policy(yaml.apply(name));
    }
    return null;
  }

  private static long ns(Matcher wait) {
    long unit =
        switch (wait.group(2)) {
          case "ms" -> 1_000_000L;
          case "s" -> 1_000_000_000L;
          case "m" -> 60_000_000_000L;
          default -> 3_600_000_000_000L;
        };
    return Long.parseLong(wait.group(1)) * unit;
  }

  /**
   * Plays the case through a network; returns what is not as expected, empty when all is.
   *
   * @param yaml configuration with the policy of a gateway of this name
   */
  List<String> play(Network network, UnaryOperator<String> yaml) {
    List<String> wrong = new ArrayList<>();
    Map<String, Integer> bound = new HashMap<>();
    for (Step step : steps) {
      String verdict;
      PacketText packet = step.packet();
      step.change().happen(network, yaml);
      if (packet == null) {
        network.tick();
        verdict = "";
      } else {
        Network.Out outcome = network.in(step.port(), packet.bytes(bound));
        verdict = network.verdict(outcome);
      }
      compare(step, verdict, network, bound, wrong);
    }
    if (network.unaccounted() != 0) {
      wrong.add(network.unaccounted() + " packets are not accounted for");
    }
    return wrong;
  }

  private void compare(
      Step step, String verdict, Network network, Map<String, Integer> bound, List<String> wrong) {
    String at = file.getFileName() + ":" + step.line() + ": ";
    Expected expected = step.expected();
    String wanted =
        !expected.verdict.isEmpty() || step.packet() == null
            ? expected.verdict
            : expected.packets.isEmpty() ? "a verdict: forward, held or drop REASON" : "forward";
    if (step.packet() != null && !wanted.equals(verdict)) {
      wrong.add(at + "the verdict is \"" + verdict + "\" and not \"" + wanted + "\"");
    }
    List<Network.Out> left = network.packetsOut();
    if (left.size() != expected.packets.size()) {
      wrong.add(at + left.size() + " packets left and not " + expected.packets.size());
      return;
    }
    for (int i = 0; i < left.size(); i++) {
      String port = network.topology.interfaces().get(left.get(i).tag()).port();
      if (!port.equals(expected.ports.get(i))) {
        wrong.add(at + "packet " + i + " left by " + port);
      }
      for (String it : expected.packets.get(i).differences(left.get(i).data(), bound)) {
        wrong.add(at + "packet " + i + ": " + it);
      }
    }
    for (List<String> it : expected.different) {
      if (Objects.equals(bound.get(it.getFirst()), bound.get(it.getLast()))) {
        wrong.add(at + it.getFirst() + " and " + it.getLast() + " are the same");
      }
    }
  }

  /** Reads a verdict of a drop by its label; there must be such a reason. */
  static boolean isVerdict(String verdict) {
    if (!verdict.startsWith("drop ")) {
      return true;
    }
    String label = verdict.substring(5);
    for (DropReason reason : DropReason.values()) {
      if (reason.label().equals(label)) {
        return true;
      }
    }
    return false;
  }
}
