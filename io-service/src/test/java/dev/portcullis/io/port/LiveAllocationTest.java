package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.policy.GatewaySpec.Driver;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.policy.GatewaySpec.TunSpec;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
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

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @Test
  void shouldMakeNoObjectPerPacketOnTheWayInAndOut() throws Exception {
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
                result.complete(left == 0 ? measure() : "no namespace of its own");
              } catch (Throwable e) {
                result.completeExceptionally(e);
              }
            });
    assertTrue(result.get().isEmpty(), result.get());
  }

  private static String measure() throws Exception {
    PortSpec spec =
        new PortSpec(
            "lan",
            "lan",
            Driver.TUN,
            List.of(),
            1500,
            false,
            null,
            new TunSpec("t0", List.of("10.9.0.1/24"), List.of(), 1, true),
            null);
    AtomicLong rows = new AtomicLong();
    AtomicLong batches = new AtomicLong();
    try (LinkLoops loops = LinkLoops.start(1, "alloc")) {
      LinkLoop loop = loops.next();
      TunPort port = TunPort.open(0, spec, loop, Clock.systemUTC(), System.err::println);
      AtomicLong loopThread = new AtomicLong();
      CountDownLatch started = new CountDownLatch(1);
      loop.execute(
          () -> {
            loopThread.set(Thread.currentThread().threadId());
            port.start(
                batch -> {
                  batches.incrementAndGet();
                  for (int i = 0; i < batch.count; i++) {
                    rows.addAndGet(port.transmit(batch, i) == DropReason.NONE ? 1 : 0);
                  }
                });
            started.countDown();
          });
      started.await();
      long intake = threadNamed("port-lan-0");
      String said = "";
      try (DatagramSocket socket = new DatagramSocket()) {
        for (int round = 0; round < ROUNDS; round++) {
          long before = allocated(intake) + allocated(loopThread.get());
          long batchesBefore = batches.get();
          long target = rows.get() + PACKETS / 4;
          send(socket);
          long deadline = System.nanoTime() + 1_000_000_000L;
          while (rows.get() < target && System.nanoTime() < deadline) {
            Thread.sleep(5);
          }
          long bytes = allocated(intake) + allocated(loopThread.get()) - before;
          long perBatch = bytes / Math.max(1, batches.get() - batchesBefore);
          long perRow =
              (rows.get() - target + PACKETS / 4) / Math.max(1, batches.get() - batchesBefore);
          said = perBatch + " bytes a batch, " + perRow + " packets in it";
          if (rows.get() >= target && perBatch <= MOST_PER_BATCH) {
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

  private static void send(DatagramSocket socket) throws Exception {
    DatagramPacket packet =
        new DatagramPacket(new byte[64], 64, InetAddress.getByName("10.9.0.2"), 9);
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
