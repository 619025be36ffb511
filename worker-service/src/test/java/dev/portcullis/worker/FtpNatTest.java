package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.pipeline.WorkerPipeline;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.ToLongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** FTP with translation: each side reads addresses that it can reach, and reaches them. */
class FtpNatTest {

  private static final String CLIENT = "10.0.0.9";
  private static final String SERVER = "198.51.100.7";
  private static final String PUBLIC = "203.0.113.10";
  private static final Pattern HOST_PORT =
      Pattern.compile("(\\d+),(\\d+),(\\d+),(\\d+),(\\d+),(\\d+)");

  private static String nat(String algorithm, String path, String nat) {
    String yaml =
        FtpTest.routed(algorithm, path, "")
            .replace(
                "  helpers: {}",
                "    - {name: ftp-in, from: [wan], to: [lan], services: [{tcp: [21]}], action: accept}\n"
                    + "  nat:\n"
                    + nat);
    return yaml;
  }

  private static final String SNAT =
      "    source: [{name: out, from: lan, to: wan, translateTo: {addresses: [203.0.113.10],"
          + " ports: 1024-65535}}]\n";

  private static String snat(String algorithm, String path) {
    return nat(algorithm, path, SNAT);
  }

  static Stream<Arguments> everywhere() {
    return FtpTest.everywhere();
  }

  private static FtpSession control(Network network, String client, int port) {
    FtpSession control = FtpSession.of(network, client, port, SERVER, 21);
    control.server.expected = 0;
    assertTrue(control.open(), () -> String.valueOf(control.verdict));
    control.fromServer("220 ready\r\n");
    control.fromClient("USER anonymous\r\n");
    control.fromServer("230 hello\r\n");
    return control;
  }

  /** A connection that someone opens who has read an address and a port in a line. */
  private static FtpSession reads(
      Network network, String at, String address, int port, FtpSession.End to, String line) {
    Matcher m = HOST_PORT.matcher(line);
    assertTrue(m.find(), line);
    String shown = m.group(1) + "." + m.group(2) + "." + m.group(3) + "." + m.group(4);
    int shownPort = Integer.parseInt(m.group(5)) * 256 + Integer.parseInt(m.group(6));
    return new FtpSession(network, new FtpSession.End(at, address, port, 77), to, shown, shownPort);
  }

  private static FtpSession.End end(String at, String address, int port) {
    return new FtpSession.End(at, address, port, 99);
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
  void shouldTranslateActiveDataConnectionsAtEveryWorker(
      String algorithm, int workers, int shards) {
    Network network = new Network(snat(algorithm, "record"), workers, shards);
    FtpSession control = control(network, CLIENT, 40_000);
    Set<Integer> ports = new HashSet<>();
    for (int i = 0; i < 8; i++) {
      String line = control.fromClient("PORT 10,0,0,9,200," + i + "\r\n");
      assertEquals("200 fine\r\n", control.fromServer("200 fine\r\n"));
      FtpSession data = reads(network, "wan", SERVER, 20, end("lan", CLIENT, 51_200 + i), line);
      assertEquals(PUBLIC, data.client.peer);
      assertTrue(ports.add(data.client.peerPort));
      transfers(data);
      assertEquals(SERVER, data.server.peer);
      assertEquals(20, data.server.peerPort);
      assertEquals("RETR x\r\n", control.fromClient("RETR x\r\n"));
    }
    assertEquals(8, sum(network, WorkerPipeline::expectationsMet));
    assertEquals(0, sum(network, WorkerPipeline::mismatches));
    assertEquals(0, network.unaccounted());
  }

  @ParameterizedTest
  @MethodSource("everywhere")
  void shouldTranslatePassiveDataConnectionsToTheAddressOfTheirControlConnection(
      String algorithm, int workers, int shards) {
    String pools = SNAT.replace("[203.0.113.10]", "[203.0.113.10, 203.0.113.11, 203.0.113.12]");
    Network network = new Network(nat(algorithm, "record", pools), workers, shards);
    FtpSession control = control(network, CLIENT, 40_000);
    for (int i = 0; i < 8; i++) {
      String line = "227 Entering Passive Mode (198,51,100,7,20," + i + ")\r\n";
      assertEquals(line, control.fromServer(line));
      FtpSession data = FtpSession.of(network, CLIENT, 50_000 + i, SERVER, 5120 + i);
      transfers(data);
      assertEquals(control.server.peer, data.server.peer);
    }
    assertEquals(8, sum(network, WorkerPipeline::expectationsMet));
    assertEquals(0, sum(network, WorkerPipeline::mismatches));
    assertEquals(0, network.unaccounted());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ip-sum | 1",
        "ip-sum | 2",
        "flow-hash | 1",
        "flow-hash | 4",
        "consistent | 2",
        "least-loaded | 2",
        "ip-source | 1",
        "expression, value: src + 3 * dst + mix(sport) % 99 | 2"
      })
  void shouldCarryOnWhateverTheNumberOfWorkersAndMeetWhatWasAnnouncedBeforeAChange(
      String algorithm, int shards) {
    Network network = new Network(snat(algorithm, "record"), 7, shards);
    FtpSession control = control(network, CLIENT, 40_000);
    List<FtpSession> live = new ArrayList<>();
    int change = 0;
    for (int workers : new int[] {3, 5, 2, 7, 1, 3, 6, 4}) {
      boolean active = change % 2 == 0;
      String line =
          active
              ? control.fromClient("PORT 10,0,0,9,200," + change + "\r\n")
              : control.fromServer("227 (198,51,100,7,20," + change + ")\r\n");
      network.scale(workers);
      FtpSession data =
          active
              ? reads(network, "wan", SERVER, 20, end("lan", CLIENT, 51_200 + change), line)
              : FtpSession.of(network, CLIENT, 50_000 + change, SERVER, 5120 + change);
      assertTrue(data.open(), () -> workers + " workers: " + data.verdict);
      live.add(data);
      for (FtpSession it : live) {
        assertEquals("down", it.fromServer("down"));
        assertEquals("up", it.fromClient("up"));
      }
      control.fromServer("226 done\r\n");
      change++;
    }
    assertEquals(change, sum(network, WorkerPipeline::expectationsMet));
    assertEquals(0, sum(network, WorkerPipeline::flowsRefused));
    assertEquals(0, sum(network, WorkerPipeline::flowsBroken));
    assertEquals(0, network.unaccounted());
  }

  private static final String DNAT =
      SNAT
          + "    destination: [{name: ftp, from: wan, destination: 203.0.113.10, service: {tcp:"
          + " 2100}, translateTo: {address: 10.0.0.5, port: 21}}]\n";

  private static FtpSession published(Network network) {
    FtpSession control =
        new FtpSession(
            network, end("wan", SERVER, 40_000), end("lan", "10.0.0.5", 21), PUBLIC, 2100);
    assertTrue(control.open(), () -> String.valueOf(control.verdict));
    control.fromServer("220 ready\r\n");
    control.fromClient("USER anonymous\r\n");
    return control;
  }

  @ParameterizedTest
  @MethodSource("everywhere")
  void shouldShowAPublishedServerByItsPublicAddressInEveryMode(
      String algorithm, int workers, int shards) {
    Network network = new Network(nat(algorithm, "record", DNAT), workers, shards);
    FtpSession control = published(network);
    for (int i = 0; i < 4; i++) {
      String line = control.fromServer("227 Entering Passive Mode (10,0,0,5,200," + i + ")\r\n");
      assertEquals("227 Entering Passive Mode (203,0,113,10,200," + i + ")\r\n", line);
      FtpSession passive =
          reads(network, "wan", SERVER, 50_000 + i, end("lan", "10.0.0.5", 51_200 + i), line);
      transfers(passive);
      assertEquals(SERVER, passive.server.peer);
      line = control.fromClient("PORT 198,51,100,7,200," + i + "\r\n");
      assertEquals("PORT 198,51,100,7,200," + i + "\r\n", line);
      FtpSession active =
          reads(
              network,
              "lan",
              "10.0.0.5",
              i % 2 == 0 ? 20 : 45_000,
              end("wan", SERVER, 51_200 + i),
              line);
      transfers(active);
      assertEquals(PUBLIC, active.server.peer);
      if (i % 2 == 0) {
        assertEquals(20, active.server.peerPort);
      }
    }
    assertEquals(8, sum(network, WorkerPipeline::expectationsMet));
    assertEquals(0, sum(network, WorkerPipeline::mismatches));
    assertEquals(0, network.unaccounted());
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,1,1", "ip-sum,5,2", "flow-hash,1,4", "flow-hash,5,2"})
  void shouldTranslateWherePathsAreComputed(String algorithm, int workers, int shards) {
    Network network = new Network(nat(algorithm, "recompute", DNAT), workers, shards);
    FtpSession control = control(network, CLIENT, 40_000);
    for (int i = 0; i < 8; i++) {
      String line = control.fromClient("PORT 10,0,0,9,200," + i + "\r\n");
      transfers(reads(network, "wan", SERVER, 20, end("lan", CLIENT, 51_200 + i), line));
      control.fromServer("227 (198,51,100,7,20," + i + ")\r\n");
      transfers(FtpSession.of(network, CLIENT, 50_000 + i, SERVER, 5120 + i));
    }
    assertEquals(0, sum(network, WorkerPipeline::mismatches));
    FtpSession server = published(network);
    String line = server.fromServer("227 (10,0,0,5,200,1)\r\n");
    transfers(reads(network, "wan", SERVER, 50_000, end("lan", "10.0.0.5", 51_201), line));
    assertEquals(0, network.unaccounted());
  }

  @ParameterizedTest
  @CsvSource({"ip-source,1", "ip-source,3", "ip-source,5"})
  void shouldTranslateWithEndpointIndependentMappings(String algorithm, int workers) {
    String nat = SNAT.replace("translateTo", "mapping: endpoint-independent, translateTo");
    Network network = new Network(nat(algorithm, "record", nat), workers, 2);
    FtpSession control = control(network, CLIENT, 40_000);
    for (int i = 0; i < 4; i++) {
      String line = control.fromClient("PORT 10,0,0,9,200," + i + "\r\n");
      transfers(reads(network, "wan", SERVER, 20, end("lan", CLIENT, 51_200 + i), line));
      control.fromServer("227 (198,51,100,7,20," + i + ")\r\n");
      transfers(FtpSession.of(network, CLIENT, 50_000 + i, SERVER, 5120 + i));
    }
    assertEquals(0, network.unaccounted());
  }

  @Test
  void shouldKeepThePortOfAStaticTranslation() {
    String nat =
        "    static: [{name: one, zones: [wan], internal: 10.0.0.0/24, external: 203.0.113.0/24}]\n";
    Network network = new Network(nat("flow-hash", "record", nat), 3, 1);
    FtpSession control = control(network, CLIENT, 40_000);
    assertEquals(
        "EPRT |1|203.0.113.9|51200|\r\n", control.fromClient("EPRT |1|10.0.0.9|51200|\r\n"));
    FtpSession data =
        new FtpSession(
            network, end("wan", SERVER, 20), end("lan", CLIENT, 51_200), "203.0.113.9", 51_200);
    transfers(data);
    control.fromServer("229 (|||6446|)\r\n");
    FtpSession passive = FtpSession.of(network, CLIENT, 50_000, SERVER, 6446);
    transfers(passive);
    assertEquals("203.0.113.9", passive.server.peer);
  }

  @Test
  void shouldTranslatePrefixesOfIpv6InExtendedCommands() {
    String nat =
        "    prefix: [{name: six, zones: [wan], internal: \"fd00::/48\", external: \"2001:db8:a::/48\"}]\n";
    Network network = new Network(nat("flow-hash", "record", nat), 3, 1);
    FtpSession control = FtpSession.of(network, "fd00::9", 40_000, "2001:db8::7", 21);
    assertTrue(control.open(), () -> String.valueOf(control.verdict));
    String outer = control.server.peer;
    assertNotEquals("fd00::9", outer);
    control.fromClient("USER anonymous\r\n");
    String line = control.fromClient("EPRT |2|fd00::9|51200|\r\n");
    Matcher m = Pattern.compile("EPRT \\|2\\|(.*)\\|51200\\|\r\n").matcher(line);
    assertTrue(m.matches(), line);
    assertEquals(IpAddress.parse(outer), IpAddress.parse(m.group(1)));
    transfers(
        new FtpSession(
            network, end("wan", "2001:db8::7", 20), end("lan", "fd00::9", 51_200), outer, 51_200));
  }

  @Test
  void shouldGiveTwoClientsThatAnnounceTheSamePortDifferentOnes() {
    Network network = new Network(snat("flow-hash", "record"), 5, 2);
    Set<Integer> ports = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      String client = "10.0.1." + i;
      FtpSession control = control(network, client, 40_000);
      String comma = client.replace('.', ',');
      String line = control.fromClient("PORT " + comma + ",200,1\r\n");
      FtpSession data = reads(network, "wan", SERVER, 20, end("lan", client, 51_201), line);
      assertTrue(ports.add(data.client.peerPort));
      if (i % 2 == 0) {
        transfers(data);
      }
    }
  }

  @Test
  void shouldChangeWhatIsSentAgainInTheSameWay() {
    Network network = new Network(snat("ip-sum", "record"), 1, 1);
    FtpSession control = control(network, CLIENT, 40_000);
    control.send(control.client, PacketHeader.ACK, "PORT 10,0,0,9,200,1\r\n");
    byte[] first = control.arrived;
    assertTrue(control.again(control.client, control.sent));
    assertEquals(FtpSession.text(first), FtpSession.text(control.arrived));
    String both = "PORT 10,0,0,9,200,1\r\nNOOP\r\n";
    byte[] together =
        control.segment(control.client, PacketHeader.ACK, control.client.next - 21, both);
    network.in("lan", together);
    assertEquals(FtpSession.text(first) + "NOOP\r\n", FtpSession.text(network.left()));
    assertEquals(1, sum(network, WorkerPipeline::announced));
  }

  @Test
  void shouldDropAPartOfATranslatedAddressThatComesWithoutTheRest() {
    Network network = new Network(snat("ip-sum", "record"), 1, 1);
    FtpSession control = control(network, CLIENT, 40_000);
    control.fromClient("PORT 10,0,0,9,200,1\r\n");
    long start = control.client.next - 21;
    byte[] head = control.segment(control.client, PacketHeader.ACK, start, "PORT 10,0,");
    assertEquals(DropReason.HELPER_PARTIAL, network.in("lan", head).why());
    byte[] tail = control.segment(control.client, PacketHeader.ACK, start + 10, "0,9,200,1\r\n");
    assertEquals(DropReason.HELPER_PARTIAL, network.in("lan", tail).why());
    assertEquals(0, network.unaccounted());
  }

  @Test
  void shouldKeepNumbersRightOverManyLinesThatGrowAndShrink() {
    for (String address : new String[] {"203.0.113.10", "3.0.0.1"}) {
      Network network =
          new Network(nat("ip-sum", "record", SNAT.replace("203.0.113.10", address)), 3, 2);
      FtpSession control = control(network, CLIENT, 40_000);
      for (int i = 0; i < 20; i++) {
        String line = control.fromClient("PORT 10,0,0,9,200," + (i * 13) + "\r\n");
        assertTrue(line.startsWith("PORT " + address.replace('.', ',')), line);
        control.fromServer("200 fine " + i + "\r\n");
        assertEquals("LIST " + i + "\r\n", control.fromClient("LIST " + i + "\r\n"));
      }
    }
  }

  @Test
  void shouldMakeSelectiveAcknowledgementsThoseOfTheSender() {
    Network network = new Network(snat("ip-sum", "record"), 1, 1);
    FtpSession control = control(network, CLIENT, 40_000);
    String line = control.fromClient("PORT 10,0,0,9,200,1\r\n");
    int grown = line.length() - 21;
    assertNotEquals(0, grown);
    control.send(control.client, PacketHeader.ACK, "NOOP\r\n");
    long shifted = PacketHeader.u32(control.arrived, 24);
    ByteBuffer options = ByteBuffer.allocate(12);
    options.put((byte) 1).put((byte) 5).put((byte) 10);
    options.putInt((int) shifted).putInt((int) shifted + 6).put((byte) 1);
    byte[] sack =
        Packets.tcp(
            SERVER,
            21,
            PUBLIC,
            control.server.peerPort,
            PacketHeader.ACK,
            control.server.next,
            shifted - 1,
            8000,
            options.array(),
            0);
    assertEquals(DropReason.NONE, network.in("wan", sack).why());
    byte[] left = network.left();
    assertEquals(shifted - grown - 1, PacketHeader.u32(left, 28));
    assertEquals(shifted - grown, PacketHeader.u32(left, 43));
    assertEquals(shifted - grown + 6, PacketHeader.u32(left, 47));
    assertArrayEquals(Packets.withChecksums(left.clone()), left);
  }

  @Test
  void shouldLeaveAnAddressAsItIsThatIsNotTheSpeakersOwn() {
    Network network = new Network(snat("ip-sum", "record"), 1, 1);
    FtpSession control = control(network, CLIENT, 40_000);
    String line = "PORT 10,0,0,8,200,1\r\n";
    assertEquals(line, control.fromClient(line));
    assertEquals(1, sum(network, WorkerPipeline::announcedRefused));
  }

  @Test
  void shouldGivePortsBackWithTheirConnections() {
    String one = SNAT.replace("1024-65535", "20000-20063");
    String yaml = nat("ip-sum", "record", one).replace("replicas: 16", "replicas: 1");
    Network network = new Network(yaml, 1, 1);
    FtpSession control = control(network, CLIENT, 40_000);
    for (int i = 0; i < 100; i++) {
      String line = control.fromClient("PORT 10,0,0,9,200," + i + "\r\n");
      FtpSession data = reads(network, "wan", SERVER, 20, end("lan", CLIENT, 51_200 + i), line);
      assertTrue(data.open(), () -> String.valueOf(data.verdict));
      data.send(data.server, PacketHeader.RST | PacketHeader.ACK, "");
      network.timeNs += 11_000_000_000L;
    }
  }

  @ParameterizedTest
  @CsvSource({"ip-sum,1", "flow-hash,5"})
  void shouldTakeErrorsAboutDataConnectionsToTheirSender(String algorithm, int workers) {
    Network network = new Network(snat(algorithm, "record"), workers, 2);
    FtpSession control = control(network, CLIENT, 40_000);
    String line = control.fromClient("PORT 10,0,0,9,200,1\r\n");
    FtpSession data = reads(network, "wan", SERVER, 20, end("lan", CLIENT, 51_201), line);
    transfers(data);
    byte[] quoted = data.segment(data.server, PacketHeader.ACK, data.server.next, "x");
    network.in("lan", quoted.clone());
    byte[] error = Packets.error("192.0.2.1", PUBLIC, 3, 4, 1400, network.left());
    assertEquals(DropReason.NONE, network.in("wan", error).why());
    PacketHeader h = FtpSession.header(network.left());
    assertEquals(CLIENT, FtpSession.address(4, 0, h.destinationLow));
  }
}
