package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Network namespaces of a test, with names that no other has, and the programs that run in them.
 * Closing it ends the programs and removes the namespaces with all devices that are in them.
 */
final class Netns implements AutoCloseable {

  private static final AtomicInteger MADE = new AtomicInteger();
  private static final int COMMAND_SECONDS = 600;

  private final String prefix = "pct-" + ProcessHandle.current().pid() + "-";
  private final Deque<String> names = new ArrayDeque<>();
  private final List<Process> programs = new ArrayList<>();

  /** What a program said, and how it ended. */
  record Ended(int code, String out) {}

  /** Skips the test, with the reason, where it cannot make namespaces or a program is missing. */
  static void need(String... programs) throws IOException {
    boolean root =
        Files.getAttribute(Path.of("/proc/self"), "unix:uid") instanceof Integer uid && uid == 0;
    assumeTrue(root, "network namespaces need root: run the tests as root");
    List<String> missing = new ArrayList<>();
    for (String program : programs) {
      if (!isThere(program)) {
        missing.add(program);
      }
    }
    assumeTrue(missing.isEmpty(), () -> "these programs are not installed: " + missing);
  }

  private static boolean isThere(String program) {
    String path = System.getenv().getOrDefault("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin";
    for (String folder : path.split(":")) {
      if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, program))) {
        return true;
      }
    }
    return false;
  }

  /** Makes a namespace and returns its name. */
  String add() throws Exception {
    String name = prefix + MADE.incrementAndGet();
    host("ip", "netns", "add", name);
    names.push(name);
    ip(name, "link set lo up");
    return name;
  }

  /** Makes a pair of Ethernet devices, one in each namespace, and switches them on. */
  void wire(String one, String device, String other, String otherDevice) throws Exception {
    host(
        ("ip link add "
                + device
                + " netns "
                + one
                + " type veth peer name "
                + otherDevice
                + " netns "
                + other)
            .split(" "));
    ip(one, "link set " + device + " up");
    ip(other, "link set " + otherDevice + " up");
  }

  /** {@code ip} in a namespace; it must end well. */
  void ip(String name, String arguments) throws Exception {
    host(("ip -n " + name + " " + arguments).split(" "));
  }

  /** A program in a namespace that must end well; returns what it said. */
  String run(String name, String... command) throws Exception {
    Ended ended = call(name, command);
    assertEquals(0, ended.code, () -> String.join(" ", command) + ": " + ended.out);
    return ended.out;
  }

  /** A program in a namespace, however it ends. */
  Ended call(String name, String... command) throws Exception {
    return ended(inside(name, command));
  }

  private static void host(String... command) throws Exception {
    Ended ended = ended(List.of(command));
    assertEquals(0, ended.code, () -> String.join(" ", command) + ": " + ended.out);
  }

  private static Ended ended(List<String> command) throws Exception {
    Path said = Files.createTempFile("portcullis-netns", ".out");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(said.toFile())
              .start();
      process.getOutputStream().close();
      if (!process.waitFor(COMMAND_SECONDS, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        throw new AssertionError(String.join(" ", command) + " did not end");
      }
      return new Ended(process.exitValue(), Files.readString(said, StandardCharsets.UTF_8));
    } finally {
      Files.deleteIfExists(said);
    }
  }

  /** The command line that runs a program in a namespace, as the same process. */
  static List<String> inside(String name, String... command) {
    List<String> line = new ArrayList<>(List.of("ip", "netns", "exec", name));
    line.addAll(List.of(command));
    return line;
  }

  /** Starts a program in a namespace that goes on until the end of the test. */
  Process start(String name, Path log, String... command) throws IOException {
    Process process =
        new ProcessBuilder(inside(name, command))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    programs.add(process);
    return process;
  }

  @Override
  public void close() throws Exception {
    for (Process it : programs) {
      it.descendants().forEach(ProcessHandle::destroy);
      it.destroy();
    }
    for (Process it : programs) {
      if (!it.waitFor(20, TimeUnit.SECONDS)) {
        it.destroyForcibly().waitFor();
      }
    }
    while (!names.isEmpty()) {
      host("ip", "netns", "del", names.pop());
    }
  }
}
