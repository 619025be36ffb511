package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.io.BufferedOutputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
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
 * What people do with hosts, with the programs that they use, through a gateway of two IO
 * processes, three workers and a switch: by each driver, with {@code ip-sum} and one shard or with
 * {@code flow-hash} and two. Needs root. {@code -Dportcullis.bigFileBytes=1000000000} makes the big
 * file so big.
 */
@ParameterizedClass(name = "{0}, {1}, {2} shards")
@CsvSource({
  "TUN, ip-sum, 1",
  "TUN, flow-hash, 2",
  "ROUTED, ip-sum, 1",
  "ROUTED, flow-hash, 2",
  "INLINE, ip-sum, 1",
  "INLINE, flow-hash, 2",
  "VXLAN, ip-sum, 1",
  "VXLAN, flow-hash, 2",
  "GENEVE, ip-sum, 1",
  "GENEVE, flow-hash, 2"
})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RealHostsTest {

  private static final long BIG_FILE_BYTES = Long.getLong("portcullis.bigFileBytes", 8_000_000);
  private static final int PARALLEL = 1000;

  /** Seconds that somebody waits who is not to get an answer. */
  private static final String SILENCE = "0.4";

  @TempDir static Path folder;
  private static LiveSite site;
  private static LiveNetwork net;
  private static List<Wiretap> received = List.of();
  private static String small = "";
  private static String big = "";

  @Parameter(0)
  LiveNetwork.Driver driver;

  @Parameter(1)
  String algorithm;

  @Parameter(2)
  int shards;

  @BeforeAll
  static void needsRootAndPrograms() throws Exception {
    List<String> programs =
        new ArrayList<>(
            List.of("ip", "sysctl", "ping", "python3", "tcpdump", "traceroute", "tracepath"));
    programs.addAll(List.of("ethtool", "ovs-vswitchd"));
    programs.addAll(List.of(HostServices.PROGRAMS));
    Netns.need(programs.toArray(String[]::new));
    Path files = Files.createDirectories(folder.resolve("files"));
    small = write(files.resolve("small"), 1_000);
    big = write(files.resolve("big"), BIG_FILE_BYTES);
  }

  /** Fills a file and returns its checksum. */
  private static String write(Path file, long bytes) throws Exception {
    MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
    Random random = new Random(20261128);
    byte[] block = new byte[1 << 16];
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
      for (long left = bytes; left > 0; left -= block.length) {
        random.nextBytes(block);
        int length = (int) Math.min(left, block.length);
        out.write(block, 0, length);
        sha256.update(block, 0, length);
      }
    }
    return HexFormat.of().formatHex(sha256.digest());
  }

  @BeforeParameterizedClassInvocation
  static void start(LiveNetwork.Driver driver, String algorithm, int shards) throws Exception {
    site = new LiveSite(driver, folder);
    net = site.net;
    site.start(algorithm, shards, shards == 2 ? LiveSite.Prefix.TRANSLATED : LiveSite.Prefix.KEPT);
    received = List.of(site.tapReceived("lan"), site.tapReceived("wan"));
  }

  @AfterParameterizedClassInvocation
  static void end() throws Exception {
    site.close();
  }

  private static List<String> servers() {
    return List.of(net.serverV4, net.serverV6);
  }

  private static List<String> everybody() {
    return List.of(net.serverV4, net.serverV6, site.farV4, site.farV6);
  }

  private static String inUrl(String address) {
    return address.contains(":") ? "[" + address + "]" : address;
  }

  /** Runs a line of the shell at a host; it must end well. */
  private static String shell(String host, String line) throws Exception {
    return net.netns.run(host, "sh", "-c", line);
  }

  private static String fetched(String host, String url, String... options) throws Exception {
    String said =
        shell(host, "curl -sSf -m 500 " + String.join(" ", options) + " '" + url + "' | sha256sum");
    return said.substring(0, said.indexOf(' '));
  }

  @Test
  @Order(1)
  void shouldFetchSmallAndBigFilesUnchanged() throws Exception {
    for (String to : everybody()) {
      assertEquals(small, fetched(net.client, "http://" + inUrl(to) + "/small"), to);
      assertEquals(big, fetched(net.client, "http://" + inUrl(to) + "/big"), to);
    }
    assertEquals(big, fetched(net.server, "http://" + site.publishedV4() + "/big"));
    assertEquals(big, fetched(net.server, "http://[fd71::2]/big"));
  }

  @Test
  @Order(2)
  void shouldShowTheServerTheTranslatedSender() throws Exception {
    String v4 = site.inline() ? "10.71.0.2" : LiveNetwork.SNAT;
    assertEquals(v4, shell(net.client, "curl -sS http://" + net.serverV4 + "/who").strip());
    String v6 = shell(net.client, "curl -sS http://[" + net.serverV6 + "]/who").strip();
    assertTrue(v6.startsWith(shards == 2 && !site.inline() ? "fd7a:" : "fd71:"), v6);
  }

  @Test
  @Order(3)
  void shouldCarryAThousandConnectionsAtOnce() throws Exception {
    String program =
        """
        import selectors, socket, sys
        to, count = sys.argv[1], int(sys.argv[2])
        selector = selectors.DefaultSelector()
        family = socket.AF_INET6 if ':' in to else socket.AF_INET
        sockets = []
        for i in range(count):
            s = socket.socket(family)
            s.setblocking(False)
            s.connect_ex((to, 80))
            selector.register(s, selectors.EVENT_WRITE)
            sockets.append(s)
        connected = 0
        while connected < count:
            events = selector.select(60)
            assert events, '%d of %d connected' % (connected, count)
            for key, _ in events:
                assert key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                selector.unregister(key.fileobj)
                connected += 1
        good = 0
        for s in sockets:
            s.send(b'GET /small HTTP/1.0\\r\\n\\r\\n')
        for s in sockets:
            s.setblocking(True)
            s.settimeout(60)
            answer = b''
            while True:
                more = s.recv(65536)
                if not more:
                    break
                answer += more
            good += answer.startswith(b'HTTP/1.1 200') and len(answer.split(b'\\r\\n\\r\\n', 1)[1]) == 1000
        print(good)
        """;
    for (String to : servers()) {
      String good =
          net.netns.run(
              net.client,
              "sh",
              "-c",
              "ulimit -n 4096; exec python3 -c \"$0\" \"$@\"",
              program,
              to,
              Integer.toString(PARALLEL));
      assertEquals(PARALLEL + "\n", good, to);
    }
  }

  @Test
  @Order(4)
  void shouldCarryAnInteractiveSessionOverSsh() throws Exception {
    String program =
        """
        import os, pty, select, sys
        child, terminal = pty.fork()
        if child == 0:
            os.execvp(sys.argv[1], sys.argv[1:])
        seen = ''
        def until(text):
            global seen
            while text not in seen:
                ready, _, _ = select.select([terminal], [], [], 60)
                assert ready, 'no ' + text + ' in ' + seen
                seen += os.read(terminal, 4096).decode(errors='replace')
            seen = seen[seen.index(text) + len(text):]
        def say(line):
            os.write(terminal, line.encode())
        say('echo ready-$((40+2))\\n')
        until('ready-42')
        say('tty\\n')
        until('/dev/pts/')
        say('cat\\n')
        say('heard\\n')
        until('heard')
        until('heard')
        say('\\x03')
        until('# ')
        say('seq -s, 20000 | md5sum\\n')
        until('SEQUENCE')
        say('exit 7\\n')
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status))
        """;
    String sequence = shell(net.client, "seq -s, 20000 | md5sum").substring(0, 32);
    List<String> to = new ArrayList<>(servers());
    to.add(site.farV4);
    for (String address : to) {
      assertEquals("7\n", session(net.client, address, program.replace("SEQUENCE", sequence)));
    }
    assertEquals(
        "7\n", session(net.server, site.publishedV4(), program.replace("SEQUENCE", sequence)));
  }

  private static String session(String from, String to, String program) throws Exception {
    List<String> command = new ArrayList<>(List.of("python3", "-c", program));
    command.addAll(site.services.ssh(to));
    command.add("sh");
    return net.netns.run(from, command.toArray(String[]::new));
  }

  @Test
  @Order(4)
  void shouldTakeABigFileTheOtherWayOverSsh() throws Exception {
    for (String to : everybody()) {
      String ssh = String.join(" ", site.services.ssh(to)).replace(" -tt", "");
      String said = shell(net.client, ssh + " sha256sum < " + folder.resolve("files/big"));
      assertEquals(big, said.substring(0, said.indexOf(' ')), to);
    }
  }

  /**
   * Fetches the small file over FTP, up to five times: where the last word of the server overtakes
   * the beginning of its data connection - another flow, and so on another worker's way - curl ends
   * with 8 (docs/netfilter.md).
   */
  private static String fetchedByFtp(String host, String to, String mode) throws Exception {
    String line =
        """
        file=$(mktemp)
        for attempt in 1 2 3 4 5; do
          curl -sf -m 500 %s ftp://%s/small > $file && break
          [ $? = 8 ] || exit 1
        done
        sha256sum < $file
        rm $file
        """;
    String said = shell(host, line.formatted(mode, to));
    return said.substring(0, said.indexOf(' '));
  }

  @Test
  @Order(5)
  void shouldFetchOverFtpActiveAndPassive() throws Exception {
    List<String> modes =
        List.of("--epsv", "--disable-epsv", "--ftp-port -", "--ftp-port - --disable-eprt");
    for (String mode : modes) {
      for (String to : List.of(net.serverV4, site.farV4)) {
        assertEquals(small, fetchedByFtp(net.client, to, mode), to + " " + mode);
      }
      assertEquals(small, fetchedByFtp(net.server, site.publishedV4(), mode), mode);
    }
    for (String mode : List.of("--epsv", "--ftp-port -")) {
      for (String to : List.of(net.serverV6, site.farV6)) {
        assertEquals(small, fetchedByFtp(net.client, inUrl(to), mode), to + mode);
      }
      assertEquals(small, fetchedByFtp(net.server, "[fd71::2]", mode), mode);
    }
    assertTrue(count(Counter.EXPECTED_CONNECTIONS) > 0);
  }

  @Test
  @Order(6)
  void shouldAskForNamesOverUdpAndTcp() throws Exception {
    for (String server : everybody()) {
      for (String transport : List.of("+notcp", "+tcp")) {
        String dig = "dig +short +tries=3 +timeout=20 " + transport + " @" + server + " ";
        assertEquals(
            HostServices.NAME_V4, shell(net.client, dig + HostServices.NAME + " A").strip());
        assertEquals(
            HostServices.NAME_V6, shell(net.client, dig + HostServices.NAME + " AAAA").strip());
      }
      // in fragments, and over TCP because the answer was cut
      for (String how : List.of("+notcp +bufsize=4096", "+bufsize=512")) {
        String dig = "dig +short +tries=3 +timeout=20 " + how + " @" + server + " ";
        assertEquals(
            16, shell(net.client, dig + HostServices.NAME + " TXT").lines().count(), server + how);
      }
    }
  }

  @Test
  @Order(7)
  void shouldCarryIperf3BothWaysAndUdp() throws Exception {
    for (String to : servers()) {
      for (String how : List.of("-n 8M", "-n 8M -R", "-u -b 40M -n 1M", "-u -b 40M -n 1M -R")) {
        String said = site.services.iperf3(net.client, net.server, to, how.split(" "));
        long bytes =
            new com.fasterxml.jackson.databind.ObjectMapper()
                .readTree(said)
                .at(how.startsWith("-u") ? "/end/sum/bytes" : "/end/sum_received/bytes")
                .asLong();
        assertTrue(bytes > 500_000, to + " " + how + said);
      }
    }
  }

  @Test
  @Order(8)
  void shouldShowTheWayByTracerouteAndTracepath() throws Exception {
    for (String to : List.of(site.farV4, site.farV6)) {
      boolean six = to.contains(":");
      for (String how : List.of("", "-I", "-T -p 80")) {
        String way =
            shell(
                net.client,
                "/usr/sbin/traceroute "
                    + (six ? "-6" : "-4")
                    + " -n -q 1 -N 1 -w 10 -m 8 "
                    + how
                    + " "
                    + to);
        assertTrue(way.lines().reduce("", (a, b) -> b).contains(" " + to + " "), how + way);
        assertTrue(way.contains(six ? " fd71::1 " : " 10.71.0.1 ") != site.inline(), how + way);
        assertTrue(way.contains(" " + routerBehind(six) + " "), how + way);
      }
      String path = shell(net.client, "tracepath -n -m 8 " + to);
      assertTrue(path.contains("pmtu " + LiveSite.FAR_MTU) && path.contains("reached"), path);
    }
  }

  private static String routerBehind(boolean six) {
    return six ? net.serverV6 : net.serverV4;
  }

  @Test
  @Order(9)
  void shouldAnswerPingsOfAllSizes() throws Exception {
    for (String to : everybody()) {
      // IPv6 is cut by its sender alone, which first has to be told
      net.netns.call(net.client, "ping", "-n", "-c", "4", "-i", "0.2", "-s", "1400", to);
      String sizes = "0 1 7 56 1000 1252 1253 1272 1273 1352 1353 1400 1472 1473 4000 20000 65000";
      String pings = "for size in %s; do ping -n -c 1 -W 20 -M dont -s $size %s || exit; done";
      String said = shell(net.client, pings.formatted(sizes, to));
      assertFalse(said.contains("DUP"), said);
    }
  }

  @Test
  @Order(9)
  void shouldTellTheSenderHowLongAPacketMayBe() throws Exception {
    shell(net.client, "ip route flush cache; ip -6 route flush cache");
    for (String to : List.of(site.farV4, site.farV6)) {
      assertTold(LiveSite.FAR_MTU, 1330, to);
    }
    if (shards == 2 && !site.inline()) {
      for (String to : servers()) {
        assertTold(1400, 1380, to);
      }
    }
  }

  private static void assertTold(int mtu, int size, String to) throws Exception {
    String ping = "ping -n -c 2 -i 0.2 -W 20 -M do -s " + size + " " + to;
    String said = net.netns.call(net.client, ping.split(" ")).out();
    assertTrue(said.contains("mtu=" + mtu) || said.contains("mtu = " + mtu), said);
  }

  @Test
  @Order(10)
  void shouldDropInSilenceAndRejectAloudAsTheRulesSay() throws Exception {
    for (String to : servers()) {
      String url = "http://" + inUrl(to);
      int silent = net.netns.call(net.client, "curl", "-s", "-m", SILENCE, url + ":7001").code();
      assertEquals(28, silent, "curl: timeout");
      int refused = net.netns.call(net.client, "curl", "-s", "-m", "60", url + ":7002").code();
      assertEquals(7, refused, "curl: refused");
    }
    int uninvited =
        net.netns.call(net.server, "curl", "-s", "-m", SILENCE, "http://[fd71::2]:8081").code();
    assertEquals(28, uninvited);
    for (String reason : List.of("acl", "rejected", "acl-default")) {
      site.modules.awaitCount(
          Counter.PACKETS_DROPPED, it -> reason.equals(it.get("reason")), reason);
    }
  }

  private static long count(Counter counter) throws Exception {
    return site.modules.accounts().sum(counter, it -> true);
  }

  @Test
  @Order(11)
  void shouldCountWhatTcpdumpCountsOnBothSides() throws Exception {
    site.modules.awaitBalance("before");
    // what is not cut on its way out leaves as often as it came in
    List<Wiretap> sent = List.of(site.tapSent("lan"), site.tapSent("wan"));
    for (String to : servers()) {
      shell(net.client, "ping -n -c 50 -i 0.01 -W 20 " + to);
      shell(net.client, "dig +tries=3 +timeout=20 @" + to + " " + HostServices.NAME);
      assertEquals(small, fetched(net.client, "http://" + inUrl(to) + "/small"), to);
      net.netns.call(net.client, "curl", "-s", "-m", "20", "http://" + inUrl(to) + ":7002");
      net.netns.call(net.client, "curl", "-s", "-m", SILENCE, "http://" + inUrl(to) + ":7001");
    }
    site.modules.awaitBalance("after");
    for (Wiretap it : sent) {
      it.assertAgrees();
    }
    for (Wiretap it : received) {
      it.assertAgrees();
    }
  }

  @Test
  @Order(12)
  void shouldHaveBooksThatBalanceAndEndWell() throws Exception {
    site.modules.awaitBalance(driver.toString());
    assertTrue(count(Counter.REDISTRIBUTED_PACKETS) > 0);
    if (driver != LiveNetwork.Driver.TUN) {
      assertEquals(0, net.forwardedByKernel());
    }
    for (String name : List.copyOf(site.modules.names())) {
      assertEquals(
          0, site.modules.stop(name), name + ": " + Files.readString(site.modules.log(name)));
    }
  }
}
