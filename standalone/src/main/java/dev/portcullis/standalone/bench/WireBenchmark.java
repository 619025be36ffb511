package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * B4, B5, B10: the gateway between two veth pairs against the kernel's connection tracking and
 * masquerading between two others; the same generator, packets per second that arrive with a loss
 * below 1 %.
 */
final class WireBenchmark implements Benchmark {

  private static final double WINDOW_SECONDS = 1;

  /** So short that the kernel's table of connections has room for what a window opens. */
  private static final double SHORT_WINDOW_SECONDS = 0.4;

  private final Title title;
  private final int frameBytes;
  private final boolean newFlows;

  private WireBenchmark(Title title, int frameBytes, boolean newFlows) {
    this.title = title;
    this.frameBytes = frameBytes;
    this.newFlows = newFlows;
  }

  /** B4: frames of 64 bytes. */
  static WireBenchmark small() {
    return new WireBenchmark(
        new Title("B4", "wire-to-wire/kernel", "64B", "1.00", "1.25", false), 60, false);
  }

  /** B5: the largest frames. */
  static WireBenchmark large() {
    return new WireBenchmark(
        new Title("B5", "wire-to-wire/kernel", "1500B", "0.60", "1.00", false), 1514, false);
  }

  /** B10: every packet opens a flow. */
  static WireBenchmark opening() {
    return new WireBenchmark(
        new Title("B10", "new-flows/kernel", "64B", "0.50", "1.00", false), 60, true);
  }

  @Override
  public Title title() {
    return title;
  }

  @Override
  public Rig open() throws IOException, InterruptedException {
    List<String> programs = new ArrayList<>(KernelRouter.PROGRAMS);
    if (newFlows) {
      programs.add("conntrack");
    }
    Command.require(title.id(), programs);
    Command.requireRoot(title.id(), "network namespaces, BPF and packet sockets");
    Cleanup cleanup = new Cleanup();
    try {
      KernelRouter kernel = KernelRouter.up(cleanup);
      KernelRouter wires = WireGateway.onWires(cleanup);
      Throughput ours = path(wires, WireGateway.MAC, () -> {});
      Throughput reference =
          path(kernel, KernelRouter.KERNEL_MAC, newFlows ? kernel::forget : () -> {});
      ours.warmUp();
      reference.warmUp();
      return new WireRig(cleanup, ours, reference);
    } catch (IOException | InterruptedException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }

  private Throughput path(KernelRouter router, String mac, Throughput.Forgetting before) {
    int flows = newFlows ? KernelRouter.MOST_FLOWS : InMemoryGateway.FLOWS;
    return new Throughput(
        router,
        new KernelRouter.Traffic(mac, frameBytes, flows, newFlows),
        newFlows ? SHORT_WINDOW_SECONDS : WINDOW_SECONDS,
        before);
  }

  private record WireRig(Cleanup cleanup, Throughput ours, Throughput reference) implements Rig {

    @Override
    public double measure(Side side) throws IOException, InterruptedException {
      return (side == Side.OURS ? ours : reference).measure();
    }

    @Override
    public void close() {
      cleanup.close();
    }
  }
}
