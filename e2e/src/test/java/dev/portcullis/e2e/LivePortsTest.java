package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Real hosts on both sides of the gateway, by each driver, with {@code ip-sum} and one shard and
 * with {@code flow-hash} and two. Needs root.
 */
@ParameterizedClass(name = "{0}, {1}, {2} shards")
@CsvSource({
  "TUN, ip-sum, 1",
  "TUN, flow-hash, 2",
  "ROUTED, ip-sum, 1",
  "ROUTED, flow-hash, 2",
  "STATION, flow-hash, 2",
  "XDP, ip-sum, 1",
  "XDP, flow-hash, 2",
  "INLINE, ip-sum, 1",
  "INLINE, flow-hash, 2",
  "VXLAN, ip-sum, 1",
  "VXLAN, flow-hash, 2",
  "GENEVE, ip-sum, 1",
  "GENEVE, flow-hash, 2"
})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LivePortsTest {

  private static final int FILE_BYTES = 20_000_000;

  /** Seconds that somebody waits who is not to get an answer. */
  private static final String SILENCE = "0.4";

  @TempDir static Path folder;
  private static LiveNetwork net;
  private static byte[] content;

  @Parameter(0)
  LiveNetwork.Driver driver;

  @Parameter(1)
  String algorithm;

  @Parameter(2)
  int shards;

  @BeforeAll
  static void needsRoot() throws Exception {
    Netns.need("ip", "sysctl", "curl", "ping", "python3", "ethtool", "ovs-vswitchd");
    content = new byte[FILE_BYTES];
    new Random(20261125).nextBytes(content);
    Files.createDirectories(folder.resolve("files"));
    Files.write(folder.resolve("files/large"), content);
  }

  @BeforeParameterizedClassInvocation
  static void start(LiveNetwork.Driver driver, String algorithm, int shards) throws Exception {
    net = new LiveNetwork(driver, folder);
    net.run(algorithm, shards);
    net.serve(net.server, folder.resolve("files"), 8080);
    net.serve(net.client, folder.resolve("files"), 8080);
  }

  @AfterParameterizedClassInvocation
  static void end() throws Exception {
    net.close();
  }

  private static String url(String address, int port) {
    String host = address.contains(":") ? "[" + address + "]" : address;
    return "http://" + host + ":" + port + "/large";
  }

  private static void fetch(String host, String url) throws Exception {
    Path to = folder.resolve("fetched");
    net.netns.run(host, "curl", "-sSf", "-m", "100", "-o", to.toString(), url);
    assertTrue(Arrays.equals(content, Files.readAllBytes(to)), "what came is not what was sent");
  }

  private static String ping(String to, String... more) throws Exception {
    String[] command = {"ping", "-c", "3", "-i", "0.2", "-W", "10"};
    command = Arrays.copyOf(command, command.length + more.length + 1);
    System.arraycopy(more, 0, command, 7, more.length);
    command[command.length - 1] = to;
    return net.netns.run(net.client, command);
  }

  @Test
  @Order(1)
  void shouldAnswerPingOnceEachOnBothFamilies() throws Exception {
    for (String to : new String[] {net.serverV4, net.serverV6}) {
      for (String size : new String[] {"8", "56", "1300"}) {
        String said = ping(to, "-s", size);
        assertTrue(said.contains(" 3 received"), said);
        assertFalse(said.contains("DUP"), said);
      }
    }
  }

  @Test
  @Order(2)
  void shouldFetchALargeFileOnBothFamilies() throws Exception {
    fetch(net.client, url(net.serverV4, 8080));
    fetch(net.client, url(net.serverV6, 8080));
  }

  @Test
  @Order(3)
  void shouldLetTheOtherSideInWhereARuleSaysSo() throws Exception {
    boolean inline = driver == LiveNetwork.Driver.INLINE;
    fetch(net.server, inline ? url("10.71.0.2", 8080) : url(LiveNetwork.SNAT, 8081));
    fetch(net.server, url("fd71::2", 8080));
  }

  @Test
  @Order(4)
  void shouldDropInSilenceAndRejectAloudAsTheRulesSay() throws Exception {
    for (String to : new String[] {net.serverV4, net.serverV6}) {
      int silent = net.netns.call(net.client, "curl", "-s", "-m", SILENCE, url(to, 7001)).code();
      assertEquals(28, silent, "curl: timeout");
      int refused = net.netns.call(net.client, "curl", "-s", "-m", "20", url(to, 7002)).code();
      assertEquals(7, refused, "curl: refused");
    }
    int uninvited =
        net.netns.call(net.server, "curl", "-s", "-m", SILENCE, url("fd71::2", 8081)).code();
    assertEquals(28, uninvited);
    net.awaitDropped("acl", 2);
    net.awaitDropped("rejected", 2);
    net.awaitDropped("acl-default", 1);
  }

  @Test
  @Order(5)
  void shouldBringBackTheErrorOfAPortWhereNobodyListens() throws Exception {
    String program =
        """
        import socket, sys
        for family, to in ((socket.AF_INET, sys.argv[1]), (socket.AF_INET6, sys.argv[2])):
            s = socket.socket(family, socket.SOCK_DGRAM)
            s.settimeout(20)
            s.connect((to, 9999))
            s.send(b'anybody?')
            try:
                s.recv(10)
            except ConnectionRefusedError:
                print('refused')
        """;
    String said = net.netns.run(net.client, "python3", "-c", program, net.serverV4, net.serverV6);
    assertEquals("refused\nrefused\n", said);
  }

  @Test
  @Order(6)
  void shouldSpeakForItselfOnRoutedPortsOnly() throws Exception {
    if (driver == LiveNetwork.Driver.INLINE) {
      String hop = net.netns.run(net.client, "ping", "-c", "1", "-t", "1", net.serverV4);
      assertTrue(hop.contains("ttl=64"), hop);
      return;
    }
    // a router of the kernel stands before a TUN device
    String ttl = driver == LiveNetwork.Driver.TUN ? "2" : "1";
    String v4 = net.netns.call(net.client, "ping", "-c", "1", "-t", ttl, net.serverV4).out();
    assertTrue(v4.contains("From 10.71.0.1") && v4.contains("Time to live exceeded"), v4);
    String v6 = net.netns.call(net.client, "ping", "-c", "1", "-t", ttl, net.serverV6).out();
    assertTrue(v6.contains("From fd71::1") && v6.contains("Hop limit"), v6);
    assertTrue(ping("10.71.0.1").contains(" 3 received"));
    assertTrue(ping("fd71::1").contains(" 3 received"));
  }

  @Test
  @Order(7)
  void shouldPassFramesThatAreNotIpAndVlanTagsOnAWire() throws Exception {
    if (driver != LiveNetwork.Driver.INLINE) {
      return; // no wire
    }
    String receiver =
        """
        import socket, struct
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.setsockopt(263, 8, 1)
        s.bind(('eth0', 0x0003))
        s.settimeout(60)
        print('ready', flush=True)
        seen = set()
        while len(seen) < 2:
            frame, more, _, _ = s.recvmsg(2000, 200)
            kind = frame[12:14].hex()
            if kind in ('88b5', '88b6') and frame[6:12].hex() == '02000000aabb':
                status, _, _, _, _, tci, _ = struct.unpack('IIIHHHH', more[0][2])
                seen.add(kind + ' ' + str(tci if status & 0x10 else 'none') + ' ' + frame[14:19].decode())
        print(sorted(seen))
        """;
    String sender =
        """
        import socket
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind(('eth0', 0))
        head = bytes.fromhex('ffffffffffff02000000aabb')
        s.send(head + bytes.fromhex('88b5') + b'hello' + bytes(60))
        s.send(head + bytes.fromhex('8100602a88b6') + b'world' + bytes(60))
        """;
    Path log = folder.resolve("receiver.log");
    Process receiving = net.netns.start(net.server, log, "python3", "-c", receiver);
    while (!Files.readString(log).contains("ready")) {
      assertTrue(receiving.isAlive(), () -> said(log));
      Thread.sleep(50);
    }
    net.netns.run(net.client, "python3", "-c", sender);
    assertTrue(receiving.waitFor(70, TimeUnit.SECONDS));
    assertEquals("ready\n['88b5 none hello', '88b6 24618 world']\n", said(log));
  }

  private static String said(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Test
  @Order(7)
  void shouldGiveATunDeviceItsAddressesAndRoutes() throws Exception {
    if (driver != LiveNetwork.Driver.TUN) {
      return; // nothing is set up
    }
    String addresses = net.netns.run(net.gateway, "ip", "addr", "show", "dev", "tun-lan");
    assertTrue(addresses.contains("10.70.0.1/32") && addresses.contains("fd70::1/128"), addresses);
    assertTrue(addresses.contains("mtu 1500"), addresses);
    String v4 = net.netns.run(net.gateway, "ip", "route", "show", "dev", "tun-lan");
    assertTrue(v4.contains("10.70.1.0/24"), v4);
    String v6 = net.netns.run(net.gateway, "ip", "-6", "route", "show", "dev", "tun-lan");
    assertTrue(v6.contains("fd70:1::/64"), v6);
  }

  @Test
  @Order(7)
  void shouldDropForANextHopThatDoesNotAnswer() throws Exception {
    if (!driver.hasNeighbours()) {
      return; // no next hops
    }
    net.netns.call(net.client, "ping", "-c", "2", "-W", "1", "10.72.0.77");
    net.awaitDropped("no-neighbour", 2);
  }

  @Test
  @Order(8)
  void shouldLeaveTheKernelNothingToForwardOrToAnswer() throws Exception {
    if (driver != LiveNetwork.Driver.TUN) {
      assertEquals(0, net.forwardedByKernel());
    }
    if (driver == LiveNetwork.Driver.ROUTED) {
      String gateway = net.netns.run(net.client, "ip", "neigh", "show", "10.71.0.1");
      String device = net.macOfKernel("pg0");
      assertTrue(gateway.contains("lladdr"), gateway);
      assertFalse(gateway.contains(device), gateway + " is the kernel's " + device);
    }
  }

  @Test
  @Order(9)
  void shouldHaveBooksThatBalanceAndEndWell() throws Exception {
    net.awaitBalance();
    Accounts accounts = net.accounts();
    assertNotEquals(0, accounts.sum(Counter.PACKETS_FORWARDED, it -> "wan".equals(it.get("port"))));
    assertEquals(0, accounts.sum(Counter.PORT_OVERRUNS, it -> true));
    net.stop();
  }
}
