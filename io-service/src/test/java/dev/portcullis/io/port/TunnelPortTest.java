package dev.portcullis.io.port;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.Driver;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.io.system.SystemException;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Tunnels between addresses of the loopback device. */
class TunnelPortTest {

  private static final String MAC = "020000000001";
  private static final String STATION = "0200000000aa";
  private static final String OTHER = "0200000000bb";
  private static final String PACKET =
      "4500001c000040004011ffff0a0900010a090002" + "0009000900080000";
  private static final String VXLAN = "0800000000002a00";
  private static final String GENEVE = "0000655800002a00";

  private final LinkLoops loops = LinkLoops.start(1, "tunnel");
  private final LinkLoop loop = loops.next();
  private final List<DatagramSocket> sockets = new ArrayList<>();

  /** What came in: {@code "frame in hex"}, or the label of the reason why it was refused. */
  private final BlockingQueue<String> arrived = new LinkedBlockingQueue<>();

  private final BlockingQueue<String> failed = new LinkedBlockingQueue<>();
  private String local = "127.0.0.1";
  private int udpPort;
  private Port port;

  @AfterEach
  void close() throws Exception {
    if (port != null) {
      onLoop(
          () -> {
            port.close();
            return 0;
          });
    }
    loops.close();
    sockets.forEach(DatagramSocket::close);
  }

  private <T> T onLoop(Supplier<T> task) throws Exception {
    CompletableFuture<T> result = new CompletableFuture<>();
    loop.execute(
        () -> {
          try {
            result.complete(task.get());
          } catch (RuntimeException e) {
            result.completeExceptionally(e);
          }
        });
    return result.get(20, TimeUnit.SECONDS);
  }

  private GatewayConfig config(String driver, int udpPort, String more) {
    ConfigLoader.Result result =
        ConfigLoader.parse(
            "test",
            """
            apiVersion: portcullis.dev/v1alpha1
            kind: PacketGateway
            metadata: {name: g}
            spec:
              io: [{name: io-a, ports: [{name: lan, zone: lan, mtu: 1400, driver: %s, %s: {vni: 42, mac: "02:00:00:00:00:01", local: \"%s\", port: %d%s}}]}]
              routes: [{to: 0.0.0.0/0, port: lan}]
            """
                .formatted(driver, driver, local, udpPort, more));
    GatewayConfig config = result.config();
    assertTrue(config != null, () -> result.faults().toString());
    return config;
  }

  private Port open(GatewayConfig config, boolean inline) {
    PortSpec spec = config.gateway().io().getFirst().ports().getFirst();
    return spec.driver() == Driver.VXLAN
        ? VxlanPort.open(0, config, spec, inline, loop, Clock.systemUTC())
        : GenevePort.open(0, config, spec, inline, loop, Clock.systemUTC());
  }

  private void start(String driver, String more, boolean inline) throws Exception {
    try (DatagramSocket free = new DatagramSocket(0, InetAddress.getByName(local))) {
      udpPort = free.getLocalPort();
    }
    port = open(config(driver, udpPort, more), inline);
    port.report(
        new Departures() {
          @Override
          public void left(int tag, int frames, int flags, int bytes) {}

          @Override
          public void failed(int frames, DropReason reason) {
            failed.add(reason.label());
          }

          @Override
          public void said(int tag, int bytes) {}

          @Override
          public void overrun(int tag, long frames) {}

          @Override
          public void unlearned(int tag, long frames) {
            if (frames > 0) {
              failed.add("unlearned " + frames);
            }
          }
        });
    onLoop(
        () -> {
          port.start(this::take);
          return 0;
        });
  }

  private void take(PacketBatch batch) {
    for (int i = 0; i < batch.count; i++) {
      boolean refused = (batch.flags[i] & PacketFlags.REFUSED) != 0;
      int from = batch.l2Offset[i];
      int to = from + batch.l2Length[i] + batch.dataLength[i];
      arrived.add(
          refused
              ? DropReason.byId(batch.reason[i]).label()
              : HexFormat.of().formatHex(Arrays.copyOfRange(batch.bytes, from, to)));
    }
    port.flush();
  }

  private DatagramSocket endpoint(String address) throws IOException {
    DatagramSocket socket = new DatagramSocket(new InetSocketAddress(address, udpPort));
    socket.setReceiveBufferSize(1 << 20);
    socket.setSoTimeout(20_000);
    sockets.add(socket);
    return socket;
  }

  private void send(DatagramSocket from, String hex) throws IOException {
    byte[] bytes = HexFormat.of().parseHex(hex);
    from.send(new DatagramPacket(bytes, bytes.length, InetAddress.getByName("127.0.0.1"), udpPort));
  }

  private String arrived() throws InterruptedException {
    return String.valueOf(arrived.poll(20, TimeUnit.SECONDS));
  }

  private static DatagramPacket receive(DatagramSocket at) throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[2000], 2000);
    at.receive(packet);
    return packet;
  }

  private static String text(DatagramPacket it) {
    return HexFormat.of().formatHex(Arrays.copyOf(it.getData(), it.getLength()));
  }

  private static void assertSilent(DatagramSocket at) throws IOException {
    at.setSoTimeout(200);
    assertThrows(SocketTimeoutException.class, () -> receive(at));
  }

  /** Sends frames of an inline pair out. */
  private void transmit(String... frames) throws Exception {
    onLoop(
        () -> {
          PacketBatch batch = new PacketBatch(2000);
          for (String frame : frames) {
            byte[] bytes = HexFormat.of().parseHex(frame);
            batch.clearRow(0);
            System.arraycopy(bytes, 0, batch.bytes, 0, bytes.length);
            batch.l2Length[0] = 14;
            batch.dataOffset[0] = 14;
            batch.dataLength[0] = bytes.length - 14;
            port.transmit(batch, 0);
          }
          port.flush();
          return 0;
        });
  }

  private static String frame(String to, String from) {
    return to + from + "0800" + PACKET;
  }

  @Test
  void shouldTakeInAFrameOfItsNetwork() throws Exception {
    start("vxlan", "", false);
    send(endpoint("127.0.0.2"), VXLAN + frame(MAC, STATION));
    assertEquals(frame(MAC, STATION), arrived());
  }

  @Test
  void shouldRefuseByNameWhatIsNotForIt() throws Exception {
    start("vxlan", "", false);
    DatagramSocket peer = endpoint("127.0.0.2");
    send(peer, "0800000000002b00" + frame(MAC, STATION));
    assertEquals("wrong-vni", arrived());
    send(peer, "0000000000002a00" + frame(MAC, STATION));
    assertEquals("tunnel-header", arrived());
    send(peer, "08");
    assertEquals("tunnel-header", arrived());
    send(peer, VXLAN + MAC);
    assertEquals("tunnel-payload", arrived());
    send(peer, VXLAN + MAC + STATION + "8100002a0800" + PACKET);
    assertEquals("tunnel-payload", arrived());
    send(peer, VXLAN + frame(OTHER, STATION));
    assertEquals("other-station", arrived());
    send(peer, VXLAN + frame(MAC, STATION) + "00".repeat(10_000));
    assertEquals("too-large", arrived());
  }

  @Test
  void shouldTakeGeneveWithOptionsThatItMayPassOver() throws Exception {
    start("geneve", "", false);
    DatagramSocket peer = endpoint("127.0.0.2");
    send(peer, "0100655800002a00" + "ffff0100" + frame(MAC, STATION));
    assertEquals(frame(MAC, STATION), arrived());
    send(peer, "0140655800002a00" + "ffff8100" + frame(MAC, STATION));
    assertEquals("tunnel-option", arrived());
    send(peer, "0000080000002a00" + PACKET);
    assertEquals("tunnel-payload", arrived());
    send(peer, "0000655800002b00" + frame(MAC, STATION));
    assertEquals("wrong-vni", arrived());
  }

  @Test
  void shouldSendToTheEndpointThatAStationWasHeardBehind() throws Exception {
    start("geneve", ", remotes: [127.0.0.2, 127.0.0.3]", true);
    DatagramSocket one = endpoint("127.0.0.2");
    DatagramSocket two = endpoint("127.0.0.3");
    send(one, GENEVE + frame(MAC, STATION));
    arrived();
    transmit(frame(STATION, MAC));
    assertEquals(GENEVE + frame(STATION, MAC), text(receive(one)));
    send(two, GENEVE + frame(MAC, STATION));
    arrived();
    transmit(frame(STATION, MAC));
    assertEquals(GENEVE + frame(STATION, MAC), text(receive(two)));
    assertSilent(one);
  }

  @Test
  void shouldSendToEveryEndpointWhatIsForAGroupOrForNobodyThatItKnows() throws Exception {
    start("vxlan", ", remotes: [127.0.0.2]", true);
    DatagramSocket told = endpoint("127.0.0.2");
    DatagramSocket learned = endpoint("127.0.0.3");
    send(learned, VXLAN + frame(MAC, STATION));
    arrived();
    for (String to : List.of("ffffffffffff", "33330000000a", OTHER)) {
      transmit(frame(to, MAC));
      assertEquals(VXLAN + frame(to, MAC), text(receive(told)));
      assertEquals(VXLAN + frame(to, MAC), text(receive(learned)));
    }
  }

  @Test
  void shouldDropWhereItKnowsNoEndpoint() throws Exception {
    start("vxlan", "", true);
    transmit(frame(OTHER, MAC));
    assertEquals("no-endpoint", failed.poll(20, TimeUnit.SECONDS));
  }

  @Test
  void shouldRefuseEndpointsThatItWasNotTold() throws Exception {
    start("vxlan", ", remotes: [127.0.0.2], learn: false", false);
    send(endpoint("127.0.0.3"), VXLAN + frame(MAC, STATION));
    assertEquals("unknown-endpoint", arrived());
  }

  @Test
  void shouldLearnAsManyEndpointsAsItMay() throws Exception {
    start("vxlan", ", endpoints: 2", false);
    for (String address : List.of("127.0.0.2", "127.0.0.3")) {
      send(endpoint(address), VXLAN + frame(MAC, STATION));
      assertEquals(frame(MAC, STATION), arrived());
    }
    send(endpoint("127.0.0.4"), VXLAN + frame(MAC, STATION));
    assertEquals("endpoint-limit", arrived());
  }

  @Test
  void shouldCountFramesOfStationsThatThereIsNoRoomFor() throws Exception {
    start("vxlan", ", stations: 16", true);
    DatagramSocket peer = endpoint("127.0.0.2");
    for (int i = 0; i < 17; i++) {
      send(peer, VXLAN + frame(MAC, "02000000%04x".formatted(i)));
      arrived();
    }
    assertEquals("unlearned 1", failed.poll(20, TimeUnit.SECONDS));
  }

  @Test
  void shouldSpreadFlowsOverUdpPortsAndKeepEachAtOne() throws Exception {
    start("vxlan", ", remotes: [127.0.0.2]", true);
    DatagramSocket peer = endpoint("127.0.0.2");
    Set<Integer> ports = new HashSet<>();
    for (int flow = 0; flow < 64; flow++) {
      String other =
          STATION + MAC + "0800" + PACKET.replace("0a090002", "0a09%04x".formatted(flow));
      transmit(other, other);
      int first = receive(peer).getPort();
      assertEquals(first, receive(peer).getPort());
      ports.add(first);
    }
    assertTrue(ports.size() > 4 && ports.size() <= TunnelPort.SOURCE_PORTS, ports.toString());
  }

  @Test
  void shouldPutOutMoreThanOneCallTakes() throws Exception {
    start("vxlan", ", remotes: [127.0.0.2]", true);
    DatagramSocket peer = endpoint("127.0.0.2");
    String[] frames = new String[BatchSender.MAX_MESSAGES + 10];
    Arrays.fill(frames, frame(OTHER, MAC));
    transmit(frames);
    for (String it : frames) {
      assertArrayEquals(
          HexFormat.of().parseHex(VXLAN + it), HexFormat.of().parseHex(text(receive(peer))));
    }
  }

  @Test
  void shouldCarryFramesOverIpv6() throws Exception {
    local = "::1";
    // the only address of the loopback device: the port is its own endpoint
    start("vxlan", ", remotes: [\"::1\"]", true);
    transmit(frame(OTHER, MAC));
    assertEquals(frame(OTHER, MAC), arrived());
    transmit(frame(MAC, OTHER));
    assertEquals(frame(MAC, OTHER), arrived());
  }

  @Test
  void shouldSayThatItsUdpPortIsTaken() throws Exception {
    try (DatagramSocket taken = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
      GatewayConfig config = config("vxlan", taken.getLocalPort(), "");
      SystemException e = assertThrows(SystemException.class, () -> open(config, false));
      assertEquals(
          "port lan: UDP port "
              + taken.getLocalPort()
              + " of 127.0.0.1 is taken; allowed is one that is free.",
          e.getMessage());
    }
  }
}
