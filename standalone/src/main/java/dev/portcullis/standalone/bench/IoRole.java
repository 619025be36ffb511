package dev.portcullis.standalone.bench;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.io.IoModule;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Roles {@code source} and {@code sink}: an IO module of the gateway in memory. Both have a port
 * that makes frames up and counts frames that leave; only that of the source is ever told to go.
 */
final class IoRole implements Role {

  private static final ModuleId WORKER = ModuleId.worker(0);

  /** Bytes that may be under way to the worker: the window of a channel, and two batches. */
  private static final int QUEUE_BYTES =
      LinkSettings.defaults().windowBytes() + 2 * PacketBatch.MAX_BYTES;

  private final BenchGateway gateway = BenchGateway.load(BenchGateway.IN_MEMORY);
  private final LinkLoops loops;
  private final BenchPort port;
  private final IoModule module;
  private @Nullable Outlet outlet;

  /**
   * Makes the module and starts its port.
   *
   * @param name name of the IO module in the configuration
   * @param flows flows of the frames that it makes up
   * @param security encryption and identity of its links
   */
  IoRole(String name, int flows, LinkSecurity security) throws IOException {
    ModuleId self = gateway.topology().io(name);
    if (self == null) {
      throw new IOException("gateway.yaml has no IO module " + name + ".");
    }
    LogicalInterface own = gateway.topology().ofModule(self).getFirst();
    loops = LinkLoops.start(1, name);
    LinkLoop loop = loops.next();
    port = new BenchPort(own.tag(), own.port(), loop, InMemoryGateway.FRAME_BYTES, flows);
    module =
        new IoModule(
            self,
            1,
            gateway.topology(),
            loop,
            handler ->
                ModuleLinks.create(
                    self,
                    1,
                    new LinkLoop[] {loop},
                    Map.of(own.port(), own.tag()),
                    LinkSettings.defaults().withQueueBytes(QUEUE_BYTES),
                    security,
                    handler,
                    LinkObserver.NONE),
            (links, _) -> {
              port.room(then -> hasRoom(links, then));
              return List.of(port);
            },
            answer -> {},
            workers -> {});
    loop.execute(module::start);
  }

  private boolean hasRoom(ModuleLinks links, Runnable then) {
    Outlet to = outlet;
    if (to == null) {
      to = links.outlet(0, WORKER, 0);
      outlet = to;
    }
    if (to.pendingBytes() + PacketBatch.MAX_BYTES <= QUEUE_BYTES) {
      return true;
    }
    links.whenWritable(to, then);
    return false;
  }

  @Override
  public String answer(String question) throws Exception {
    String[] word = question.split(" ");
    switch (word[0]) {
      case "connect" -> {
        CountDownLatch done = new CountDownLatch(1);
        module.table(gateway.table(word[1], Integer.parseInt(word[2])), done::countDown);
        done.await();
      }
      case "go" -> port.go();
      case "stop" -> port.pause();
      case "read" -> {
        return Reading.now(port.packets(), port.bytes()).line();
      }
      default -> throw new IllegalArgumentException("unknown question: " + question);
    }
    return "done";
  }

  @Override
  public void close() {
    module.close();
    loops.close();
  }
}
