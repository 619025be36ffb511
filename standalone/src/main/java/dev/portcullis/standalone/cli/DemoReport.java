package dev.portcullis.standalone.cli;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.standalone.replay.FlowTally;
import dev.portcullis.standalone.replay.Incident;
import dev.portcullis.standalone.replay.Tally;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;

/** What a replay did, for people. */
final class DemoReport {

  private static final int LINE = 110;
  private static final int BAR = 40;
  private static final int FLOWS_SHOWN = 12;

  private final Configured configured;
  private final Topology topology;
  private final List<Path> captures;
  private final Path out;
  private final Tally tally;

  DemoReport(Configured configured, Topology topology, List<Path> captures, Path out, Tally tally) {
    this.configured = configured;
    this.topology = topology;
    this.captures = captures;
    this.out = out;
    this.tally = tally;
  }

  /**
   * Prints it.
   *
   * @param same how many packets had the verdict that one worker gives that nothing befalls
   */
  void print(PrintWriter to, Verdicts same) {
    to.println();
    to.println(
        "Portcullis demo: "
            + captures.size()
            + " captures of real traffic through the gateway \""
            + configured.config().name()
            + "\"");
    to.println(
        "  "
            + topology.ioNames().size()
            + " IO modules, "
            + configured.config().gateway().workers().quantity()
            + " workers and the switch, over gRPC; rules, stateful inspection and source NAT are on");
    captures(to);
    to.println();
    ports(to);
    workers(to);
    incidents(to, same);
    flows(to);
    rules(to);
    verdicts(to);
    to.println("Files in " + out + ":");
    to.println("  lan.pcapng, wan.pcapng   what left each port, with the recorded times");
    to.println("  paths.jsonl              the way of every packet, worker by worker");
    to.println(
        "  eve.json                 flows, drops and anomalies as events, in Suricata's format");
    to.println("  summary.json             the totals");
    to.println();
    to.println(
        "Try it with your own: examples/demo.yaml is the configuration, README.md the way in.");
  }

  private void captures(PrintWriter to) {
    StringBuilder line = new StringBuilder("  played:");
    for (Path it : captures) {
      String name = it.getFileName().toString().replaceFirst("\\.pcap(ng)?$", "");
      if (line.length() + name.length() + 1 > LINE) {
        to.println(line);
        line = new StringBuilder("         ");
      }
      line.append(' ').append(name);
    }
    to.println(line);
  }

  private void ports(PrintWriter to) {
    to.println("What came in and what left");
    for (LogicalInterface it : topology.interfaces()) {
      to.printf(
          "  %-4s of %-5s (%s, tag %d)  in %5d   out %5d%n",
          it.port(),
          topology.ioNames().get(it.io().number()),
          it.name(),
          it.tag(),
          tally.receivedAt(it.port()),
          tally.forwardedAt(it.port()));
    }
    if (tally.nonIp() > 0) {
      to.println("  " + tally.nonIp() + " of them are not IP");
    }
    if (tally.notEntered() > 0) {
      to.println(
          "  "
              + tally.notEntered()
              + " recorded replies did not enter: their requests were not let through");
    }
    to.println();
  }

  private void workers(PrintWriter to) {
    to.println(
        "Which worker owned what (V = sender + receiver, R = V mod number of workers;  █ as owner  ░ as second hop)");
    long most =
        Math.max(
            1, tally.perWorker().values().stream().mapToLong(it -> it[0] + it[1]).max().orElse(1));
    tally
        .perWorker()
        .forEach(
            (worker, counts) -> {
              int first = (int) (counts[0] * BAR / most);
              int later = (int) (counts[1] * BAR / most);
              to.printf(
                  "  worker %d  %s%s%s  %d + %d packets%n",
                  worker,
                  "█".repeat(first),
                  "░".repeat(later),
                  " ".repeat(Math.max(0, BAR - first - later)),
                  counts[0],
                  counts[1]);
            });
    to.println();
  }

  private void incidents(PrintWriter to, Verdicts same) {
    to.println("What befell the workers meanwhile, and what it broke");
    for (Incident.Event it : tally.incidents()) {
      String what =
          switch (it.of()) {
            case Incident.Scale scale -> it.from() + " → " + scale.workers() + " workers";
            case Incident.Kill kill -> "worker " + kill.worker() + " killed";
          };
      to.printf(
          "  before packet %3d  %-16s  %2d flows went on at another worker, %d broken%n",
          it.of().packet(), what, it.moved(), it.broken());
    }
    to.printf(
        "  %d of %d packets had the verdict of a gateway of one worker that nothing befalls%n%n",
        same.equal(), same.all());
  }

  private void flows(PrintWriter to) {
    List<FlowTally.Moved> moved = tally.flows().moved();
    to.println("Flows that took a second hop: " + moved.size() + " of " + tally.flows().count());
    for (FlowTally.Moved it : moved.subList(0, Math.min(FLOWS_SHOWN, moved.size()))) {
      to.println("  " + it.request() + " → " + it.translated());
      to.println(
          "      V "
              + it.v()
              + " is worker "
              + it.first()
              + "'s, but its reply will be worker "
              + it.second()
              + "'s: it records the way back");
      to.println("      " + it.way());
    }
    if (moved.size() > FLOWS_SHOWN) {
      to.println("  and " + (moved.size() - FLOWS_SHOWN) + " more, in paths.jsonl");
    }
    to.println();
  }

  private void rules(PrintWriter to) {
    to.println("What the rules decided about");
    tally
        .perRule()
        .forEach(
            (rule, packets) ->
                to.printf(
                    "  %5d packets by %s%n",
                    packets, rule.equals("default") ? "no rule: defaultAction" : rule));
    to.println();
  }

  private void verdicts(PrintWriter to) {
    to.println("Verdicts");
    to.printf("  %5d forwarded%n", tally.forwarded());
    for (DropReason reason : DropReason.values()) {
      if (reason != DropReason.NONE && tally.dropped(reason) > 0) {
        to.printf(
            "  %5d dropped, %s: %s%n", tally.dropped(reason), reason.label(), reason.sentence());
      }
    }
    to.printf(
        "  received %d = forwarded %d + dropped %d + held %d%n%n",
        tally.received(),
        tally.forwarded(),
        tally.received() - tally.forwarded() - tally.held(),
        tally.held());
  }
}
