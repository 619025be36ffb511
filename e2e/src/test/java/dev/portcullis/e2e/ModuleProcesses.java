package dev.portcullis.e2e;

import dev.portcullis.core.counters.Counter;
import java.io.IOException;
import java.net.BindException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Modules as processes of their own, as the images start them. */
final class ModuleProcesses implements AutoCloseable {

  private static final int START_SECONDS = 300;

  private final Path folder;
  private final List<String> inside;
  private final Map<String, Process> processes = new LinkedHashMap<>();
  private final Map<String, String> http = new LinkedHashMap<>();
  private String yaml = "";
  private String switchAt = "";
  private final HttpClient client = HttpClient.newHttpClient();
  private final List<String> booksOfEnded = new ArrayList<>();

  /** Starts nothing yet; logs go to {@code folder}. */
  ModuleProcesses(Path folder) {
    this(folder, List.of());
  }

  /**
   * Starts nothing yet.
   *
   * @param inside the command line that the programs are run by, in a network namespace; empty: in
   *     that of this process
   */
  ModuleProcesses(Path folder, List<String> inside) {
    this.folder = folder;
    this.inside = inside;
  }

  /**
   * Starts a module.
   *
   * @param name what the test calls it
   * @param service {@code io}, {@code worker} or {@code switch}
   * @param arguments what follows; {@code --http} is added
   */
  void start(String name, String service, String... arguments) throws IOException {
    startIn(inside, "127.0.0.1", name, service, arguments);
  }

  /**
   * As {@link #start}, in another place.
   *
   * @param where the command line that it is run by
   * @param address where its health and metrics answer; it can be reached from the others
   */
  void startIn(List<String> where, String address, String name, String service, String... arguments)
      throws IOException {
    String at = address + ":" + freePort();
    http.put(name, at);
    List<String> command = new ArrayList<>(where);
    // whoever started the tests may ignore SIGHUP, and a JVM leaves it at that
    command.addAll(List.of("env", "--default-signal=HUP"));
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(
        List.of(
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-jar",
            Playground.ROOT
                .resolve(service + "-service/target/quarkus-app/quarkus-run.jar")
                .toString()));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--http", at));
    processes.put(
        name,
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(log(name).toFile())
            .start());
  }

  /**
   * Starts a gateway in plain text - a switch, three workers, {@code io-a} and {@code io-b} - and
   * waits until it is ready.
   */
  void startAll(String gateway) throws Exception {
    yaml = Files.writeString(folder.resolve("live.yaml"), gateway).toString();
    switchAt = "127.0.0.1:" + freePort();
    startSwitch();
    for (int i = 0; i < 3; i++) {
      startWorker(i);
    }
    startIo("io-a");
    startIo("io-b");
    awaitReady();
  }

  /** Starts the switch of {@link #startAll}, where it is not running. */
  void startSwitch() throws IOException {
    start("switch", "switch", "-f", yaml, "--plaintext", "--listen", switchAt);
  }

  /** Starts a worker of {@link #startAll}, where it is not running. */
  void startWorker(int number) throws IOException {
    start(
        "worker-" + number, "worker", "" + number, "-f", yaml, "--plaintext", "--switch", switchAt);
  }

  /** Starts an IO module of {@link #startAll}, where it is not running. */
  void startIo(String name) throws IOException {
    start(name, "io", name, "-f", yaml, "--plaintext", "--switch", switchAt);
  }

  /** Names of the modules that run. */
  Set<String> names() {
    return processes.keySet();
  }

  /** The file of what a module says. */
  Path log(String name) {
    return folder.resolve(name + ".log");
  }

  /** Ends a module by SIGTERM and returns its exit code. */
  int stop(String name) throws InterruptedException {
    Process process = processes.remove(name);
    process.destroy();
    if (!process.waitFor(30, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError(name + " did not end");
    }
    return process.exitValue();
  }

  /** As {@link #stop}; what it had counted, as far as it said, stays in {@link #accounts}. */
  int stopWithBooks(String name) throws Exception {
    Process process = Objects.requireNonNull(processes.get(name));
    String books = get(name, "/q/metrics");
    process.destroy();
    try {
      while (process.isAlive()) {
        books = get(name, "/q/metrics");
      }
    } catch (IOException e) {
      // it has ended, or is about to
    }
    booksOfEnded.add(books);
    return stop(name);
  }

  /** Ends a module by SIGKILL: it has no time for anything. */
  void kill(String name) throws InterruptedException {
    processes.remove(name).destroyForcibly().waitFor();
  }

  /** Waits until a module has ended by itself, and returns its exit code. */
  int awaitExit(String name) throws InterruptedException {
    Process process = processes.remove(name);
    if (!process.waitFor(START_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError(name + " does not end by itself");
    }
    return process.exitValue();
  }

  /** Whether a module has not ended. */
  boolean isAlive(String name) {
    return Objects.requireNonNull(processes.get(name)).isAlive();
  }

  /** The most memory that a module has had so far, in bytes. */
  long mostResidentBytes(String name) throws IOException {
    long pid = Objects.requireNonNull(processes.get(name)).pid();
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/status"))) {
      String most = lines.filter(it -> it.startsWith("VmHWM:")).findFirst().orElseThrow();
      return Long.parseLong(most.replaceAll("[^0-9]", "")) * 1024;
    }
  }

  /** Sends SIGHUP. */
  void hangUp(String name) throws IOException, InterruptedException {
    signal(name, "HUP");
  }

  /** Sends a signal. */
  void signal(String name, String signal) throws IOException, InterruptedException {
    long pid = Objects.requireNonNull(processes.get(name)).pid();
    new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start().waitFor();
  }

  /** Waits until every module is ready. */
  void awaitReady() throws Exception {
    for (String name : names()) {
      await(name, "/q/health/ready", "\"UP\"");
    }
  }

  /** Waits until a module shows a line in its metrics. */
  void awaitMetric(String name, String line) throws Exception {
    await(name, "/q/metrics", line);
  }

  private void await(String name, String path, String text) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    String last = "";
    while (true) {
      try {
        last = get(name, path);
        if (last.contains(text)) {
          return;
        }
      } catch (IOException e) {
        // not there yet
      }
      if (System.nanoTime() > deadline || !processes.get(name).isAlive()) {
        throw new AssertionError(name + " does not show " + text + ": " + last + "\n" + logs());
      }
      Thread.sleep(50);
    }
  }

  /** What all modules have said, and which of them have ended. */
  private String logs() throws IOException {
    StringBuilder logs = new StringBuilder();
    for (Map.Entry<String, Process> it : processes.entrySet()) {
      logs.append(it.getKey()).append(it.getValue().isAlive() ? ":\n" : " has ended:\n");
      logs.append(Files.readString(log(it.getKey())));
    }
    return logs.toString();
  }

  /** What all modules count, and those that were ended {@link #stopWithBooks with their books}. */
  Accounts accounts() throws Exception {
    Accounts accounts = Accounts.of(List.of());
    booksOfEnded.forEach(accounts::with);
    if (!inside.isEmpty()) {
      return accounts.with(curl(names().stream().map(it -> uri(it, "/q/metrics")).toList()));
    }
    for (String name : names()) {
      accounts.with(get(name, "/q/metrics"));
    }
    return accounts;
  }

  /** A series that is new, such as the first drop for a reason, is registered within a second. */
  void awaitBalance(String when) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (true) {
      try {
        accounts().assertBalanced(when);
        return;
      } catch (AssertionError e) {
        if (System.nanoTime() > deadline) {
          throw e;
        }
        Thread.sleep(200);
      }
    }
  }

  /** Waits until the modules have counted something. */
  void awaitCount(Counter counter, Predicate<Map<String, String>> which, String what)
      throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (count(counter, which) == 0) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(what + " was not counted in " + counter.metric());
      }
      Thread.sleep(100);
    }
  }

  /** 0 while a module does not answer yet. */
  private long count(Counter counter, Predicate<Map<String, String>> which) throws Exception {
    try {
      return accounts().sum(counter, which);
    } catch (IOException e) {
      return 0;
    }
  }

  /** Asks a module over HTTP. */
  String get(String name, String path) throws IOException, InterruptedException {
    URI uri = uri(name, path);
    if (!inside.isEmpty()) {
      return curl(List.of(uri));
    }
    return client
        .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
        .body();
  }

  /** Where a module answers over HTTP. */
  String address(String name) {
    return Objects.requireNonNull(http.get(name));
  }

  private URI uri(String name, String path) {
    return URI.create("http://" + address(name) + path);
  }

  /** Asks in the namespace of the modules, one after the other; returns the pages in one. */
  private String curl(List<URI> uris) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(inside);
    command.addAll(List.of("curl", "-sf", "--fail-early"));
    uris.forEach(it -> command.add(it.toString()));
    Process curl = new ProcessBuilder(command).start();
    String pages = new String(curl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (curl.waitFor() != 0) {
      throw new IOException(uris + ": not all answer");
    }
    return pages;
  }

  /**
   * A port that nobody listens on, below those that the kernel gives to connections: it is still
   * free when the module binds it.
   */
  static int freePort() throws IOException {
    for (int attempt = 0; attempt < 100; attempt++) {
      int port = ThreadLocalRandom.current().nextInt(10_000, 32_768);
      try (ServerSocket socket = new ServerSocket(port)) {
        return socket.getLocalPort();
      } catch (BindException e) {
        // taken: another one
      }
    }
    throw new IOException("100 ports between 10,000 and 32,767 were all taken");
  }

  @Override
  public void close() throws InterruptedException {
    processes.values().forEach(Process::destroy);
    for (Process process : processes.values()) {
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    }
    client.close();
  }
}
