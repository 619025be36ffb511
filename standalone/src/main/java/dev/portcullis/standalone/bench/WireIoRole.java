package dev.portcullis.standalone.bench;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.policy.GatewaySpec.Driver;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.io.IoModule;
import dev.portcullis.io.port.PacketPort;
import dev.portcullis.io.port.Port;
import dev.portcullis.io.port.TunPort;
import java.io.IOException;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;

/** Role {@code wire-io}: an IO module with both ports of a gateway on real devices. */
final class WireIoRole implements Role {

  private final BenchGateway gateway;
  private final LinkLoops loops = LinkLoops.start(1, "io");
  private final LinkLoop loop = loops.next();
  private final IoModule module;

  /**
   * Opens the ports; they are silent until {@code connect}.
   *
   * @param resource configuration of the gateway
   */
  WireIoRole(String resource) throws IOException {
    gateway = BenchGateway.load(resource);
    ModuleId self = ModuleId.io(0);
    List<LogicalInterface> own = gateway.topology().ofModule(self);
    Map<String, Integer> tags =
        own.stream().collect(Collectors.toMap(LogicalInterface::port, LogicalInterface::tag));
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
                    tags,
                    LinkSettings.defaults()
                        .withQueueBytes(gateway.config().gateway().limits().linkQueueBytes()),
                    LinkSecurity.plaintext(),
                    handler,
                    LinkObserver.NONE),
            (_, _) -> own.stream().map(this::open).toList(),
            answer -> {},
            workers -> {});
  }

  private Port open(LogicalInterface it) {
    PortSpec spec =
        gateway.config().gateway().io().getFirst().ports().stream()
            .filter(port -> port.name().equals(it.port()))
            .findFirst()
            .orElseThrow();
    return spec.driver() == Driver.TUN
        ? TunPort.open(it.tag(), spec, loop, Clock.systemUTC(), System.err::println)
        : PacketPort.open(
            it.tag(), gateway.config(), spec, false, loop, Clock.systemUTC(), System.err::println);
  }

  @Override
  public String answer(String question) throws Exception {
    String[] word = question.split(" ");
    if (!word[0].equals("connect")) {
      throw new IllegalArgumentException("unknown question: " + question);
    }
    CountDownLatch done = new CountDownLatch(1);
    module.table(
        gateway.table(word[1], Integer.parseInt(word[2])),
        () -> {
          module.start();
          done.countDown();
        });
    done.await();
    return "done";
  }

  @Override
  public void close() {
    module.close();
    loops.close();
  }
}
