package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * B6: one TCP connection through the gateway on TUN devices against one through the kernel's
 * masquerading without offloads; bytes per second that the server of iperf3 receives.
 */
final class TcpBenchmark implements Benchmark {

  private static final Title TITLE =
      new Title("B6", "tcp-by-tun/kernel-without-offloads", "", "1.0", "2.5", false);
  private static final String SERVER = "10.8.0.2";
  private static final int WINDOW_SECONDS = 2;

  @Override
  public Title title() {
    return TITLE;
  }

  @Override
  public Rig open() throws IOException, InterruptedException {
    List<String> programs = new ArrayList<>(KernelRouter.PROGRAMS);
    programs.add("iperf3");
    Command.require("B6", programs);
    Command.requireRoot("B6", "network namespaces and TUN devices");
    Cleanup cleanup = new Cleanup();
    try {
      KernelRouter kernel = KernelRouter.up(cleanup);
      kernel.withoutOffloads();
      KernelRouter tun = WireGateway.onTunDevices(cleanup);
      Iperf3 ours = new Iperf3(tun::inGenerator, tun::inSink, SERVER);
      WarmUp.run(() -> ours.measure(1));
      return new TcpRig(cleanup, ours, new Iperf3(kernel::inGenerator, kernel::inSink, SERVER));
    } catch (IOException | InterruptedException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }

  private record TcpRig(Cleanup cleanup, Iperf3 ours, Iperf3 reference) implements Rig {

    @Override
    public double measure(Side side) throws IOException, InterruptedException {
      return (side == Side.OURS ? ours : reference).measure(WINDOW_SECONDS);
    }

    @Override
    public void close() {
      cleanup.close();
    }
  }
}
