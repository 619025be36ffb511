package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * A local cluster made by the programs in {@code -Dportcullis.shared=DIR/cluster}. One that runs is
 * used and left running; otherwise it is started, and ended with the test.
 */
final class Cluster implements AutoCloseable {

  private static final int COMMAND_SECONDS = 400;
  private static final int LONGEST_END_SECONDS = 120;

  private final Path kit;
  private final Path cache;
  private final Path state;
  private final boolean ours;

  private Cluster(Path kit, Path cache, Path state, boolean ours) {
    this.kit = kit;
    this.cache = cache;
    this.state = state;
    this.ours = ours;
  }

  /** Skips the test, with the reason, where there is no cluster to be had. */
  static Cluster need(int nodes) throws Exception {
    String shared = System.getProperty("portcullis.shared");
    assumeTrue(
        shared != null, "needs -Dportcullis.shared=DIR with the programs of a local cluster");
    Path kit = Path.of(shared, "cluster");
    assumeTrue(Files.isExecutable(kit.resolve("up")), () -> kit + " has no local cluster");
    boolean root =
        Files.getAttribute(Path.of("/proc/self"), "unix:uid") instanceof Integer uid && uid == 0;
    assumeTrue(root, "a local cluster needs root");
    Map<String, String> env = System.getenv();
    Path cache =
        Path.of(
            env.getOrDefault(
                "PORTCULLIS_CLUSTER_CACHE",
                env.getOrDefault("HOME", "/root") + "/.cache/portcullis-cluster"));
    assumeTrue(
        Files.isExecutable(cache.resolve("bin/kube")),
        () -> "the local cluster is not built: run " + kit.resolve("build"));
    Path state =
        Path.of(env.getOrDefault("PORTCULLIS_CLUSTER_STATE", "/var/lib/portcullis-cluster"));
    boolean runs = Files.exists(state.resolve("kubeconfig"));
    Cluster cluster = new Cluster(kit, cache, state, !runs);
    cluster.run(List.of(kit.resolve("up").toString(), Integer.toString(nodes)));
    return cluster;
  }

  /** Makes the images of the repository and hands them to all nodes. */
  void images(String tag, String... names) throws Exception {
    for (String name : names) {
      run(
          List.of(
              Chart.ROOT.resolve("build/images").toString(),
              "--kit",
              kit.toString(),
              "--only",
              name,
              tag));
      load("portcullis/" + name + ":" + tag);
    }
  }

  /** Makes an image of a folder on the Java runtime and hands it to all nodes. */
  void image(String name, Path folder, String destination) throws Exception {
    run(
        List.of(
            kit.resolve("image").toString(),
            "make",
            name,
            "--from",
            "portcullis/jre:25",
            "--add",
            folder + ":" + destination));
    load(name);
  }

  private void load(String image) throws Exception {
    run(List.of(kit.resolve("load-image").toString(), image));
  }

  /** A container loses its life without a word. */
  void kill(String namespace, String pod) throws Exception {
    run(List.of(kit.resolve("kill-container").toString(), namespace, pod));
  }

  String kubectl(String... arguments) throws Exception {
    return run(Stream.concat(Stream.of(program("kubectl")), Stream.of(arguments)).toList());
  }

  /** What a command says, trimmed; empty when it fails. */
  String ask(String... arguments) throws Exception {
    Ended ended =
        ended(Stream.concat(Stream.of(program("kubectl")), Stream.of(arguments)).toList(), "");
    return ended.code == 0 ? ended.out.strip() : "";
  }

  /** Applies documents. */
  void apply(String yaml) throws Exception {
    Ended ended = ended(List.of(program("kubectl"), "apply", "-f", "-"), yaml);
    assertEquals(0, ended.code, ended.out);
  }

  /** A line of shell, at the root of the repository, with kubectl and helm of the cluster. */
  String shell(String line) throws Exception {
    return run(List.of("bash", "-ec", line));
  }

  /**
   * Waits until nothing is left that the chart and the operator have made; pods take the time that
   * they need to end.
   *
   * @return names of what stays, a line each; empty: nothing
   */
  String awaitNothing() throws Exception {
    String left = ofPortcullis();
    for (int i = 0; i < LONGEST_END_SECONDS && !left.isEmpty(); i++) {
      Thread.sleep(1000);
      left = ofPortcullis();
    }
    return left;
  }

  private String ofPortcullis() throws Exception {
    return ask(
        "get",
        "all,configmap,secret,networkpolicy,poddisruptionbudget,serviceaccount",
        "-A",
        "-l",
        "app.kubernetes.io/name=portcullis",
        "-o",
        "name");
  }

  /** Whether the kit has a program that it builds only when it is asked to. */
  boolean has(String name) {
    return Files.isExecutable(Path.of(program(name)));
  }

  /** How to reach the API server. */
  Path kubeconfig() {
    return state.resolve("kubeconfig");
  }

  /** A program of the kit. */
  String program(String name) {
    return cache.resolve("bin").resolve(name).toString();
  }

  /** Waits until something holds. */
  static void await(String what, int seconds, BooleanSupplier holds) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("not within " + seconds + " s: " + what);
      }
      Thread.sleep(500);
    }
  }

  private record Ended(int code, String out) {}

  private String run(List<String> command) throws Exception {
    Ended ended = ended(command, "");
    assertEquals(0, ended.code, () -> String.join(" ", command) + "\n" + ended.out);
    return ended.out;
  }

  private Ended ended(List<String> command, String input) throws Exception {
    Path said = Files.createTempFile("portcullis-cluster", ".out");
    Path told = Files.createTempFile("portcullis-cluster", ".in");
    Files.writeString(told, input);
    ProcessBuilder builder =
        new ProcessBuilder(new ArrayList<>(command))
            .directory(Chart.ROOT.toFile())
            .redirectInput(told.toFile())
            .redirectErrorStream(true)
            .redirectOutput(said.toFile());
    builder.environment().put("KUBECONFIG", kubeconfig().toString());
    builder
        .environment()
        .merge("PATH", cache.resolve("bin").toString(), (old, bin) -> bin + ":" + old);
    try {
      Process process = builder.start();
      if (!process.waitFor(COMMAND_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IOException(command + " does not end: " + Files.readString(said));
      }
      return new Ended(process.exitValue(), Files.readString(said));
    } finally {
      Files.delete(said);
      Files.delete(told);
    }
  }

  @Override
  public void close() throws Exception {
    if (ours) {
      run(List.of(kit.resolve("down").toString()));
    }
  }
}
