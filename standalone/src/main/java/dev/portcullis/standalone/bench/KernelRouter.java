package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Three network namespaces in a row, a generator, a router and a sink. The router's kernel
 * forwards, tracks connections and masquerades, as the reference of benchmarks, or leaves its two
 * devices to a gateway. An in-kernel generator on core 0 feeds it. Needs root, gcc, ip, nft,
 * ethtool.
 */
final class KernelRouter {

  /** Programs that must be there. */
  static final List<String> PROGRAMS =
      List.of("bash", "gcc", "ip", "nft", "ethtool", "taskset", "sysctl", "ping");

  /** The most flows to one receiver: source ports. */
  static final int MOST_FLOWS = 1 << 16;

  /** MAC address of the router's kernel on the side of the generator. */
  static final String KERNEL_MAC = "02:00:00:00:00:02";

  private final Path script;
  private final Path generator;
  private final String prefix;

  private KernelRouter(Path script, Path generator, String prefix) {
    this.script = script;
    this.generator = generator;
    this.prefix = prefix;
  }

  /** Compiles the generator and makes the namespaces; {@code cleanup} removes both. */
  static KernelRouter up(Cleanup cleanup) throws IOException, InterruptedException {
    Path script = Unpacked.file("kernel-router.sh", cleanup);
    Path generator = Unpacked.program("xgen.c", cleanup);
    Namespace.removeOrphans();
    KernelRouter router = new KernelRouter(script, generator, Namespace.uniqueName());
    cleanup.add(router::down);
    router.call(30, "up");
    router.call(30, "rules", "masquerade");
    return router;
  }

  /**
   * What one window gave.
   *
   * @param delivered packets that reached the sink
   * @param sent packets that the generator sent
   * @param seconds how long it sent
   */
  record Window(long delivered, long sent, double seconds) {

    /** Packets per second that reached the sink. */
    double rate() {
      return delivered / seconds;
    }

    /** Share of the packets that did not reach the sink. */
    double loss() {
      return 1 - (double) delivered / sent;
    }
  }

  /**
   * What the generator sends.
   *
   * @param mac MAC address of the router
   * @param frameBytes length of a frame without its check sequence: 60 to 1514
   * @param flows how many flows: a power of two up to 65,536
   * @param manyReceivers whether receivers differ as well, so that nearly every packet opens a flow
   */
  record Traffic(String mac, int frameBytes, int flows, boolean manyReceivers) {

    /** Traffic of known flows for the kernel. */
    Traffic(int frameBytes, int flows) {
      this(KERNEL_MAC, frameBytes, flows, false);
    }
  }

  /**
   * Measures one window.
   *
   * @param seconds how long
   * @param rate packets per second; 0: as many as the generator can send
   */
  Window measure(double seconds, Traffic traffic, double rate)
      throws IOException, InterruptedException {
    List<String> line = new ArrayList<>(List.of("window", generator.toString(), traffic.mac()));
    line.addAll(words(seconds, traffic, rate));
    String printed = call((int) seconds + 30, line.toArray(String[]::new));
    String[] field = printed.strip().split(" ");
    Window window =
        new Window(
            Long.parseLong(field[0]), Long.parseLong(field[1]), Double.parseDouble(field[2]) / 1e9);
    if (window.delivered() <= 0) {
      throw new IOException("The router delivered no packet to its sink.");
    }
    return window;
  }

  /** Starts the generator for a while; {@link #measure} says what it sends. */
  Process send(double seconds, Traffic traffic, double rate) throws IOException {
    List<String> line =
        new ArrayList<>(List.of("nice", "-n", "19", generator.toString(), "a0", traffic.mac()));
    line.addAll(words(seconds, traffic, rate));
    return Command.builder(inGenerator(Pinning.onCore(0, line)))
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static List<String> words(double seconds, Traffic traffic, double rate) {
    return List.of(
        Double.toString(seconds),
        Integer.toString(traffic.frameBytes()),
        Integer.toString(traffic.flows() - 1),
        String.format(Locale.ROOT, "%.0f", rate),
        traffic.manyReceivers() ? "1" : "0");
  }

  /**
   * The router's kernel forwards no more: a gateway has its two devices, {@code r0}, {@code r1}.
   */
  void leaveToGateway() throws IOException, InterruptedException {
    call(30, "gateway");
  }

  /**
   * The router's kernel sends what comes in by its devices into {@code tun-lan}, {@code tun-wan}.
   */
  void sendIntoTunDevices() throws IOException, InterruptedException {
    call(30, "devices");
  }

  /** No device has offloads any more. */
  void withoutOffloads() throws IOException, InterruptedException {
    call(30, "plain");
  }

  /** The router's kernel forgets all connections. Needs conntrack. */
  void forget() throws IOException, InterruptedException {
    call(30, "forget");
  }

  /** Returns the command line that runs {@code command} on the host that sends. */
  List<String> inGenerator(List<String> command) {
    return inside("-gen", command);
  }

  /** Returns the command line that runs {@code command} on the router. */
  List<String> inRouter(List<String> command) {
    return inside("-router", command);
  }

  /** Returns the command line that runs {@code command} on the host that receives. */
  List<String> inSink(List<String> command) {
    return inside("-sink", command);
  }

  private List<String> inside(String which, List<String> command) {
    List<String> line = new ArrayList<>(List.of("ip", "netns", "exec", prefix + which));
    line.addAll(command);
    return line;
  }

  private String call(int seconds, String... arguments) throws IOException, InterruptedException {
    List<String> line = new ArrayList<>(List.of("bash", script.toString(), prefix));
    line.addAll(List.of(arguments));
    return Command.run(line, seconds);
  }

  private void down() {
    try {
      call(30, "down");
    } catch (IOException e) {
      System.err.println(
          "The network namespaces " + prefix + "-* could not be removed: " + e.getMessage());
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
