package dev.portcullis.standalone.bench;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.worker.LinkWiring;
import dev.portcullis.worker.Worker;
import java.io.IOException;
import java.util.Map;

/** Role {@code worker}: the worker module of a gateway, with one shard. */
final class WorkerRole implements Role {

  private static final ModuleId SELF = ModuleId.worker(0);
  private static final String HOST = "127.0.0.1";

  private final BenchGateway gateway;
  private final LinkLoops loops = LinkLoops.start(1, "worker");
  private final LinkLoop loop = loops.next();
  private final Worker worker;
  private final ModuleLinks links;

  /**
   * Makes the module; it takes packets after {@code listen}.
   *
   * @param resource its configuration
   * @param security encryption and identity of its links
   */
  WorkerRole(String resource, LinkSecurity security) throws IOException {
    gateway = BenchGateway.load(resource);
    worker = new Worker(SELF, gateway.config(), gateway.topology(), 1);
    links =
        ModuleLinks.create(
            SELF,
            1,
            new LinkLoop[] {loop},
            Map.of(),
            LinkSettings.defaults(),
            security,
            worker,
            LinkObserver.NONE);
    worker.start(new LinkWiring(new LinkLoop[] {loop}, links));
  }

  @Override
  public String answer(String question) throws IOException {
    switch (question) {
      case "listen" -> {
        int port = links.listen(HOST, 0).getPort();
        worker.onTable(gateway.table(HOST, port));
        return HOST + " " + port;
      }
      case "read" -> {
        return Reading.now(0, 0).line();
      }
      default -> throw new IllegalArgumentException("unknown question: " + question);
    }
  }

  @Override
  public void close() {
    links.close();
    loops.close();
  }
}
