package dev.portcullis.core.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Channels over real streams: FIFO and exactly once, whatever breaks. */
class ModuleLinksTest {

  private static final ModuleId IO = ModuleId.io(0);
  private static final ModuleId WORKER = ModuleId.worker(1);
  private static final ModuleId OTHER = ModuleId.worker(2);
  private static final ModuleId SWITCH = new ModuleId(ModuleId.Kind.SWITCH, 0);
  private static final ModuleId SECOND_SWITCH = new ModuleId(ModuleId.Kind.SWITCH, 1);
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
  void shouldSayWhyAPeerIsNotReachedAndReachItWhenItIsThere() throws Exception {
    try (Ends io = module(IO, 1);
        Ends worker = module(WORKER, 1)) {
      int port;
      try (ServerSocket free = new ServerSocket(0)) {
        port = free.getLocalPort();
      }
      io.links.connect(WORKER, 0, 0, HOST, port);
      for (int i = 0; i < 600 && io.unreachable.get() == null; i++) {
        Thread.sleep(50);
      }
      String why = io.unreachable.get();
      assertTrue(why.startsWith("worker/1 at " + HOST + ":" + port + ": UNAVAILABLE"), why);
      worker.links.listen(HOST, port);
      io.send(WORKER, 100);
      assertTrue(worker.await(100), worker.fault::get);
    }
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
      SwitchRelay relay = relay(SWITCH, 1);
      int port = listen(relay, 0);
      for (Ends it : new Ends[] {first, second}) {
        it.links.connect(SWITCH, 0, 0, HOST, port);
      }
      first.links.route(OTHER, List.of(SWITCH));
      second.links.route(WORKER, List.of(SWITCH));
      for (int life = 2; life <= 6; life++) {
        first.send(OTHER, 20_000);
        second.send(WORKER, 20_000);
        Thread.sleep(30);
        relay.close();
        relay = relay(SWITCH, life);
        listen(relay, port);
      }
      assertTrue(second.await(100_000), () -> second.fault + " " + second.received);
      assertTrue(first.await(100_000), () -> first.fault + " " + first.received);
      assertNull(first.fault.get());
      assertNull(second.fault.get());
      assertTrue(Ends.count(relay, Counter.RELAYED_BATCHES, "switch/0") > 0);
      assertTrue(Ends.count(relay, Counter.RELAYED_BYTES, "switch/0") > 0);
      assertTrue(Ends.count(first.links, Counter.LINK_CONNECTS, "worker/1.0-switch/0") > 1);
      relay.close();
    }
  }

  @Test
  void shouldLoseAndRepeatNothingWhenEachOfTwoSwitchesDiesAndComesBackUnderLoad() throws Exception {
    try (Ends first = module(WORKER, 1);
        Ends second = module(OTHER, 1)) {
      List<ModuleId> switches = List.of(SWITCH, SECOND_SWITCH);
      SwitchRelay[] relays = {relay(SWITCH, 1), relay(SECOND_SWITCH, 1)};
      int[] ports = {listen(relays[0], 0), listen(relays[1], 0)};
      for (Ends it : new Ends[] {first, second}) {
        it.links.connect(SWITCH, 0, 0, HOST, ports[0]);
        it.links.connect(SECOND_SWITCH, 0, 0, HOST, ports[1]);
      }
      first.links.route(OTHER, switches);
      second.links.route(WORKER, switches);
      for (int life = 2; life <= 9; life++) {
        first.send(OTHER, 20_000);
        second.send(WORKER, 20_000);
        Thread.sleep(30);
        int it = life % 2;
        relays[it].close();
        Thread.sleep(30);
        relays[it] = relay(switches.get(it), life);
        listen(relays[it], ports[it]);
      }
      assertTrue(second.await(160_000), () -> second.fault + " " + second.received);
      assertTrue(first.await(160_000), () -> first.fault + " " + first.received);
      assertNull(first.fault.get());
      assertNull(second.fault.get());
      assertEquals(0, first.lost.get() + second.lost.get());
      relays[0].close();
      relays[1].close();
    }
  }

  @Test
  void shouldGoRoundASwitchThatStandsStillAndComeBackToIt() throws Exception {
    SwitchRelay[] relays = {relay(SWITCH, 1), relay(SECOND_SWITCH, 1)};
    try (Ends first = module(WORKER, 1);
        Ends second = module(OTHER, 1);
        CuttingProxy proxy = new CuttingProxy(new InetSocketAddress(HOST, listen(relays[0], 0)))) {
      // workers 1 and 2 prefer the second that they are told
      List<ModuleId> switches = List.of(SECOND_SWITCH, SWITCH);
      int other = listen(relays[1], 0);
      for (Ends it : new Ends[] {first, second}) {
        it.links.connect(SWITCH, 0, 0, HOST, proxy.port());
        it.links.connect(SECOND_SWITCH, 0, 0, HOST, other);
      }
      first.links.route(OTHER, switches);
      second.links.route(WORKER, switches);
      first.send(OTHER, 1000);
      assertTrue(second.await(1000));
      awaitRelayed(relays[0], first);
      proxy.standStill(true);
      long received = second.received.get();
      first.send(OTHER, 1000);
      assertTrue(second.await(received + 1000));
      assertEquals(1, Ends.count(first.links, Counter.LINK_CONNECTS, "worker/1.0-switch/0"));
      assertTrue(Ends.count(relays[1], Counter.RELAYED_BATCHES, "switch/1") > 0);
      proxy.standStill(false);
      awaitRelayed(relays[0], first);
      assertTrue(second.await(second.received.get()));
      assertNull(second.fault.get());
    }
    relays[0].close();
    relays[1].close();
  }

  /** Sends until a switch relays batches with packets, and not only a question. */
  private static void awaitRelayed(SwitchRelay relay, Ends from) throws Exception {
    long before = Ends.count(relay, Counter.RELAYED_BYTES, "switch/0");
    long deadline = System.nanoTime() + 60_000_000_000L;
    while (Ends.count(relay, Counter.RELAYED_BYTES, "switch/0") < before + 20_000) {
      assertTrue(System.nanoTime() < deadline, "nothing is relayed");
      from.send(OTHER, 10);
      Thread.sleep(5);
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
  void shouldCountTheBatchesAndStreamsOfEachLink() throws Exception {
    try (Ends io = module(IO, 1);
        Ends worker = module(WORKER, 1)) {
      int port = worker.links.listen(HOST, 0).getPort();
      io.links.connect(WORKER, 0, 0, HOST, port);
      io.send(WORKER, 1000);
      assertTrue(worker.await(1000));
      assertEquals(1, Ends.count(io.links, Counter.LINK_CONNECTS, "io/0-worker/1.0"));
      assertEquals(1, Ends.count(worker.links, Counter.LINK_CONNECTS, "worker/1.0-io/0"));
      long sent = Ends.count(io.links, Counter.LINK_BATCHES_SENT, "io/0-worker/1.0");
      assertTrue(sent > 0);
      assertEquals(
          sent - Ends.count(io.links, Counter.LINK_BATCHES_RESENT, "io/0-worker/1.0"),
          Ends.count(worker.links, Counter.LINK_BATCHES_RECEIVED, "worker/1.0-io/0"));
      long deadline = System.nanoTime() + 5_000_000_000L;
      while (Ends.count(io.links, Counter.LINK_QUEUE_BYTES, "io/0-worker/1.0") > 0
          && System.nanoTime() < deadline) {
        Thread.sleep(1);
      }
      assertEquals(0, Ends.count(io.links, Counter.LINK_QUEUE_BYTES, "io/0-worker/1.0"));
    }
  }

  @Test
  void shouldCountWhatTheSwitchCannotPassOn() throws Exception {
    SwitchRelay relay = relay(SWITCH, 1);
    try (Ends first = module(WORKER, 1)) {
      first.links.connect(SWITCH, 0, 0, HOST, listen(relay, 0));
      first.links.route(OTHER, List.of(SWITCH));
      first.send(OTHER, 10);
      long deadline = System.nanoTime() + 5_000_000_000L;
      while (Ends.count(relay, Counter.RELAY_DROPPED, "switch/0", "unknown-destination") == 0
          && System.nanoTime() < deadline) {
        Thread.sleep(1);
      }
      assertTrue(Ends.count(relay, Counter.RELAY_DROPPED, "switch/0", "unknown-destination") > 0);
      assertEquals(0, Ends.count(relay, Counter.RELAY_DROPPED, "switch/0", "queue-full"));
    }
    relay.close();
  }

  @Test
  void shouldFindAPeerThatHasAnotherAddressUnderItsNameNow() throws Exception {
    String name = "worker-1.gateway.test";
    try (Ends io = module(IO, 1)) {
      Ends worker = module(WORKER, 1);
      int port = worker.links.listen("127.0.0.2", 0).getPort();
      io.links.connect(WORKER, 0, 0, name, port);
      io.send(WORKER, 1000);
      Thread.sleep(50); // nobody is known by that name yet
      Ends.HOSTS.put(name, InetAddress.ofLiteral("127.0.0.2"));
      assertTrue(worker.await(1000));
      assertTrue(io.awaitAcknowledged(WORKER));
      worker.close();
      try (Ends next = module(WORKER, 2)) {
        next.links.listen("127.0.0.3", port);
        Ends.HOSTS.put(name, InetAddress.ofLiteral("127.0.0.3"));
        long deadline = System.nanoTime() + 10_000_000_000L;
        while (Ends.count(next.links, Counter.LINK_CONNECTS, "worker/1.0-io/0") == 0
            && System.nanoTime() < deadline) {
          Thread.sleep(1);
        }
        assertEquals(1, Ends.count(next.links, Counter.LINK_CONNECTS, "worker/1.0-io/0"));
      }
    } finally {
      Ends.HOSTS.remove(name);
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

  private SwitchRelay relay(ModuleId self, long generation) {
    return new SwitchRelay(
        self,
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
        return relay.listen(HOST, port, List.of()).getPort();
      } catch (java.io.IOException e) {
        last = e;
        Thread.sleep(20);
      }
    }
    throw last;
  }
}
