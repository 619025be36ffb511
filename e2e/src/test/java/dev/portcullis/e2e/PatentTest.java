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

  private Path changed(Path yaml, String... replacements) throws Exception {
    String text = Files.readString(yaml);
    for (int i = 0; i < replacements.length; i += 2) {
      assertTrue(text.contains(replacements[i]), replacements[i]);
      text = text.replace(replacements[i], replacements[i + 1]);
    }
    return Files.writeString(folder.resolve("changed.yaml"), text);
  }

  @Test
  void d6ShouldPassByAnExpressionThatAUserWrote() throws Exception {
    Path yaml =
        changed(
            BRANCH,
            "{algorithm: ip-sum}",
            "{algorithm: expression, value: 'dport == 443 ? src % 2 : 2'}");
    List<String> paths = play(yaml, 3, natted());
    for (int i = 0; i < paths.size(); i += 6) {
      assertEquals((i / 6 + 1) % 2, workers(paths.get(i)).getFirst(), paths.get(i));
      // the reply's own key leads to worker 2, which has the record
      assertEquals(List.of(2, (i / 6 + 1) % 2), workers(paths.get(i + 1)), paths.get(i + 1));
    }
  }

  @Test
  void d6ShouldPassByTheSumWhereAnExpressionFails() throws Exception {
    Path yaml =
        changed(
            BRANCH, "{algorithm: ip-sum}", "{algorithm: expression, value: src / (sport - sport)}");
    List<String> paths = play(yaml, 3, natted());
    assertEquals(play(BRANCH, 3, natted()), paths);
  }

  @Test
  void d8ShouldServeATypeOfTrafficByItsOwnPoolOfWorkers() throws Exception {
    Path yaml =
        changed(
            TRANSPARENT,
            "  io:",
            "  pools: [{name: mail, base: 10, replicas: 2}]\n"
                + "  distribution: {classes: [{name: smtp, algorithm: flow-hash, pool: mail}]}\n"
                + "  io:");
    Captures captures = new Captures();
    for (int i = 0; i < 10; i++) {
      captures.tcpConversation("10.1.2." + i, 40_000 + i, "192.0.2.1", i % 2 == 0 ? 25 : 80);
    }
    List<String> paths = play(yaml, 3, captures);
    for (int i = 0; i < paths.size(); i++) {
      boolean mail = i / 6 % 2 == 0;
      assertEquals(mail, workers(paths.get(i)).getFirst() >= 10, paths.get(i));
      assertTrue(paths.get(i).contains(mail ? "\"class\":\"smtp\"" : "\"class\":\"default\""));
    }
  }

  /** A gateway with workers of their own for what looks like the web, on any port. */
  private Path looking() throws Exception {
    return changed(
        BRANCH,
        "{algorithm: ip-sum}",
        "{algorithm: ip-sum, classes: [{name: http, algorithm: flow-hash, pool: web, detect: http}]}",
        "  io:",
        "  pools: [{name: web, base: 20, replicas: 2}]\n  io:",
        "tcp: [80, 443]",
        "tcp: [80, 443, 8081]");
  }

  private static Captures spoken(int serverPort) {
    Captures captures = new Captures();
    for (int i = 0; i < 20; i++) {
      String request = i % 4 == 3 ? "\0\1\2\3" : "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
      captures.tcpConversation(
          "10.1.2." + (i + 1), 40_000 + i, "198.51.100." + i, serverPort, request, "HTTP/1.1 200");
    }
    return captures;
  }

  @Test
  void d6ShouldPassEachTypeOfDataByAnAlgorithmOfItsOwnAlsoWhereOnlyALookTellsIt() throws Exception {
    List<String> paths = play(looking(), 3, spoken(8081));
    int[] flows = new int[2];
    for (int i = 0; i < paths.size(); i += 10) {
      int first = worker(paths.get(i), "stateful");
      int later = worker(paths.get(i + 3), "stateful");
      assertTrue(first < 3, paths.get(i));
      if (i / 10 % 4 == 3) {
        assertEquals(first, later, paths.get(i + 3));
      } else {
        flows[later - 20]++;
      }
    }
    assertEquals(15, flows[0] + flows[1]);
    assertTrue(flows[0] > 0 && flows[1] > 0, flows[0] + " and " + flows[1] + " flows");
  }

  @Test
  void d8ShouldMoveHttpOnAnyPortToThePoolThatServesIt() throws Exception {
    List<String> paths = play(looking(), 3, spoken(8081));
    for (int i = 0; i < paths.size(); i++) {
      boolean http = i / 10 % 4 != 3;
      boolean told = i % 10 >= 3;
      String path = paths.get(i);
      assertEquals(http && told, worker(path, "stateful") >= 20, path);
      assertEquals(http && i % 10 == 3, path.contains("\"look:http\""), path);
      assertEquals(http && i % 10 > 3, path.contains("\"class:http\""), path);
      assertTrue(path.contains("\"verdict\":\"forward\""), path);
      assertTrue(path.endsWith(i % 10 == 1 || isReply(i % 10) ? "\"lan\"}" : "\"wan\"}"), path);
    }
  }

  private static boolean isReply(int packet) {
    return packet == 4 || packet == 5 || packet == 8;
  }

  @Test
  void d9ShouldHaveTheOwnerPassANewFlowToTheLeastLoadedWorker() throws Exception {
    // one client and one server: by the sum of addresses one worker owns everything
    Captures captures = new Captures();
    for (int i = 0; i < 30; i++) {
      captures.tcpConversation("10.1.2.3", 40_000 + i, "198.51.100.1", 443);
    }
    Path yaml = changed(BRANCH, "{algorithm: ip-sum}", "{algorithm: least-loaded}");
    List<String> paths = play(yaml, 3, captures);
    int[] flows = new int[3];
    for (int i = 0; i < paths.size(); i += 6) {
      List<Integer> request = workers(paths.get(i));
      assertEquals(workers(paths.getFirst()).getFirst(), request.getFirst(), "the owner is first");
      int chosen = worker(paths.get(i), "acl:allow-web");
      flows[chosen]++;
      for (int k = 0; k < 6; k++) {
        assertEquals(chosen, worker(paths.get(i + k), "stateful"), paths.get(i + k));
        assertTrue(paths.get(i + k).contains("\"verdict\":\"forward\""), paths.get(i + k));
      }
    }
    assertEquals(List.of(10, 10, 10), List.of(flows[0], flows[1], flows[2]));
  }

  /** The worker of a path that did something. */
  private static int worker(String path, String did) {
    Matcher matcher =
        Pattern.compile("\"worker\":(\\d+),(?:\"in\":\"[^\"]*\",)?\"did\":\\[[^\\]]*" + did)
            .matcher(path);
    assertTrue(matcher.find(), path);
    return Integer.parseInt(matcher.group(1));
  }

  @Test
  void f3ShouldAskTheRulesAfterDnatAndNotForReplies() throws Exception {
    Captures published = new Captures().tcpConversation("198.51.100.1", 40_000, "203.0.113.10", 80);
    Path capture = published.write(folder.resolve("in.pcap"));
    try (Playground gateway = new Playground(BRANCH, 3, 1)) {
      gateway.replay(folder.resolve("out"), "wan", "lan", capture).run();
    }
    List<String> paths = Files.readAllLines(folder.resolve("out/paths.jsonl"));
    assertTrue(paths.getFirst().contains("\"dnat\",\"acl:allow-www\""), paths.getFirst());
    assertTrue(!paths.get(1).contains("acl:"), paths.get(1));
  }

  @Test
  void f8ShouldVerifySourceAndDestination() throws Exception {
    Path yaml =
        changed(
            TRANSPARENT,
            "spec: {defaultAction: accept}",
            "spec: {defaultAction: drop, rules: [{name: known, source: [10.1.0.0/16], destination: [192.0.2.1/32], action: accept}]}");
    List<String> paths =
        play(
            yaml,
            3,
            new Captures()
                .udp("10.1.2.3", 1000, "192.0.2.1", 2000, 8)
                .udp("10.2.2.3", 1000, "192.0.2.1", 2000, 8)
                .udp("10.1.2.3", 1000, "192.0.2.2", 2000, 8));
    assertTrue(paths.get(0).contains("acl:known"), paths.get(0));
    assertTrue(paths.get(0).contains("\"verdict\":\"forward\""), paths.get(0));
    for (int i = 1; i < 3; i++) {
      assertTrue(paths.get(i).contains("\"reason\":\"acl-default\""), paths.get(i));
    }
  }

  @Test
  void f10ShouldTellTheTypeOfTrafficByThePortOfEitherSide() throws Exception {
    Path yaml =
        changed(
            TRANSPARENT,
            "  io:",
            "  distribution: {classes: [{name: http}, {name: smtp}, {name: pop3}, {name: imap}, {name: ftp}, {name: dns}, {name: own, tcp: [7777]}]}\n  io:");
    Captures captures = new Captures();
    List<String> classes = new ArrayList<>();
    List<Integer> ports = List.of(80, 25, 110, 143, 21, 53, 7777, 4711);
    List<String> names = List.of("http", "smtp", "pop3", "imap", "ftp", "dns", "own", "default");
    for (int i = 0; i < ports.size(); i++) {
      captures.tcpConversation("10.1.2." + i, 40_000, "192.0.2.1", ports.get(i));
      for (int k = 0; k < 6; k++) {
        classes.add(names.get(i));
      }
    }
    List<String> paths = play(yaml, 3, captures);
    for (int i = 0; i < paths.size(); i++) {
      assertTrue(paths.get(i).contains("\"class\":\"" + classes.get(i) + "\""), paths.get(i));
    }
  }

  @Test
  void f10ShouldTellTheTypeOfTrafficByLookingAtItOnAnyPort() throws Exception {
    List<String> names = List.of("http", "tls", "ssh", "smtp", "pop3", "imap", "none");
    List<String> requests =
        List.of(
            "POST /a HTTP/1.1\r\n",
            "\26\3\1\0\10\1abc",
            "SSH-2.0-x\r\n",
            "EHLO a\r\n",
            "",
            "",
            "x");
    List<String> replies =
        List.of("HTTP/1.1 200", "x", "SSH-2.0-y\r\n", "250 a", "+OK hello", "* OK hello", "x");
    StringBuilder classes = new StringBuilder();
    Captures captures = new Captures();
    for (int i = 0; i < names.size(); i++) {
      if (!names.get(i).equals("none")) {
        classes.append("{name: its-%1$s, pool: all, detect: %1$s},".formatted(names.get(i)));
      }
      captures.tcpConversation(
          "10.1.2." + i, 40_000, "192.0.2.1", 4711, requests.get(i), replies.get(i));
    }
    Path yaml =
        changed(
            TRANSPARENT,
            "  io:",
            "  pools: [{name: all, base: 20}]\n  distribution: {classes: ["
                + classes
                + "]}\n  io:");
    List<String> paths = play(yaml, 3, captures);
    for (int i = 0; i < names.size(); i++) {
      String of = String.join("\n", paths.subList(10 * i, 10 * i + 10));
      boolean none = names.get(i).equals("none");
      assertEquals(!none, of.contains("\"look:its-" + names.get(i) + "\""), of);
      assertEquals(!none, of.contains("\"worker\":20"), of);
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
