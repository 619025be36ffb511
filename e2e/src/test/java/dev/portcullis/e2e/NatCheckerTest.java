package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.io.pcap.CaptureReader;
import dev.portcullis.io.pcap.Frame;
import dev.portcullis.io.pcap.LinkLayer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every packet of every capture before and after gateways that translate, looked at from outside.
 * Several gateways play at once: a replay mostly waits for what is on its way.
 */
class NatCheckerTest {

  private static final Pattern LINE =
      Pattern.compile("\\{\"n\":(\\d+),\"port\":\"(.*?)\".*\"verdict\":\"(.*?)\".*\"out\":(.*)}");

  @TempDir Path folder;

  private static List<Path> captures = List.of();
  private static List<Path> withoutMartians = List.of();
  private final Set<String> flows = new HashSet<>();
  private int secondHops;

  @ParameterizedTest
  @Execution(ExecutionMode.CONCURRENT)
  @CsvSource({
    "1,1,ip-sum",
    "1,4,flow-hash",
    "3,2,ip-sum",
    "3,4,flow-hash",
    "5,1,flow-hash",
    "16,2,ip-sum",
  })
  void shouldTranslateEveryCaptureAndRestoreEveryReply(int workers, int shards, String algorithm)
      throws Exception {
    String yaml = Files.readString(Playground.ROOT.resolve("e2e/src/test/resources/nat.yaml"));
    NatChecker checker = played(yaml, workers, shards, algorithm);
    assertEquals(List.of(), checker.faults().stream().limit(20).toList());
    assertTrue(checker.requests() > 20, checker.requests() + " requests");
    assertTrue(checker.replies() > 20, checker.replies() + " replies");
  }

  static Stream<Arguments> everyGateway() {
    return Stream.of(1, 3, 5, 16)
        .flatMap(
            workers ->
                Stream.of(1, 2, 4)
                    .flatMap(
                        shards ->
                            Stream.of("ip-sum", "flow-hash")
                                .map(algorithm -> Arguments.of(workers, shards, algorithm))));
  }

  @ParameterizedTest
  @Execution(ExecutionMode.CONCURRENT)
  @MethodSource("everyGateway")
  void shouldTranslateWhatTheBranchExampleAccepts(int workers, int shards, String algorithm)
      throws Exception {
    String yaml = Files.readString(Playground.ROOT.resolve("examples/branch.yaml"));
    NatChecker checker = played(yaml, workers, shards, algorithm);
    assertEquals(List.of(), checker.faults().stream().limit(20).toList());
    assertTrue(checker.requests() > 10, checker.requests() + " requests");
    assertTrue(checker.replies() > 10, checker.replies() + " replies");
  }

  private NatChecker played(String yaml, int workers, int shards, String algorithm)
      throws Exception {
    // nothing is to be fragmented: the pieces could not be told from whole packets
    Path file = folder.resolve("gateway.yaml");
    Files.writeString(
        file,
        yaml.replaceFirst("algorithm: [-a-z]+", "algorithm: " + algorithm)
            .replaceAll("driver: pcap", "driver: pcap, mtu: 65535"));
    NatChecker checker =
        new NatChecker(Set.of("cb00710a", "cb00710b", "20010db800990000000000000000000a"));
    List<Path> played = yaml.contains("martian: pass") ? captures : withoutMartians;
    try (Playground gateway = new Playground(file, workers, shards)) {
      gateway.play(folder, played.toArray(Path[]::new));
    }
    compare(played, checker);
    return checker;
  }

  /**
   * Chooses captures without fragments: what becomes of those is not one packet for one packet. Of
   * a capture of loopback addresses alone nothing leaves a gateway that drops martians.
   */
  @BeforeAll
  static void choose() throws IOException {
    captures = new ArrayList<>();
    withoutMartians = new ArrayList<>();
    for (Path capture : Playground.captures()) {
      boolean fragments = false;
      boolean loopback = true;
      Frame frame = new Frame();
      LinkLayer link = new LinkLayer();
      try (CaptureReader reader = CaptureReader.open(capture)) {
        while (!fragments && reader.next(frame)) {
          link.parse(frame);
          NatChecker.Packet it = link.ip ? NatChecker.parse(packet(frame, link)) : null;
          fragments = it != null && it.fragment();
          loopback &= it != null && !it.v6() && it.source().startsWith("7f");
        }
      } catch (IOException e) {
        // what can be read of it is played
      }
      if (!fragments) {
        captures.add(capture);
        if (!loopback) {
          withoutMartians.add(capture);
        }
      }
    }
    assertFalse(captures.isEmpty());
  }

  private static byte[] packet(Frame frame, LinkLayer link) {
    return Arrays.copyOfRange(frame.bytes, link.l2Length, frame.length);
  }

  private void compare(List<Path> played, NatChecker checker) throws IOException {
    Frame in = new Frame();
    Frame out = new Frame();
    LinkLayer link = new LinkLayer();
    long n = 0;
    int next = 0;
    List<String> paths = Files.readAllLines(folder.resolve("paths.jsonl"));
    Map<String, CaptureReader> ports = new HashMap<>();
    try (CaptureReader lan = CaptureReader.open(folder.resolve("lan.pcapng"));
        CaptureReader wan = CaptureReader.open(folder.resolve("wan.pcapng"))) {
      ports.put("\"lan\"", lan);
      ports.put("\"wan\"", wan);
      for (Path capture : played) {
        checker.next();
        try (CaptureReader input = CaptureReader.open(capture)) {
          while (input.next(in)) {
            n++;
            Matcher line = LINE.matcher(next < paths.size() ? paths.get(next) : "");
            if (!line.matches() || Long.parseLong(line.group(1)) != n) {
              continue; // it did not enter
            }
            next++;
            if (line.group(3).equals("forward")) {
              CaptureReader port = ports.get(line.group(4));
              assertTrue(port != null && port.next(out), () -> "did not come out: " + line.group());
              link.parse(in);
              byte[] after = Arrays.copyOf(out.bytes, out.length);
              String where = capture.getFileName() + ", frame " + n + ": " + line.group();
              checker.check(where, line.group(2).equals("lan"), in.timeNs, packet(in, link), after);
              count(capture, line, packet(in, link));
            } else if (line.group().contains("\"answer\"")) {
              // what the gateway says itself leaves by the port of entry
              CaptureReader port = ports.get('"' + line.group(2) + '"');
              assertTrue(port != null && port.next(out), () -> "no answer: " + line.group());
            }
          }
        } catch (IOException e) {
          // a damaged capture ends where it can no longer be read
        }
      }
      assertFalse(lan.next(out) || wan.next(out), "more came out than went in");
    }
    assertEquals(paths.size(), next);
  }

  private void count(Path capture, Matcher line, byte[] packet) {
    NatChecker.Packet it = NatChecker.parse(packet);
    if (line.group(2).equals("lan")
        && it != null
        && it.hasPorts()
        && flows.add(capture + it.flow())) {
      String way = line.group();
      secondHops += way.indexOf("\"worker\"") == way.lastIndexOf("\"worker\"") ? 0 : 1;
    }
  }

  /** Prints the figures of ADR 23. */
  @ParameterizedTest
  @Execution(ExecutionMode.CONCURRENT)
  @CsvSource({
    "3,ip-sum,true",
    "5,ip-sum,true",
    "16,ip-sum,true",
    "3,flow-hash,true",
    "5,flow-hash,true",
    "16,flow-hash,true",
    "3,flow-hash,false",
    "5,flow-hash,false",
    "16,flow-hash,false",
  })
  void shouldPrintTheShareOfSecondHops(int workers, String algorithm, boolean preserve)
      throws Exception {
    String yaml = Files.readString(Playground.ROOT.resolve("e2e/src/test/resources/nat.yaml"));
    NatChecker checker =
        played(
            yaml.replace("translateTo: {", "translateTo: {preservePorts: " + preserve + ", "),
            workers,
            1,
            algorithm);
    assertEquals(List.of(), checker.faults().stream().limit(20).toList());
    System.out.printf(
        "%-10s N=%-2d preservePorts=%-5b flows=%d second-hops=%.1f %% ports-kept=%.1f %%%n",
        algorithm,
        workers,
        preserve,
        flows.size(),
        100.0 * secondHops / flows.size(),
        100 * checker.kept());
  }

  @Test
  void shouldFindWhatIsWrong() {
    NatChecker checker = new NatChecker(Set.of("cb00710a"));
    byte[] one = packetOf(new Captures().udp("10.0.0.1", 5, "198.51.100.1", 53, 4));
    byte[] other = packetOf(new Captures().udp("10.0.0.2", 5, "198.51.100.1", 53, 4));
    byte[] left = packetOf(new Captures().udp("203.0.113.10", 7, "198.51.100.1", 53, 4));
    left[8]--;
    left[10]++;
    checker.check("a", true, 1, one, left);
    assertEquals(List.of(), checker.faults());
    checker.check("b", true, 2, other, left);
    assertTrue(checker.faults().getFirst().contains("both have"), checker.faults().toString());
    left[27]++;
    checker.check("c", true, 3, one, left);
    assertTrue(
        checker.faults().stream().anyMatch(it -> it.contains("c: transport checksum")),
        checker.faults().toString());
  }

  private byte[] packetOf(Captures captures) {
    try {
      byte[] file = Files.readAllBytes(captures.write(folder.resolve("one.pcap")));
      return Arrays.copyOfRange(file, 40, file.length);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
