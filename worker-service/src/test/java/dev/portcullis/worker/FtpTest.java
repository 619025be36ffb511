package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.pipeline.WorkerPipeline;
import dev.portcullis.worker.policy.RuleCounts;
import java.util.List;
import java.util.Random;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** FTP without translation: what control connections announce passes, and nothing else. */
class FtpTest {

  private static final String CLIENT = "10.0.0.9";
  private static final String SERVER = "198.51.100.7";
  private static final String CLIENT6 = "fd00::9";
  private static final String SERVER6 = "2001:db8::7";

  static final String ROUTED =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: routed}
      spec:
        workers: {replicas: 16}
        distribution: {algorithm: ALGORITHM}
        path: PATHMODE
        io:
          - {name: io-a, ports: [{name: lan, zone: lan, driver: pcap, addresses: [10.0.0.1/8]}]}
          - {name: io-b, ports: [{name: wan, zone: wan, driver: pcap, addresses: [203.0.113.1/24]}]}
        routes:
          - {to: 0.0.0.0/0, port: wan}
          - {to: 10.0.0.0/8, port: lan}
          - {to: "::/0", port: wan}
          - {to: "fd00::/8", port: lan}
        policy: p
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec:
        defaultAction: drop
        rules:
          - {name: ftp, from: [lan], to: [wan], services: [{tcp: [21, 2121]}], action: accept}
        helpers: {HELPERS}
      """;

  static String routed(String algorithm, String pathMode, String helpers) {
    return ROUTED
        .replace("ALGORITHM", algorithm)
        .replace("PATHMODE", pathMode)
        .replace("HELPERS", helpers);
  }

  private static String routed(String algorithm) {
    return routed(algorithm, "record", "");
  }

  static Stream<Arguments> everywhere() {
    return Stream.of(
            "ip-sum",
            "ip-source",
            "ip-destination",
            "flow-hash",
            "consistent",
            "least-loaded",
            "expression, value: src + 3 * dst + mix(sport) % 99")
        .flatMap(
            algorithm ->
                Stream.of(1, 3, 5, 16)
                    .flatMap(
                        workers ->
                            Stream.of(1, 4)
                                .filter(shards -> workers < 16 || shards == 1)
                                .map(shards -> Arguments.of(algorithm, workers, shards))));
  }

  private static FtpSession control(Network network, String client, String server) {
    FtpSession control = FtpSession.of(network, client, 40_000, server, 21);
    assertTrue(control.open(), () -> String.valueOf(control.verdict));
    control.fromServer("220 ready\r\n");
    control.fromClient("USER anonymous\r\n");
    control.fromServer("230 hello\r\n");
    return control;
  }

  /** The server opens a connection to the client. */
  private static FtpSession back(Network network, String server, int from, String to, int port) {
    return new FtpSession(
        network,
        new FtpSession.End("wan", server, from, 77),
        new FtpSession.End("lan", to, port, 99),
        to,
        port);
  }

  private static void transfers(FtpSession data) {
    assertTrue(data.open(), () -> String.valueOf(data.verdict));
    for (int i = 0; i < 3; i++) {
      assertEquals("down " + i, data.fromServer("down " + i));
      assertEquals("up " + i, data.fromClient("up " + i));
    }
  }

  private static long sum(Network network, ToLongFunction<WorkerPipeline> of) {
    return network.workers.stream()
        .flatMap(it -> it.shards().stream())
        .mapToLong(it -> of.applyAsLong(it.pipeline()))
        .sum();
  }

  @ParameterizedTest
  @MethodSource("everywhere")
  void shouldPassWhatTheServerAnnouncesOnceAtEveryWorker(
      String algorithm, int workers, int shards) {
    Network network = new Network(routed(algorithm), workers, shards);
    FtpSession control = control(network, CLIENT, SERVER);
    for (int i = 0; i < 6; i++) {
      int port = 5000 + 256 * i;
      control.fromClient("PASV\r\n");
      String line = "227 Entering Passive Mode (198,51,100,7," + (port >> 8) + ",136)\r\n";
      assertEquals(line, control.fromServer(line));
      FtpSession data = FtpSession.of(network, CLIENT, 50_000 + i, SERVER, port & 0xff00 | 136);
      transfers(data);
      FtpSession second = FtpSession.of(network, CLIENT, 51_000 + i, SERVER, port & 0xff00 | 136);
      assertFalse(second.open());
      assertEquals(DropReason.ACL_DEFAULT, second.verdict);
    }
    assertEquals(7, sum(network, it -> it.flows().size()));
    assertEquals(6, sum(network, WorkerPipeline::expectationsMet));
    assertEquals(0, sum(network, WorkerPipeline::mismatches));
    assertEquals(0, network.unaccounted());
  }

  @ParameterizedTest
  @MethodSource("everywhere")
  void shouldPassWhatTheClientAnnouncesOnceAtEveryWorker(
      String algorithm, int workers, int shards) {
    Network network = new Network(routed(algorithm), workers, shards);
    FtpSession control = control(network, CLIENT, SERVER);
    for (int i = 0; i < 6; i++) {
      String line = "PORT 10,0,0,9,200," + i + "\r\n";
      assertEquals(line, control.fromClient(line));
      control.fromServer("200 fine\r\n");
      transfers(back(network, SERVER, i % 2 == 0 ? 20 : 45_000 + i, CLIENT, 51_200 + i));
      FtpSession second = back(network, SERVER, 46_000 + i, CLIENT, 51_200 + i);
      assertFalse(second.open());
      assertEquals(DropReason.ACL_DEFAULT, second.verdict);
    }
    assertEquals(6, sum(network, WorkerPipeline::expectationsMet));
    assertEquals(0, sum(network, WorkerPipeline::mismatches));
    assertEquals(0, network.unaccounted());
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,1", "ip-sum,5", "flow-hash,1", "flow-hash,5", "least-loaded,3"})
  void shouldFollowExtendedCommandsOverIpv6(String algorithm, int workers) {
    Network network = new Network(routed(algorithm), workers, 2);
    FtpSession control = control(network, CLIENT6, SERVER6);
    control.fromClient("EPSV\r\n");
    control.fromServer("229 Entering Extended Passive Mode (|||6446|)\r\n");
    transfers(FtpSession.of(network, CLIENT6, 50_000, SERVER6, 6446));
    control.fromClient("EPRT |2|fd00::9|51200|\r\n");
    control.fromServer("200 fine\r\n");
    transfers(back(network, SERVER6, 20, CLIENT6, 51_200));
    assertEquals(0, network.unaccounted());
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,5,2", "flow-hash,1,1", "flow-hash,5,2", "consistent,3,1"})
  void shouldFindTheWayWherePathsAreComputed(String algorithm, int workers, int shards) {
    Network network = new Network(routed(algorithm, "recompute", ""), workers, shards);
    FtpSession control = control(network, CLIENT, SERVER);
    for (int i = 0; i < 6; i++) {
      control.fromClient("PORT 10,0,0,9,200," + i + "\r\n");
      transfers(back(network, SERVER, 20, CLIENT, 51_200 + i));
      control.fromServer("229 (|||" + (6000 + i) + "|)\r\n");
      transfers(FtpSession.of(network, CLIENT, 50_000 + i, SERVER, 6000 + i));
    }
    assertEquals(0, sum(network, WorkerPipeline::mismatches));
    assertEquals(0, network.unaccounted());
  }

  @Test
  void shouldCountADataConnectionOnTheRuleOfItsControlConnection() {
    Network network = new Network(routed("flow-hash"), 5, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    control.fromServer("229 (|||6446|)\r\n");
    long packets = network.counted("ftp", RuleCounts.PACKETS);
    FtpSession data = FtpSession.of(network, CLIENT, 50_000, SERVER, 6446);
    data.open();
    assertEquals(2, network.counted("ftp", RuleCounts.FLOWS));
    assertEquals(packets + 3, network.counted("ftp", RuleCounts.PACKETS));
  }

  @Test
  void shouldSayInTheTraceThatAConnectionWasAnnouncedAndExpected() {
    Network network = new Network(routed("ip-sum"), 1, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    byte[] line =
        control.segment(
            control.server, PacketHeader.ACK, control.server.next, "229 (|||6446|)\r\n");
    assertEquals("w0 lg-wan:stateful:established,announce", network.in("wan", line).trace());
    byte[] syn = Packets.tcp(CLIENT, 50_000, SERVER, 6446, PacketHeader.SYN);
    assertEquals("w0 lg-lan:expected,acl:ftp,stateful:new", network.in("lan", syn).trace());
  }

  @Test
  void shouldNotBelieveWhoAnnouncesTheAddressOfAnother() {
    Network network = new Network(routed("ip-sum"), 3, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    String line = "PORT 10,0,0,8,200,1\r\n";
    assertEquals(line, control.fromClient(line));
    assertFalse(back(network, SERVER, 20, "10.0.0.8", 51_201).open());
    control.fromServer("227 (198,51,100,8,200,1)\r\n");
    assertFalse(FtpSession.of(network, CLIENT, 50_000, "198.51.100.8", 51_201).open());
    assertFalse(FtpSession.of(network, CLIENT, 50_000, SERVER, 51_201).open());
    assertEquals(2, sum(network, WorkerPipeline::announcedRefused));
  }

  @ParameterizedTest
  @ValueSource(strings = {"ip-sum", "flow-hash"})
  void shouldBelieveItWhereThePolicyAllowsAnyAddress(String algorithm) {
    Network network = new Network(routed(algorithm, "record", "ftp: {announced: any}"), 5, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    control.fromClient("PORT 10,0,0,8,200,1\r\n");
    transfers(back(network, SERVER, 20, "10.0.0.8", 51_201));
    control.fromServer("227 (198,51,100,8,200,1)\r\n");
    transfers(FtpSession.of(network, CLIENT, 50_000, "198.51.100.8", 51_201));
  }

  @Test
  void shouldRefusePortsBelow1024UnlessThePolicyAllowsThem() {
    Network network = new Network(routed("ip-sum"), 1, 1);
    control(network, CLIENT, SERVER).fromClient("PORT 10,0,0,9,0,25\r\n");
    assertFalse(back(network, SERVER, 20, CLIENT, 25).open());
    Network allows = new Network(routed("ip-sum", "record", "ftp: {leastPort: 25}"), 1, 1);
    control(allows, CLIENT, SERVER).fromClient("PORT 10,0,0,9,0,25\r\n");
    assertTrue(back(allows, SERVER, 20, CLIENT, 25).open());
  }

  @Test
  void shouldFollowThePortsThatThePolicyNamesAndNoOthers() {
    Network network = new Network(routed("ip-sum", "record", "ftp: {tcp: [2121]}"), 1, 1);
    FtpSession other = FtpSession.of(network, CLIENT, 40_000, SERVER, 2121);
    other.open();
    other.fromServer("220 ready\r\n");
    other.fromServer("229 (|||6446|)\r\n");
    assertTrue(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
    control(network, CLIENT, SERVER).fromServer("229 (|||6447|)\r\n");
    assertFalse(FtpSession.of(network, CLIENT, 50_000, SERVER, 6447).open());
  }

  @Test
  void shouldFollowNothingWhereThePolicySaysSo() {
    Network network = new Network(routed("ip-sum", "record", "ftp: {follow: false}"), 1, 1);
    control(network, CLIENT, SERVER).fromServer("229 (|||6446|)\r\n");
    assertFalse(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
  }

  @Test
  void shouldReadLinesThatComeTogetherAndIgnoreThoseThatComeInParts() {
    Network network = new Network(routed("ip-sum"), 1, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    control.fromServer("200 type set\r\n229 (|||6446|)\r\n150 here it comes\r\n");
    assertTrue(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
    control.fromServer("229 (|||64");
    control.fromServer("47|)\r\n");
    assertFalse(FtpSession.of(network, CLIENT, 50_000, SERVER, 6447).open());
    control.fromServer("229 (|||6448|)\r\n");
    assertTrue(FtpSession.of(network, CLIENT, 50_000, SERVER, 6448).open());
  }

  @Test
  void shouldNotReadWhatDoesNotBeginALine() {
    Network network = new Network(routed("ip-sum"), 1, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    control.fromServer("230-you may see a line that says ");
    control.fromServer("229 (|||6446|)\r\n");
    assertFalse(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
  }

  @Test
  void shouldNotReadSegmentsOutsideOfTheWindow() {
    Network network = new Network(routed("ip-sum"), 1, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    byte[] forged =
        control.segment(
            control.server,
            PacketHeader.ACK,
            control.server.next + 1_000_000,
            "229 (|||6446|)\r\n");
    assertEquals(DropReason.OUT_OF_WINDOW, network.in("wan", forged).why());
    assertFalse(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
  }

  @Test
  void shouldExpectNothingAgainWhenALineIsSentAgain() {
    Network network = new Network(routed("ip-sum"), 1, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    control.send(control.server, PacketHeader.ACK, "229 (|||6446|)\r\n");
    byte[] line = control.sent;
    assertTrue(control.again(control.server, line));
    assertTrue(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
    assertTrue(control.again(control.server, line));
    assertFalse(FtpSession.of(network, CLIENT, 50_001, SERVER, 6446).open());
    assertEquals(1, sum(network, WorkerPipeline::announced));
  }

  @Test
  void shouldReadALineThatWasLostOnTheWayToTheGatewayAndCameLater() {
    Network network = new Network(routed("ip-sum"), 1, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    byte[] first =
        control.segment(
            control.server, PacketHeader.ACK, control.server.next, "229 (|||6446|)\r\n");
    byte[] second =
        control.segment(control.server, PacketHeader.ACK, control.server.next + 16, "150 here\r\n");
    assertEquals(DropReason.NONE, network.in("wan", second).why());
    assertEquals(DropReason.NONE, network.in("wan", first).why());
    assertTrue(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
  }

  @Test
  void shouldExpectOnlyWhatWasAnnouncedLast() {
    Network network = new Network(routed("ip-sum"), 1, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    control.fromServer("229 (|||6446|)\r\n");
    control.fromServer("229 (|||6447|)\r\n");
    assertFalse(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
    assertTrue(FtpSession.of(network, CLIENT, 50_000, SERVER, 6447).open());
  }

  @ParameterizedTest
  @CsvSource({"1,1", "5,2"})
  void shouldForgetAnnouncementsWithTheirControlConnection(int workers, int shards) {
    Network network = new Network(routed("flow-hash"), workers, shards);
    FtpSession control = control(network, CLIENT, SERVER);
    control.fromServer("229 (|||6446|)\r\n");
    control.send(control.client, PacketHeader.RST | PacketHeader.ACK, "");
    network.timeNs += 11_000_000_000L;
    network.tick();
    assertFalse(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
    assertEquals(0, sum(network, it -> it.flows().size()));
  }

  @Test
  void shouldForgetAnnouncementsAfterATime() {
    Network network = new Network(routed("flow-hash"), 5, 2);
    FtpSession control = control(network, CLIENT, SERVER);
    control.fromServer("229 (|||6446|)\r\n");
    assertEquals(10, sum(network, WorkerPipeline::expectations));
    network.timeNs += 301_000_000_000L;
    network.tick();
    assertEquals(0, sum(network, WorkerPipeline::expectations));
    assertFalse(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
  }

  @Test
  void shouldExpectNoMoreThanTheBound() {
    String yaml =
        routed("ip-sum").replace("  policy: p", "  limits: {expectations: 16}\n  policy: p");
    Network network = new Network(yaml, 1, 1);
    FtpSession first = control(network, CLIENT, SERVER);
    FtpSession second = FtpSession.of(network, CLIENT, 40_001, SERVER, 21);
    second.open();
    second.fromServer("220 ready\r\n");
    second.fromServer("229 (|||6446|)\r\n");
    assertFalse(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446).open());
    first.fromServer("229 (|||6447|)\r\n");
    assertTrue(FtpSession.of(network, CLIENT, 50_000, SERVER, 6447).open());
    assertEquals(1, sum(network, WorkerPipeline::announcedFull));
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,1", "flow-hash,5"})
  void shouldKeepDataConnectionsAsLongAsThePolicyAcceptsTheirControlConnection(
      String algorithm, int workers) {
    Network network = new Network(routed(algorithm), workers, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    control.fromServer("229 (|||6446|)\r\n");
    FtpSession down = FtpSession.of(network, CLIENT, 50_000, SERVER, 6446);
    transfers(down);
    control.fromClient("PORT 10,0,0,9,200,1\r\n");
    FtpSession back = back(network, SERVER, 20, CLIENT, 51_201);
    transfers(back);
    control.fromServer("229 (|||6448|)\r\n");
    network.policy(
        routed(algorithm)
            .replace(
                "  rules:",
                "  rules:\n    - {name: new, action: drop, services: [{tcp: [6446]}]}"));
    down.fromServer("more");
    back.fromServer("more");
    transfers(FtpSession.of(network, CLIENT, 50_000, SERVER, 6448));
    network.policy(routed(algorithm).replace("21, 2121", "22"));
    assertFalse(down.send(down.server, PacketHeader.ACK, "more"));
    assertEquals(DropReason.POLICY_CHANGED, down.verdict);
    assertFalse(back.send(back.server, PacketHeader.ACK, "more"));
    assertEquals(DropReason.POLICY_CHANGED, back.verdict);
  }

  @Test
  void shouldNotExpectForAConnectionThatThePolicyNoLongerAccepts() {
    Network network = new Network(routed("flow-hash"), 5, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    control.fromServer("229 (|||6446|)\r\n");
    network.policy(routed("flow-hash").replace("21, 2121", "22"));
    FtpSession data = FtpSession.of(network, CLIENT, 50_000, SERVER, 6446);
    assertFalse(data.open());
    assertEquals(DropReason.ACL_DEFAULT, data.verdict);
  }

  @Test
  void shouldPassAnInlinePairByteForByteAndExpectToo() {
    String yaml =
        Network.STRICT.replace(
            "spec: {defaultAction: accept}",
            "spec: {rules: [{name: ftp, from: [lan], services: [{tcp: [21]}], action: accept}]}");
    Network network = new Network(yaml, 5, 1);
    FtpSession control = control(network, CLIENT, SERVER);
    control.send(control.client, PacketHeader.ACK, "PORT 10,0,0,9,200,1\r\n");
    assertArrayEquals(control.sent, control.arrived);
    transfers(back(network, SERVER, 20, CLIENT, 51_201));
  }

  @Test
  void shouldIgnoreMessagesThatMakeNoSense() {
    Network network = new Network(routed("flow-hash"), 3, 2);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 5000; i++) {
      PacketBatch batch = new PacketBatch(0);
      batch.clearRow(0);
      batch.count = 1;
      batch.bytes = new byte[i % 3 == 0 ? random.nextInt(100) : 72];
      random.nextBytes(batch.bytes);
      if (batch.bytes.length > 0) {
        batch.bytes[0] = (byte) (i % 4);
      }
      batch.dataLength[0] = batch.bytes.length;
      batch.flags[0] = PacketFlags.MESSAGE;
      batch.captureTimeNs[0] = network.timeNs;
      network.workers.get(i % 3).onBatch(i % 2, ModuleId.worker(0), 1, batch);
    }
    network.tick();
    FtpSession control = control(network, CLIENT, SERVER);
    control.fromServer("229 (|||6446|)\r\n");
    transfers(FtpSession.of(network, CLIENT, 50_000, SERVER, 6446));
    assertEquals(0, network.unaccounted(), "seed " + seed);
  }

  @Test
  void shouldPassEveryPayloadWhateverItSays() {
    Network network =
        new Network(
            routed("flow-hash", "record", "ftp: {announced: any, leastPort: 1}")
                .replace(
                    "helpers:",
                    "nat: {source: [{name: out, from: lan, to: wan,"
                        + " translateTo: {addresses: [203.0.113.10]}}]}\n  helpers:"),
            3,
            2);
    FtpSession control = control(network, CLIENT, SERVER);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    String letters = "PORTEPRT227 229 ,,,|||().:0123456789afAF\r\n\r\n";
    for (int i = 0; i < 3000; i++) {
      StringBuilder text = new StringBuilder(i % 2 == 0 ? "PORT 10,0,0,9," : "227 (");
      for (int n = random.nextInt(60); n > 0; n--) {
        text.append(letters.charAt(random.nextInt(letters.length())));
      }
      text.append("\r\n");
      FtpSession.End from = i % 2 == 0 ? control.client : control.server;
      control.send(from, PacketHeader.ACK, text.toString());
      assertEquals(DropReason.NONE, control.verdict, () -> text + " seed " + seed);
      control.send(from == control.client ? control.server : control.client, PacketHeader.ACK, "");
      assertEquals(DropReason.NONE, control.verdict, () -> text + " seed " + seed);
    }
    assertEquals(0, network.unaccounted(), "seed " + seed);
  }

  @Test
  void shouldKeepTheOrderOfPacketsThatWaitForOtherWorkers() {
    Network network = new Network(routed("flow-hash"), 5, 2);
    FtpSession control = control(network, CLIENT, SERVER);
    byte[] port =
        control.segment(
            control.client, PacketHeader.ACK, control.client.next, "PORT 10,0,0,9,200,1\r\n");
    byte[] retr =
        control.segment(control.client, PacketHeader.ACK, control.client.next + 21, "RETR x\r\n");
    network.in("lan", List.of(port, retr));
    assertEquals(
        List.of("PORT 10,0,0,9,200,1\r\n", "RETR x\r\n"),
        network.packetsOut().stream().map(it -> FtpSession.text(it.data())).toList());
    assertEquals(0, network.unaccounted());
    assertEquals(0, sum(network, WorkerPipeline::announcedLate));
  }
}
