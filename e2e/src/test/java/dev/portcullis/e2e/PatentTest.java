package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ways of a packet that the patent describes, hop by hop through a whole gateway. */
class PatentTest {

  private static final Path TRANSPARENT = Playground.ROOT.resolve("examples/transparent.yaml");
  private static final Path BRANCH = Playground.ROOT.resolve("examples/branch.yaml");
  private static final Pattern WORKER = Pattern.compile("\"worker\":(\\d+)");

  @TempDir Path folder;

  @Test
  void d1ShouldPassV99ToWorker0AndV100ToWorker1OfThree() throws Exception {
    List<String> paths =
        play(
            TRANSPARENT,
            3,
            new Captures()
                .udp("0.0.0.50", 1000, "0.0.0.49", 2000, 8)
                .udp("0.0.0.50", 1000, "0.0.0.50", 2000, 8));
    assertTrue(paths.get(0).contains("\"v\":\"0x63\",\"n_slots\":3"), paths.get(0));
    assertEquals(List.of(0), workers(paths.get(0)));
    assertTrue(paths.get(1).contains("\"v\":\"0x64\""), paths.get(1));
    assertEquals(List.of(1), workers(paths.get(1)));
  }

  @Test
  void w1ShouldPassAFlowThatNatMovesThroughASecondWorkerThatRecordsThePath() throws Exception {
    List<String> paths = play(BRANCH, 3, natted());
    int moved = 0;
    for (int i = 0; i < paths.size(); i += 6) {
      String request = paths.get(i);
      List<Integer> hops = workers(request);
      if (hops.size() == 2) {
        moved++;
        assertTrue(request.contains("\"in\":\"lg-lan\""), request);
        assertTrue(request.contains("snat"), request);
        assertTrue(
            request.endsWith(
                "\"did\":[\"record\"]}],\"verdict\":\"forward\",\"reason\":null,\"out\":\"wan\"}"),
            request);
      }
    }
    assertTrue(moved > 0, "no flow took a second hop");
  }

  @Test
  void w2ShouldTakeTheReplyBackTheRecordedWay() throws Exception {
    List<String> paths = play(BRANCH, 3, natted());
    for (int i = 0; i < paths.size(); i += 6) {
      assertEquals(workers(paths.get(i)).reversed(), workers(paths.get(i + 1)), paths.get(i + 1));
      assertTrue(paths.get(i + 1).endsWith("\"out\":\"lan\"}"), paths.get(i + 1));
    }
  }

  @Test
  void w3ShouldTakeNoSecondHopWhereTheReplyBelongsToTheSameWorker() throws Exception {
    Captures plain = new Captures();
    for (int i = 0; i < 20; i++) {
      plain.tcpConversation("10.1.2." + i, 40_000, "192.0.2.1", 80);
    }
    for (String path : play(TRANSPARENT, 3, plain)) {
      assertEquals(1, workers(path).size(), path);
    }
  }

  @Test
  void w4ShouldTakeAThirdWorkerForADatagramInFragmentsThatSnatMoves() throws Exception {
    Path yaml = folder.resolve("flow-hash.yaml");
    Files.writeString(
        yaml,
        Files.readString(BRANCH)
            .replace("algorithm: ip-sum", "algorithm: flow-hash")
            .replace("tcp: [80, 443]", "tcp: [80, 443], udp: [53]"));
    Captures captures = new Captures();
    for (int i = 0; i < 40; i++) {
      captures.udp("10.1.2." + (i + 1), 40_000 + i, "198.51.100." + i, 53, 2000).fragmented(1000);
    }
    List<String> paths = play(yaml, 5, captures);
    int three = 0;
    for (int i = 0; i < paths.size(); i += 3) {
      String whole = paths.get(i + 2);
      List<Integer> hops = workers(whole);
      if (hops.size() == 3) {
        three++;
        assertTrue(
            whole.matches(
                ".*\"in\":\"lg-lan\",\"did\":\\[\"fragment\"]},"
                    + "\\{\"worker\":\\d,\"did\":\\[\"acl:allow-web\",\"stateful:new\",\"snat\"]},"
                    + "\\{\"worker\":\\d,\"did\":\\[\"record\"]}],\"verdict\":\"forward\".*\"out\":\"wan\"}"),
            whole);
      }
      for (String fragment : paths.subList(i, i + 2)) {
        assertEquals(List.of(hops.getFirst()), workers(fragment), fragment);
        assertTrue(
            fragment.endsWith("\"verdict\":\"forward\",\"reason\":null,\"out\":\"wan\"}"),
            fragment);
      }
    }
    assertTrue(three > 0, "no datagram visited three workers");
  }

  @Test
  void w5ShouldComputeTheWayAgainWhereTheConfigurationSaysSo() throws Exception {
    Path recompute = folder.resolve("recompute.yaml");
    Files.writeString(
        recompute,
        Files.readString(BRANCH).replaceFirst("(?m)^spec:$", "spec:\n  path: recompute"));
    List<String> paths = play(recompute, 3, natted());
    int passedOn = 0;
    for (int i = 0; i < paths.size(); i += 6) {
      assertEquals(1, workers(paths.get(i)).size(), "a request records nothing: " + paths.get(i));
      List<Integer> reply = workers(paths.get(i + 1));
      passedOn += reply.size() - 1;
      assertEquals(workers(paths.get(i)).getFirst(), reply.getLast(), paths.get(i + 1));
      assertTrue(paths.get(i + 1).endsWith("\"out\":\"lan\"}"), paths.get(i + 1));
    }
    assertTrue(passedOn > 0, "no reply was passed on");
  }

  @Test
  void f2ToF7ShouldRunInTheOrderOfThePatent() throws Exception {
    List<String> paths = play(BRANCH, 3, natted());
    assertTrue(
        paths.getFirst().contains("\"did\":[\"acl:allow-web\",\"stateful:new\",\"snat\"]"),
        paths.getFirst());
  }

  @Test
  void p2ShouldWorkWithOneToSixteenWorkers() throws Exception {
    for (int workers : new int[] {1, 2, 3, 16}) {
      for (String path : play(BRANCH, workers, natted())) {
        assertTrue(path.contains("\"verdict\":\"forward\""), path);
      }
    }
  }

  /** Twenty conversations from the office to the web; six packets each. */
  private static Captures natted() {
    Captures captures = new Captures();
    for (int i = 0; i < 20; i++) {
      captures.tcpConversation("10.1.2." + (i + 1), 40_000 + i, "198.51.100." + i, 443);
    }
    return captures;
  }

  private List<String> play(Path yaml, int workers, Captures captures) throws Exception {
    Path capture = captures.write(folder.resolve("in.pcap"));
    try (Playground gateway = new Playground(yaml, workers, 1)) {
      gateway.play(folder.resolve("out"), capture);
    }
    List<String> paths = Files.readAllLines(folder.resolve("out/paths.jsonl"));
    assertEquals(captures.size(), paths.size());
    return paths;
  }

  private static List<Integer> workers(String path) {
    List<Integer> workers = new ArrayList<>();
    Matcher matcher = WORKER.matcher(path);
    while (matcher.find()) {
      workers.add(Integer.parseInt(matcher.group(1)));
    }
    return workers;
  }
}
