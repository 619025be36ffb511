package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
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
    TranslatedReplay.check(folder, played, checker, this::count);
    return checker;
  }

  @BeforeAll
  static void choose() throws IOException {
    captures = TranslatedReplay.withoutFragments();
    withoutMartians = captures.stream().filter(it -> !TranslatedReplay.isLoopback(it)).toList();
    assertFalse(captures.isEmpty());
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
