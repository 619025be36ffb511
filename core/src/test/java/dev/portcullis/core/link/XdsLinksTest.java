package dev.portcullis.core.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.ServerSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Links that a control plane leads, as in a mesh without proxies. */
class XdsLinksTest {

  private static final String BOOTSTRAP = "io.grpc.xds.bootstrapConfig";
  private static final ModuleId IO = ModuleId.io(0);
  private static final ModuleId WORKER = ModuleId.worker(1);
  private static final ModuleId OTHER = ModuleId.worker(2);

  private static final LinkLoops LOOPS = LinkLoops.start(3, "test");
  private static ControlPlane control;

  @BeforeAll
  static void start() throws Exception {
    control = new ControlPlane();
    System.setProperty(BOOTSTRAP, control.bootstrap());
  }

  @AfterAll
  static void stop() {
    System.clearProperty(BOOTSTRAP);
    LOOPS.close();
    control.close();
  }

  private static Ends module(ModuleId self) {
    return new Ends(LOOPS, self, 1, LinkSecurity.xds());
  }

  /** Listens, and is a service from then on. */
  private static void serve(Ends module, String name) throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    assertEquals(port, module.links.listen("0.0.0.0", port).getPort());
    control.place(name + ":7500", port);
  }

  @Test
  void shouldCarryPacketsBothWaysOnceAndInOrderToWhereTheControlPlaneSays() throws Exception {
    try (Ends io = module(IO);
        Ends worker = module(WORKER)) {
      serve(worker, "worker-1.edge.svc");
      io.links.connect(WORKER, 0, 0, "worker-1.edge.svc", 7500);
      io.send(WORKER, 50_000);
      worker.send(IO, 50_000);
      assertTrue(worker.await(50_000), () -> worker.fault + " " + worker.received);
      assertTrue(io.await(50_000), () -> io.fault + " " + io.received);
      assertNull(worker.fault.get());
      assertNull(io.fault.get());
    }
  }

  @Test
  void shouldRefuseAPeerThatIsAnotherThanItsName() throws Exception {
    try (Ends io = module(IO);
        Ends other = module(OTHER)) {
      serve(other, "worker-9.edge.svc");
      io.links.connect(WORKER, 0, 0, "worker-9.edge.svc", 7500);
      for (int i = 0; i < 600 && io.refused(LinkFault.MISDIRECTED) == 0; i++) {
        Thread.sleep(50);
      }
      assertTrue(io.refused(LinkFault.MISDIRECTED) > 0);
    }
  }
}
