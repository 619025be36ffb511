package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What replication costs: a gateway of two workers, each with a replica at the other, against the
 * same gateway without; both of services on veth pairs.
 */
final class ReplicationBenchmark implements Benchmark {

  /** What goes through. */
  enum Load {
    /** UDP of 64 bytes, of flows that are there: nothing is replicated but their first packets. */
    KNOWN_FLOWS("64B"),
    /** UDP of 64 bytes; nearly every packet opens a flow. */
    NEW_FLOWS("64B, every packet opens a flow"),
    /** A TCP connection of iperf3: nearly every packet moves a window. */
    TCP("one TCP connection");

    private final String detail;

    Load(String detail) {
      this.detail = detail;
    }
  }

  private static final int WORKERS = 2;
  private static final int HEAP_MEGABYTES = 512;
  private static final String SERVER = "10.8.0.2";

  private final String replication;
  private final Load load;

  ReplicationBenchmark(String replication, Load load) {
    this.replication = replication;
    this.load = load;
  }

  @Override
  public Title title() {
    String id = replication + "-" + load.name().toLowerCase(Locale.ROOT).replace('_', '-');
    return new Title(id, replication + "/none", load.detail, "none", "none", false);
  }

  @Override
  public Rig open() throws IOException, InterruptedException {
    String id = title().id();
    List<String> programs = new ArrayList<>(KernelRouter.PROGRAMS);
    programs.addAll(List.of("curl", "iperf3"));
    Command.require(id, programs);
    Command.requireRoot(id, "network namespaces, BPF and packet sockets");
    Cleanup cleanup = new Cleanup();
    try {
      Measured ours = gateway(replication, cleanup);
      Measured reference = gateway("none", cleanup);
      return new ReplicationRig(cleanup, ours, reference);
    } catch (IOException | InterruptedException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }

  private Measured gateway(String with, Cleanup cleanup) throws IOException, InterruptedException {
    Path yaml = Unpacked.file("scale.yaml", cleanup);
    Files.writeString(
        yaml,
        Files.readString(yaml)
            .replaceFirst("replicas: \\d+, quantity: \\d+", "replicas: " + WORKERS)
            .replaceFirst("udpNew: 20s", load == Load.NEW_FLOWS ? "udpNew: 1s" : "udpNew: 20s")
            .replaceFirst("replication: none", "replication: " + with));
    KernelRouter router = KernelRouter.up(cleanup);
    SoakGateway.start(router, SoakGateway.home(), yaml, WORKERS, HEAP_MEGABYTES, cleanup);
    WireGateway.awaitForwarding(router);
    if (load == Load.TCP) {
      Iperf3 tcp = new Iperf3(router::inGenerator, router::inSink, SERVER);
      WarmUp.run(() -> tcp.measure(1));
      return () -> tcp.measure(2);
    }
    boolean opens = load == Load.NEW_FLOWS;
    KernelRouter.Traffic traffic =
        opens
            ? new KernelRouter.Traffic(
                WireGateway.MAC, InMemoryGateway.FRAME_BYTES, KernelRouter.MOST_FLOWS, true)
            : SoakGateway.TRAFFIC;
    Throughput throughput = new Throughput(router, traffic, 1, () -> {});
    throughput.warmUp();
    return throughput::measure;
  }

  /** One side. */
  private interface Measured {
    double measure() throws IOException, InterruptedException;
  }

  private record ReplicationRig(Cleanup cleanup, Measured ours, Measured reference) implements Rig {

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
