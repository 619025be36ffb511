package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A gateway of services: a switch, workers and two IO modules as processes of their own, in the
 * place of the router's kernel ({@link KernelRouter}). Thread: one.
 */
final class SoakGateway {

  private static final int SWITCH_PORT = 4700;
  private static final int FIRST_HTTP_PORT = 4800;
  private static final int READY_SECONDS = 300;
  private static final int STOP_SECONDS = 20;
  private static final Pattern HEAP_USED = Pattern.compile("(?:DefNew|Tenured) .* used (\\d+)K");
  private static final Pattern ENDED = Pattern.compile("\"result\":\"(\\w+)\"");
  private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s*(\\d+) kB");

  /** UDP of flows that are there after a moment. */
  static final KernelRouter.Traffic TRAFFIC =
      new KernelRouter.Traffic(
          WireGateway.MAC, InMemoryGateway.FRAME_BYTES, InMemoryGateway.FLOWS, false);

  private final KernelRouter router;
  private final Map<String, Process> processes = new LinkedHashMap<>();
  private final Path home;
  private final int heapMegabytes;

  private SoakGateway(KernelRouter router, Path home, int heapMegabytes) {
    this.router = router;
    this.home = home;
    this.heapMegabytes = heapMegabytes;
  }

  /**
   * Memory of a process.
   *
   * @param heapBytes used on the Java heap after a collection
   * @param residentBytes of the process
   */
  record Memory(long heapBytes, long residentBytes) {}

  /**
   * Starts all modules and waits until they are ready.
   *
   * @param home folder in which the services were built
   * @param file configuration with the IO modules {@code io-a}, {@code io-b}
   * @param workers how many run
   * @param heapMegabytes Java heap of each module
   */
  static SoakGateway start(
      KernelRouter router, Path home, Path file, int workers, int heapMegabytes, Cleanup cleanup)
      throws IOException, InterruptedException {
    router.leaveToGateway();
    SoakGateway gateway = new SoakGateway(router, home, heapMegabytes);
    cleanup.add(gateway::stop);
    String yaml = file.toString();
    String at = "127.0.0.1:" + SWITCH_PORT;
    gateway.module("switch", "switch", "-f", yaml, "--listen", at);
    for (int worker = 0; worker < workers; worker++) {
      gateway.module("worker-" + worker, "worker", "" + worker, "-f", yaml, "--switch", at);
    }
    for (String io : List.of("io-a", "io-b")) {
      gateway.module(io, "io", io, "-f", yaml, "--switch", at);
    }
    gateway.awaitReady();
    return gateway;
  }

  /** Folder in which the services were built. */
  static Path home() {
    return Path.of(System.getProperty("portcullis.home", "."));
  }

  private void module(String name, String service, String... arguments) throws IOException {
    Path jar = home.resolve(service + "-service/target/quarkus-app/quarkus-run.jar");
    if (!Files.exists(jar)) {
      throw new IOException("the program " + jar + " is not there; build it with mvn package.");
    }
    List<String> line = new ArrayList<>();
    line.add(ProcessHandle.current().info().command().orElse("java"));
    line.addAll(
        List.of(
            "-Xms" + heapMegabytes + "m",
            "-Xmx" + heapMegabytes + "m",
            "-XX:+UseSerialGC",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-jar",
            jar.toString()));
    line.addAll(List.of(arguments));
    line.addAll(List.of("--plaintext", "--http", "127.0.0.1:" + httpPort(processes.size())));
    // what a module says of interest is in its metrics
    processes.put(
        name,
        Command.builder(router.inRouter(line))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start());
  }

  private void stop() {
    processes.values().forEach(Process::destroy);
    try {
      for (Process it : processes.values()) {
        if (!it.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
          it.destroyForcibly();
        }
      }
    } catch (InterruptedException _) {
      processes.values().forEach(Process::destroyForcibly);
      Thread.currentThread().interrupt();
    }
  }

  private static int httpPort(int module) {
    return FIRST_HTTP_PORT + module;
  }

  private void awaitReady() throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(READY_SECONDS);
    for (int i = 0; i < processes.size(); ) {
      try {
        get(i, "/q/health/ready");
        i++;
      } catch (IOException e) {
        if (System.nanoTime() > deadline) {
          throw new IOException(
              "the module " + name(i) + " was not ready within " + READY_SECONDS + " s.", e);
        }
        Thread.sleep(200);
      }
    }
  }

  private String name(int module) {
    return List.copyOf(processes.keySet()).get(module);
  }

  private String get(int module, String path) throws IOException, InterruptedException {
    String address = "http://127.0.0.1:" + httpPort(module) + path;
    return Command.run(router.inRouter(List.of("curl", "-sf", "-m", "10", address)), 20);
  }

  /** The switch module reads the configuration again. */
  void readAgain() throws IOException, InterruptedException {
    Command.run(List.of("kill", "-HUP", Long.toString(pidOf("switch"))), 10);
  }

  private long pidOf(String module) {
    return Objects.requireNonNull(processes.get(module)).pid();
  }

  /** The results of the last changes of the number of workers, the newest last. */
  List<String> changes() throws IOException, InterruptedException {
    return ENDED.matcher(get(0, "/q/portcullis/scale")).results().map(it -> it.group(1)).toList();
  }

  /** What all modules count. */
  SoakBooks books() throws IOException, InterruptedException {
    List<String> pages = new ArrayList<>();
    for (int i = 0; i < processes.size(); i++) {
      pages.add(get(i, "/q/metrics"));
    }
    return SoakBooks.of(pages);
  }

  /** Collects garbage in every module and returns what is left, by module. */
  Map<String, Memory> memory() throws IOException, InterruptedException {
    String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
    Map<String, Memory> memory = new LinkedHashMap<>();
    for (Map.Entry<String, Process> it : processes.entrySet()) {
      String pid = Long.toString(it.getValue().pid());
      Command.run(List.of(jcmd, pid, "GC.run"), 30);
      long heap = 0;
      Matcher used = HEAP_USED.matcher(Command.run(List.of(jcmd, pid, "GC.heap_info"), 30));
      while (used.find()) {
        heap += Long.parseLong(used.group(1)) << 10;
      }
      Matcher resident =
          RESIDENT.matcher(
              Files.readString(Path.of("/proc", pid, "status"), StandardCharsets.US_ASCII));
      long rss = resident.find() ? Long.parseLong(resident.group(1)) << 10 : 0;
      memory.put(it.getKey(), new Memory(heap, rss));
    }
    return memory;
  }
}
