package dev.portcullis.standalone.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * A network namespace with a loopback of its own and TCP congestion control {@code cubic}, whatever
 * the machine's default is: so both sides of a benchmark use the same. Needs root.
 */
final class Namespace {

  /** What {@link #uniqueName} makes, and what the kernel router adds to it. */
  private static final Pattern NAME =
      Pattern.compile("^pcb-([0-9]{1,18})-[0-9]+(-gen|-router|-sink)?\\b", Pattern.MULTILINE);

  private static final AtomicInteger MADE = new AtomicInteger();

  private final String name;

  private Namespace(String name) {
    this.name = name;
  }

  /** Makes a namespace with a name that no other has; {@code cleanup} removes it. */
  static Namespace create(Cleanup cleanup) throws IOException, InterruptedException {
    removeOrphans();
    String name = uniqueName();
    Namespace namespace = new Namespace(name);
    Command.run(List.of("ip", "netns", "add", name), 10);
    cleanup.add(namespace::remove);
    Command.run(List.of("ip", "-n", name, "link", "set", "lo", "up"), 10);
    // a route may name any congestion control; the sysctl of a namespace takes only unrestricted
    // ones
    for (String loopback : List.of("127.0.0.1", "127.0.0.0/8")) {
      List<String> change =
          List.of(
              "ip",
              "-n",
              name,
              "route",
              "change",
              "table",
              "local",
              "local",
              loopback,
              "dev",
              "lo",
              "proto",
              "kernel",
              "scope",
              "host",
              "src",
              "127.0.0.1",
              "congctl",
              "cubic");
      Command.run(change, 10);
    }
    return namespace;
  }

  /** Removes the namespaces of benchmarks that were killed before they could do it themselves. */
  static void removeOrphans() throws IOException, InterruptedException {
    for (String name : orphans(Command.run(List.of("ip", "netns", "list"), 10))) {
      Command.run(List.of("ip", "netns", "del", name), 10);
    }
  }

  /** Returns the names of a list of {@code ip netns} that belong to processes that are no more. */
  static List<String> orphans(String list) {
    return NAME.matcher(list)
        .results()
        .filter(it -> ProcessHandle.of(Long.parseLong(it.group(1))).isEmpty())
        .map(MatchResult::group)
        .toList();
  }

  /** Returns a name that begins with {@code pcb-} and is used by no other process or call. */
  static String uniqueName() {
    return "pcb-" + ProcessHandle.current().pid() + "-" + MADE.incrementAndGet();
  }

  /** Returns the command line that runs {@code command} in the namespace, as the same process. */
  List<String> inside(List<String> command) {
    List<String> line = new ArrayList<>(List.of("ip", "netns", "exec", name));
    line.addAll(command);
    return line;
  }

  private void remove() {
    try {
      Command.run(List.of("ip", "netns", "del", name), 10);
    } catch (IOException e) {
      System.err.println(
          "The network namespace " + name + " could not be removed: " + e.getMessage());
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
