package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.List;

/**
 * The gateway in the place of the router's kernel ({@link KernelRouter}): an IO module with both
 * ports, and a worker; two processes on both cores, real links between them over loopback TCP. The
 * bench takes the place of the switch.
 */
final class WireGateway {

  /** MAC address of its port on the side of the generator. */
  static final String MAC = "02:00:00:00:00:12";

  /** Tables with room for what B10 opens. */
  private static final List<String> WORKER_HEAP = List.of("-Xms1g", "-Xmx1g");

  private static final String SERVER = "10.8.0.2";
  private static final int START_SECONDS = 30;

  private WireGateway() {}

  /** Makes a router of which the gateway has both devices; it forwards when this returns. */
  static KernelRouter onWires(Cleanup cleanup) throws IOException, InterruptedException {
    KernelRouter router = KernelRouter.up(cleanup);
    router.leaveToGateway();
    start(router, BenchGateway.ON_WIRES, cleanup);
    awaitForwarding(router);
    return router;
  }

  /** Makes a router whose kernel hands all packets to the gateway by TUN devices. */
  static KernelRouter onTunDevices(Cleanup cleanup) throws IOException, InterruptedException {
    KernelRouter router = KernelRouter.up(cleanup);
    start(router, BenchGateway.ON_TUN_DEVICES, cleanup);
    router.sendIntoTunDevices();
    awaitForwarding(router);
    return router;
  }

  private static void start(KernelRouter router, String resource, Cleanup cleanup)
      throws IOException, InterruptedException {
    ChildProcess worker =
        ChildProcess.start(List.of("worker", resource), WORKER_HEAP, router::inRouter, cleanup);
    ChildProcess io =
        ChildProcess.start(List.of("wire-io", resource), List.of(), router::inRouter, cleanup);
    io.ask("connect " + worker.ask("listen"));
  }

  /** Waits until a ping comes back through the gateway. */
  static void awaitForwarding(KernelRouter router) throws IOException, InterruptedException {
    List<String> ping = List.of("ping", "-c", "1", "-W", "1", SERVER);
    for (int second = 1; ; second++) {
      try {
        Command.run(router.inGenerator(ping), START_SECONDS);
        return;
      } catch (IOException e) {
        if (second == START_SECONDS) {
          throw new IOException("no ping came back through the gateway: " + e.getMessage(), e);
        }
      }
    }
  }
}
