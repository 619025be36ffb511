package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The gateway without wires: an IO module that makes frames up, a worker with rules, translation
 * and connection tracking, an IO module that counts what it would put out. Three processes, real
 * links between them over loopback TCP. The worker has core 1, the IO modules share core 0. The
 * parent takes the place of the switch: it hands the distribution table out. Thread: one.
 */
final class InMemoryGateway {

  /** Flows of all benchmarks but B3: a power of two. */
  static final int FLOWS = 8192;

  /** Many flows: a power of two. */
  static final int MANY_FLOWS = 1 << 20;

  /** Heap of a worker with many flows: half a gigabyte of tables, and as much to be copied. */
  private static final List<String> LARGE_HEAP = List.of("-Xms1g", "-Xmx1g");

  /** Length of a frame without its check sequence: 64 bytes on a wire. */
  static final int FRAME_BYTES = 60;

  private static final int WARM_UP_WINDOW_MS = 700;
  private static final int RAMP_MS = 300;
  private static final int DRAIN_MS = 200;

  private final ChildProcess source;
  private final ChildProcess worker;
  private final ChildProcess sink;

  private InMemoryGateway(ChildProcess source, ChildProcess worker, ChildProcess sink) {
    this.source = source;
    this.worker = worker;
    this.sink = sink;
  }

  /**
   * What one window gave.
   *
   * @param packetsPerSecond packets that arrived at the sink per second
   * @param allocatedBytesPerPacket bytes that the three processes allocated, by packets that
   *     arrived at the sink
   */
  record Window(double packetsPerSecond, double allocatedBytesPerPacket) {}

  /** Starts the three processes and lets packets through until the code is compiled. */
  static InMemoryGateway start(Cleanup cleanup) throws IOException, InterruptedException {
    return start(cleanup, FLOWS, List.of(), null);
  }

  /** {@link #start} with mutual TLS on all links. */
  static InMemoryGateway startEncrypted(Cleanup cleanup) throws IOException, InterruptedException {
    return start(cleanup, FLOWS, List.of(), Certificates.make(cleanup));
  }

  /**
   * {@link #start} with a worker that has room for many flows, whether the frames are of many or
   * not.
   *
   * @param flows flows of the frames: a power of two, at most {@link #MANY_FLOWS}
   */
  static InMemoryGateway startLarge(Cleanup cleanup, int flows)
      throws IOException, InterruptedException {
    return start(cleanup, flows, LARGE_HEAP, null);
  }

  private static InMemoryGateway start(
      Cleanup cleanup, int flows, List<String> workerFlags, @Nullable Certificates certificates)
      throws IOException, InterruptedException {
    List<String> tls = certificates == null ? List.of() : List.of(certificates.folder().toString());
    Namespace namespace = Namespace.create(cleanup);
    String flowCount = Integer.toString(flows);
    ChildProcess worker =
        ChildProcess.start(
            role(tls, "worker", BenchGateway.IN_MEMORY),
            workerFlags,
            it -> namespace.inside(Pinning.onCore(1, it)),
            cleanup);
    ChildProcess sink =
        ChildProcess.start(
            role(tls, "io", "io-b", flowCount),
            List.of(),
            it -> namespace.inside(Pinning.onCore(0, it)),
            cleanup);
    ChildProcess source =
        ChildProcess.start(
            role(tls, "io", "io-a", flowCount),
            List.of(),
            it -> namespace.inside(Pinning.onCore(0, it)),
            cleanup);
    String address = worker.ask("listen");
    sink.ask("connect " + address);
    source.ask("connect " + address);
    InMemoryGateway gateway = new InMemoryGateway(source, worker, sink);
    // the source begins every flow once; windows are of flows that are known
    do {
      gateway.measure(WARM_UP_WINDOW_MS);
    } while (sink.read("read").packets() < flows);
    WarmUp.run(() -> gateway.measure(WARM_UP_WINDOW_MS).packetsPerSecond());
    return gateway;
  }

  private static List<String> role(List<String> tls, String... words) {
    List<String> role = new ArrayList<>(List.of(words));
    role.addAll(tls);
    return role;
  }

  /** Measures one window; no packet is under way before and afterwards. */
  Window measure(int windowMs) throws IOException, InterruptedException {
    source.ask("go");
    Thread.sleep(RAMP_MS);
    List<ChildProcess> all = List.of(source, worker, sink);
    Reading[] start = new Reading[all.size()];
    Reading[] end = new Reading[all.size()];
    for (int i = 0; i < start.length; i++) {
      start[i] = all.get(i).read("read");
    }
    Thread.sleep(windowMs);
    for (int i = 0; i < end.length; i++) {
      end[i] = all.get(i).read("read");
    }
    source.ask("stop");
    Thread.sleep(DRAIN_MS);
    int last = all.size() - 1;
    long packets = end[last].packets() - start[last].packets();
    if (packets <= 0) {
      throw new IOException("The gateway in memory delivered no packet.");
    }
    long allocated = 0;
    for (int i = 0; i < start.length; i++) {
      allocated += end[i].allocatedBytes() - start[i].allocatedBytes();
    }
    return new Window(end[last].packetsPerSecond(start[last]), (double) allocated / packets);
  }
}
