package dev.portcullis.core.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Channels over real streams: FIFO and exactly once, whatever breaks. */
class ModuleLinksTest {

  private static final ModuleId IO = ModuleId.io(0);
  private static final ModuleId WORKER = ModuleId.worker(1);
  private static final ModuleId OTHER = ModuleId.worker(2);
  private static final ModuleId SWITCH = new ModuleId(ModuleId.Kind.SWITCH, 0);
  private static final String HOST = "127.0.0.1";

  private final LinkLoops loops = LinkLoops.start(3, "test");

  @AfterEach
  void close() {
    loops.close();
  }

  private Ends module(ModuleId self, long generation) {
    return new Ends(loops, self, generation, LinkSecurity.plaintext());
  }

  @Test
  void shouldCarryPacketsBothWaysOnceAndInOrder() throws Exception {
    try (Ends io = module(IO, 1);
        Ends worker = module(WORKER, 1)) {
      io.links.connect(WORKER, 0, 0, HOST, worker.links.listen(HOST, 0).getPort());
      io.send(WORKER, 100_000);
      worker.send(IO, 100_000);
      assertTrue(worker.await(100_000), worker.fault::get);
      assertTrue(io.await(100_000), io.fault::get);
      assertNull(worker.fault.get());
      assertNull(io.fault.get());
    }
  }

  @Test
  void shouldLoseAndRepeatNothingWhenStreamsBreakUnderLoad() throws Exception {
    long seed = System.nanoTime();
    RandomGenerator random = RandomGenerator.of("SplittableRandom");
    try (Ends io = module(IO, 1);
        Ends worker = module(WORKER, 1);
        CuttingProxy proxy = new CuttingProxy(worker.links.listen(HOST, 0))) {
      io.links.connect(WORKER, 0, 0, HOST, proxy.port());
      for (int round = 1; round <= 20; round++) {
        io.send(WORKER, 20_000);
        worker.send(IO, 20_000);
        Thread.sleep(random.nextInt(20));
        proxy.cut();
      }
      assertTrue(
          worker.await(400_000), () -> worker.fault + " " + worker.received + ", seed " + seed);
      assertTrue(io.await(400_000), () -> io.fault + " " + io.received);
      assertNull(worker.fault.get());
      assertNull(io.fault.get());
      assertEquals(0, worker.lost.get() + io.lost.get());
    }
  }

  @Test
  void shouldLoseAndRepeatNothingWhenTheSwitchRestartsUnderLoad() throws Exception {
    try (Ends first = module(WORKER, 1);
        Ends second = module(OTHER, 1)) {
      SwitchRelay relay = relay(1);
      int port = listen(relay, 0);
      for (Ends it : new Ends[] {first, second}) {
        it.links.connect(SWITCH, 0, 0, HOST, port);
      }
      first.links.route(OTHER, SWITCH);
      second.links.route(WORKER, SWITCH);
      for (int life = 2; life <= 6; life++) {
        first.send(OTHER, 20_000);
        second.send(WORKER, 20_000);
        Thread.sleep(30);
        relay.close();
        relay = relay(life);
        listen(relay, port);
      }
      assertTrue(second.await(100_000), () -> second.fault + " " + second.received);
      assertTrue(first.await(100_000), () -> first.fault + " " + first.received);
      assertNull(first.fault.get());
      assertNull(second.fault.get());
      assertTrue(relay.relayed() > 0);
      relay.close();
    }
  }

  @Test
  void shouldCountWhatADeadModuleHadNotAcknowledgedAndSendItNeverAgain() throws Exception {
    try (Ends io = module(IO, 1)) {
      Ends worker = module(WORKER, 1);
      int port = worker.links.listen(HOST, 0).getPort();
      CuttingProxy proxy = new CuttingProxy(new InetSocketAddress(HOST, port));
      io.links.connect(WORKER, 0, 0, HOST, proxy.port());
      io.send(WORKER, 1000);
      assertTrue(worker.await(1000));
      assertTrue(io.awaitAcknowledged(WORKER));
      worker.close();
      proxy.cut();
      try (Ends next = module(WORKER, 2)) {
        proxy.target(next.links.listen(HOST, 0));
        io.send(WORKER, 1000);
        long deadline = System.nanoTime() + 10_000_000_000L;
        while (next.received.get() == 0
            && next.fault.get() == null
            && System.nanoTime() < deadline) {
          Thread.sleep(1);
        }
        Thread.sleep(100);
        // the new life begins with a number that the old one never saw
        assertTrue(next.fault.get() != null || next.received.get() == 0);
        String fault = String.valueOf(next.fault.get());
        long firstNumber = Long.parseLong(fault.replaceAll("packet (\\d+) .*", "$1"));
        assertEquals(1001 + io.lost.get(), firstNumber);
      }
      proxy.close();
    }
  }

  @Test
  void shouldRefuseToQueueMoreThanTheBound() throws Exception {
    try (Ends io = module(IO, 1)) {
      io.onLoop(
          () -> {
            Outlet outlet = io.links.outlet(0, WORKER, 0);
            dev.portcullis.core.packet.PacketBatch row =
                new dev.portcullis.core.packet.PacketBatch(2048);
            row.dataLength[0] = 1000;
            int taken = 0;
            while (outlet.offer(row, 0)) {
              taken++;
            }
            assertTrue(outlet.pendingBytes() <= Ends.settings().queueBytes());
            assertTrue(taken > 900 && taken < 1100, "took " + taken);
          });
    }
  }

  private SwitchRelay relay(long generation) {
    return new SwitchRelay(
        SWITCH,
        generation,
        loops.next(),
        Ends.settings(),
        LinkSecurity.plaintext(),
        LinkObserver.NONE);
  }

  private static int listen(SwitchRelay relay, int port) throws Exception {
    Exception last = null;
    for (int attempt = 0; attempt < 100; attempt++) {
      try {
        return relay
            .listen(
                HOST,
                port,
                new Companion(
                    () -> io.grpc.ServerServiceDefinition.builder("test.Nothing").build(),
                    Executors.newSingleThreadExecutor()))
            .getPort();
      } catch (java.io.IOException e) {
        last = e;
        Thread.sleep(20);
      }
    }
    throw last;
  }
}
