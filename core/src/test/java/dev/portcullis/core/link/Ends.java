package dev.portcullis.core.link;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.packet.PacketBatch;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/** A module that numbers what it sends and checks the numbers of what it gets. */
final class Ends implements AutoCloseable {

  /** Hosts that have a name. */
  static final Map<String, InetAddress> HOSTS = new ConcurrentHashMap<>();

  final LinkLoop loop;
  private final ModuleId self;
  final ModuleLinks links;
  final AtomicLong received = new AtomicLong();
  final AtomicLong lost = new AtomicLong();
  final AtomicLong refused = new AtomicLong();
  final AtomicReference<String> fault = new AtomicReference<>();
  final AtomicReference<String> unreachable = new AtomicReference<>();
  private final PacketBatch row = new PacketBatch(2048);
  private long sent;
  private long until;

  Ends(LinkLoops loops, ModuleId self, long generation, LinkSecurity security) {
    this.self = self;
    loop = loops.next();
    links =
        ModuleLinks.create(
            self,
            generation,
            new LinkLoop[] {loop},
            Map.of(),
            settings(),
            security,
            this::took,
            new LinkObserver() {
              @Override
              public void unreachable(ModuleId peer, String why) {
                unreachable.set(why);
              }

              @Override
              public void refused(LinkFault fault, String why) {
                refused.incrementAndGet();
              }

              @Override
              public void lost(ModuleId destination, long packets) {
                lost.addAndGet(packets);
              }
            });
    row.count = 1;
    row.dataLength[0] = 64;
  }

  static LinkSettings settings() {
    return new LinkSettings(
        1 << 18,
        1 << 20,
        50_000_000L,
        5_000_000L,
        50_000_000L,
        10_000_000_000L,
        500_000_000L,
        host -> {
          InetAddress it = HOSTS.get(host);
          if (it == null) {
            throw new UnknownHostException(host);
          }
          return it;
        });
  }

  private void took(int lane, ModuleId source, int epoch, PacketBatch batch) {
    for (int i = 0; i < batch.count; i++) {
      long expected = received.get() + 1;
      if (batch.number[i] != expected) {
        fault.compareAndSet(
            null, "packet " + batch.number[i] + " came where " + expected + " was next");
      }
      received.lazySet(expected);
    }
  }

  /** Sends {@code count} packets, numbered on from the last, as fast as the queue takes them. */
  void send(ModuleId to, int count) {
    loop.execute(
        () -> {
          boolean idle = sent == until;
          until += count;
          if (idle) {
            step(to);
          }
        });
  }

  private void step(ModuleId to) {
    Outlet outlet = links.outlet(0, to, 0);
    for (int i = 0; i < 200 && sent < until; i++) {
      row.number[0] = sent + 1;
      row.tag[0] = (int) sent;
      if (!outlet.offer(row, 0)) {
        outlet.flush();
        links.whenWritable(outlet, () -> loop.execute(() -> step(to)));
        return;
      }
      sent++;
    }
    outlet.flush();
    if (sent < until) {
      loop.execute(() -> step(to));
    }
  }

  /** The value of a series, 0 where it is not there. */
  static long count(MetricsSource source, Counter counter, String... labels) {
    return source.readings().stream()
        .filter(it -> it.counter() == counter && it.labelValues().equals(List.of(labels)))
        .mapToLong(it -> it.value().getAsLong())
        .sum();
  }

  /** Peers that this module refused for a cause. */
  long refused(LinkFault fault) {
    return count(links, Counter.LINK_REFUSED, self.toString(), fault.label());
  }

  boolean await(long count) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (received.get() < count && fault.get() == null && System.nanoTime() < deadline) {
      Thread.sleep(1);
    }
    return received.get() >= count;
  }

  /** Whether the other side says within a minute that it has all that was sent. */
  boolean awaitAcknowledged(ModuleId to) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    long[] pending = {1};
    while (pending[0] > 0 && System.nanoTime() < deadline) {
      onLoop(() -> pending[0] = links.outlet(0, to, 0).pendingBytes());
      Thread.sleep(1);
    }
    return pending[0] == 0;
  }

  void onLoop(Runnable task) throws InterruptedException {
    CountDownLatch done = new CountDownLatch(1);
    loop.execute(
        () -> {
          task.run();
          done.countDown();
        });
    done.await();
  }

  @Override
  public void close() {
    links.close();
  }
}
