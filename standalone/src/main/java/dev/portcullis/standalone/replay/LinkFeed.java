package dev.portcullis.standalone.replay;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.topology.Topology;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.BitSet;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The side of a replay that IO modules see: they connect to it, take frames from it, and give back
 * what left their ports and what became of each frame. Thread: the loop of the feed, but for {@link
 * #open}, {@link #awaitModules} and {@link #close}.
 */
public final class LinkFeed implements AutoCloseable {

  private static final ModuleId FEED = new ModuleId(ModuleId.Kind.FEED, 0);

  private final LinkLoops loops;
  private final LinkLoop loop;
  private final ModuleLinks links;
  private final HostPort address;
  private final Outlet[] outletOfTag;
  private final int modules;
  private final BitSet connected = new BitSet();
  private volatile int connectedCount;
  private volatile Returns returns = (batch, i) -> {};

  /** Takes rows that come back: frames that left, and outcomes. */
  @FunctionalInterface
  public interface Returns {

    /** Row {@code i} came back; the batch belongs to somebody else when this returns. */
    void take(PacketBatch batch, int i);
  }

  private LinkFeed(Topology topology, HostPort listen, LinkSecurity security) throws IOException {
    this.loops = LinkLoops.start(1, "feed");
    this.loop = loops.next();
    this.modules = topology.ioNames().size();
    this.links =
        ModuleLinks.create(
            FEED,
            System.currentTimeMillis(),
            new LinkLoop[] {loop},
            Map.of(),
            LinkSettings.defaults(),
            security.admitting(topology::has),
            (lane, source, epoch, batch) -> {
              for (int i = 0; i < batch.count; i++) {
                returns.take(batch, i);
              }
            },
            new LinkObserver() {
              @Override
              public void up(ModuleId peer, int lane) {
                if (peer.kind() == ModuleId.Kind.IO) {
                  connected.set(peer.number());
                  connectedCount = connected.cardinality();
                }
              }
            });
    InetSocketAddress bound;
    try {
      bound = links.listen(listen.host(), listen.port());
    } catch (IOException e) {
      links.close();
      loops.close();
      throw e;
    }
    this.address = new HostPort(listen.host(), bound.getPort());
    this.outletOfTag = new Outlet[topology.interfaces().size()];
    Outlet[] ofModule = new Outlet[modules];
    Runnable make =
        () -> {
          for (int i = 0; i < modules; i++) {
            ofModule[i] = links.outlet(0, ModuleId.io(i), 0);
          }
          topology.interfaces().forEach(it -> outletOfTag[it.tag()] = ofModule[it.io().number()]);
        };
    loop.execute(make);
  }

  /**
   * Opens the feed.
   *
   * @param topology the IO modules that will connect
   * @param listen where; port 0: any
   * @throws IOException when it cannot be listened there
   */
  public static LinkFeed open(Topology topology, HostPort listen, LinkSecurity security)
      throws IOException {
    return new LinkFeed(topology, listen, security);
  }

  /** Where IO modules connect to. */
  public HostPort address() {
    return address;
  }

  /** Waits until every IO module has connected; returns whether they did in time. */
  public boolean awaitModules(long timeoutNs) {
    long deadline = System.nanoTime() + timeoutNs;
    while (connectedCount < modules) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
    }
    return true;
  }

  /** From now on what comes back goes to {@code to}. */
  public void returns(Returns to) {
    returns = to;
  }

  /** Runs a task on the loop of the feed. */
  public void execute(Runnable task) {
    loop.execute(task);
  }

  /** Runs a task on the loop of the feed, later. */
  public void schedule(Runnable task, long delayNs) {
    loop.schedule(task, delayNs);
  }

  /** Sends row {@code i} to the port of its tag; false when the queue is full. */
  public boolean send(PacketBatch batch, int i) {
    return outletOfTag[batch.tag[i]].offer(batch, i);
  }

  /** Sends what is gathered. */
  public void flush() {
    for (Outlet outlet : outletOfTag) {
      outlet.flush();
    }
  }

  /** Ends the links. */
  @Override
  public void close() {
    links.close();
    loops.close();
  }
}
