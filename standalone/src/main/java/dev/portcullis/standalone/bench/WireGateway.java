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

  private WireGateway() {}

  /**
   * Starts both processes.
   *
   * @param resource configuration of the gateway
   */
  static void start(KernelRouter router, String resource, Cleanup cleanup)
      throws IOException, InterruptedException {
    ChildProcess worker =
        ChildProcess.start(List.of("worker", resource), WORKER_HEAP, router::inRouter, cleanup);
    ChildProcess io =
        ChildProcess.start(List.of("wire-io", resource), List.of(), router::inRouter, cleanup);
    io.ask("connect " + worker.ask("listen"));
  }
}
