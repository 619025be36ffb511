package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.wire.GeneveHeader;
import dev.portcullis.core.wire.VxlanHeader;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HexFormat;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * A live port makes no object per packet. Needs root: it has a network namespace of its own, on one
 * thread.
 */
class LiveAllocationTest {

  private static final int CLONE_NEWNET = 0x4000_0000;
  private static final int PACKETS = 20_000;
  private static final int ROUNDS = 60;

  /**
   * What a batch may cost: a wake-up of the loop, a time. It has ten packets and more. The first
   * rounds compile.
   */
  private static final long MOST_PER_BATCH = 200;

  /**
   * What a packet may cost: its part of a call that takes many. An object has 16 bytes and more.
   */
  private static final long MOST_PER_PACKET = 2;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** An IPv4 packet of UDP, and the same in a frame. */
  private static final String PACKET =
      "4500001c000040004011ffff0a0900010a090002" + "0009000900080000";

  private static final String FRAME = "020000000002" + "020000000001" + "0800" + PACKET;

  /** A wire to {@code v1}, and a station at its end that is known. */
  private static final String[] VETH = {
    "link add v0 type veth peer v1",
    "link set v0 up",
    "link set v1 up",
    "addr add 10.9.1.1/24 dev v0",
    "neigh add 10.9.1.2 lladdr 02:00:00:00:00:02 dev v0"
  };

  /** Opens a port on the calling thread. */
  private interface Opening {
    Port open(GatewayConfig config, PortSpec port, LinkLoop loop);
  }

  /** What is sent to the port: from where, to where, which bytes. */
  private record Sent(InetSocketAddress from, InetSocketAddress to, byte[] bytes) {}

  private static Sent sent(String from, String to, int port, byte[] bytes) {
    return new Sent(new InetSocketAddress(from, 0), new InetSocketAddress(to, port), bytes);
  }

  @Test
  void shouldMakeNoObjectPerPacketOfATunDevice() throws Exception {
    measureInNamespace(
        "driver: tun, tun: {device: t0, addresses: [10.9.0.1/24]}",
        (config, port, loop) -> TunPort.open(0, port, loop, Clock.systemUTC(), System.err::println),
        sent("0.0.0.0", "10.9.0.2", 9, new byte[64]));
  }

  @Test
  void shouldMakeNoObjectPerPacketOfAnInterface() throws Exception {
    measureInNamespace(
        "driver: packet, packet: {device: v1}",
        (config, port, loop) ->
            PacketPort.open(0, config, port, true, loop, Clock.systemUTC(), System.err::println),
        sent("0.0.0.0", "10.9.1.2", 9, new byte[64]),
        VETH);
  }

  @Test
  void shouldMakeNoObjectPerPacketPastTheKernelsStack() throws Exception {
    measureInNamespace(
        "driver: packet, packet: {device: v1, xdp: true, mac: \"02:00:00:00:00:02\"}",
        (config, port, loop) ->
            PacketPort.open(0, config, port, true, loop, Clock.systemUTC(), System.err::println),
        sent("0.0.0.0", "10.9.1.2", 9, new byte[64]),
        VETH);
  }

  @Test
  void shouldMakeNoObjectPerPacketOfATunnel() throws Exception {
    measureInNamespace(
        "driver: vxlan, vxlan: {vni: 42, local: 127.0.0.1}",
        (config, port, loop) -> VxlanPort.open(0, config, port, true, loop, Clock.systemUTC()),
        sent("127.0.0.2", "127.0.0.1", 4789, with(VxlanHeader.of(42), FRAME)),
        "link set lo up");
  }

  @Test
  void shouldMakeNoObjectPerPacketOfALoadBalancer() throws Exception {
    measureInNamespace(
        "driver: geneve, geneve: {mode: gwlb, local: 127.0.0.1}",
        (config, port, loop) -> GwlbPort.open(0, port, () -> true, loop, Clock.systemUTC()),
        sent("127.0.0.2", "127.0.0.1", 6081, with(GeneveHeader.of(0x0800, 0), PACKET)),
        "link set lo up");
  }

  private static byte[] with(byte[] header, String rest) {
    return HexFormat.of().parseHex(HexFormat.of().formatHex(header) + rest);
  }

  private static void measureInNamespace(
      String driver, Opening opening, Sent sent, String... ipCommands) throws Exception {
    assumeTrue(
        Files.getAttribute(Path.of("/proc/self"), "unix:uid") instanceof Integer uid && uid == 0,
        "network namespaces need root: run the tests as root");
    CompletableFuture<String> result = new CompletableFuture<>();
    Thread.ofPlatform()
        .start(
            () -> {
              try {
                int left =
                    (int)
                        Linker.nativeLinker()
                            .downcallHandle(
                                Linker.nativeLinker().defaultLookup().findOrThrow("unshare"),
                                FunctionDescriptor.of(JAVA_INT, JAVA_INT))
                            .invokeExact(CLONE_NEWNET);
                for (String it : ipCommands) {
                  ip(it);
                }
                result.complete(left == 0 ? measure(driver, opening, sent) : "no namespace");
              } catch (Throwable e) {
                result.completeExceptionally(e);
              }
            });
    assertTrue(result.get().isEmpty(), result.get());
  }

  private static void ip(String arguments) throws Exception {
    String[] command = ("ip " + arguments).split(" ");
    assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), arguments);
  }

  private static GatewayConfig config(String driver) {
    return Objects.requireNonNull(
        ConfigLoader.parse(
                "test",
                """
                apiVersion: portcullis.dev/v1alpha1
                kind: PacketGateway
                metadata: {name: g}
                spec:
                  io: [{name: io-a, ports: [{name: lan, zone: lan, %s}]}]
                  inline: []
                """
                    .formatted(driver))
            .config());
  }

  private static String measure(String driver, Opening opening, Sent sent) throws Exception {
    GatewayConfig config = config(driver);
    AtomicLong rows = new AtomicLong();
    AtomicLong batches = new AtomicLong();
    try (LinkLoops loops = LinkLoops.start(1, "alloc")) {
      LinkLoop loop = loops.next();
      Port port = opening.open(config, config.gateway().io().getFirst().ports().getFirst(), loop);
      AtomicLong loopThread = new AtomicLong();
      CountDownLatch started = new CountDownLatch(1);
      loop.execute(
          () -> {
            loopThread.set(Thread.currentThread().threadId());
            port.start(
                batch -> {
                  batches.incrementAndGet();
                  for (int i = 0; i < batch.count; i++) {
                    DropReason reason = port.transmit(batch, i);
                    rows.addAndGet(reason == null || reason == DropReason.NONE ? 1 : 0);
                  }
                  port.flush();
                });
            started.countDown();
          });
      started.await();
      long intake = threadNamed("port-lan-0");
      String said = "";
      try (DatagramSocket socket = new DatagramSocket(sent.from)) {
        for (int round = 0; round < ROUNDS; round++) {
          long before = allocated(intake) + allocated(loopThread.get());
          long batchesBefore = batches.get();
          long target = rows.get() + PACKETS / 4;
          send(socket, sent);
          long deadline = System.nanoTime() + 1_000_000_000L;
          while (rows.get() < target && System.nanoTime() < deadline) {
            Thread.sleep(5);
          }
          long bytes = allocated(intake) + allocated(loopThread.get()) - before;
          long packets = rows.get() - target + PACKETS / 4;
          long taken = batches.get() - batchesBefore;
          said = bytes + " bytes for " + taken + " batches of " + packets + " packets";
          if (rows.get() >= target && bytes <= taken * MOST_PER_BATCH + packets * MOST_PER_PACKET) {
            said = "";
            break;
          }
        }
      }
      CountDownLatch ended = new CountDownLatch(1);
      loop.execute(
          () -> {
            port.close();
            ended.countDown();
          });
      ended.await();
      return said;
    }
  }

  private static void send(DatagramSocket socket, Sent sent) throws Exception {
    InetAddress to = sent.to.getAddress();
    DatagramPacket packet =
        new DatagramPacket(sent.bytes, sent.bytes.length, to, sent.to.getPort());
    for (int i = 0; i < PACKETS; i++) {
      socket.send(packet);
    }
  }

  private static long threadNamed(String name) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(it -> it.getName().equals(name))
        .findFirst()
        .orElseThrow()
        .threadId();
  }

  private static long allocated(long thread) {
    return THREADS.getThreadAllocatedBytes(thread);
  }
}
