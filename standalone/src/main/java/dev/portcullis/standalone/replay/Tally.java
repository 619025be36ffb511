package dev.portcullis.standalone.replay;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a replay has counted, for its summary and for people. Written by one thread, read
 * afterwards.
 */
public final class Tally {

  private static final String RULE = "acl:";

  long received;
  long forwarded;
  long nonIp;
  long notEntered;
  long originated;
  long bytes;
  long firstTimeNs;
  long lastTimeNs;
  final long[] dropped = new long[DropReason.idLimit()];
  final Map<Integer, long[]> perWorker = new TreeMap<>();
  private final Map<String, long[]> perPort = new TreeMap<>();
  private final Topology topology;
  private final Map<String, Long> perRule = new TreeMap<>();
  private final FlowTally flows = new FlowTally();
  private final List<Incident.Event> incidents = new ArrayList<>();

  Tally(Topology topology, DistributionTable table) {
    this.topology = topology;
    topology.interfaces().forEach(it -> perPort.put(it.port(), new long[2]));
    table.workers().forEach(it -> perWorker.put(it.number(), new long[2]));
  }

  void befell(Incident.Event event) {
    incidents.add(event);
  }

  /** What befell the workers, in order. */
  public List<Incident.Event> incidents() {
    return List.copyOf(incidents);
  }

  void entered(PacketBatch batch, int i) {
    received++;
    bytes += batch.l2Length[i] + batch.dataLength[i];
    long timeNs = batch.captureTimeNs[i];
    firstTimeNs = received == 1 ? timeNs : Math.min(firstTimeNs, timeNs);
    lastTimeNs = Math.max(lastTimeNs, timeNs);
    count(batch.tag[i], 0);
    if ((batch.flags[i] & PacketFlags.NON_IP) != 0) {
      nonIp++;
    }
  }

  void became(
      PacketBatch entered,
      int e,
      PacketBatch outcome,
      int o,
      List<Hop> hops,
      int outTag,
      DistributionTable table) {
    if (outcome.reason[o] == 0) {
      forwarded++;
      count(outTag, 1);
    } else {
      dropped[DropReason.byId(outcome.reason[o]).id()]++;
    }
    if (hops.isEmpty()) {
      worker(table.owner(outcome.trafficClass[o], outcome.vHigh[o], outcome.vLow[o]), 0);
    }
    for (int i = 0; i < hops.size(); i++) {
      worker(hops.get(i).worker(), i == 0 ? 0 : 1);
      for (String did : hops.get(i).did()) {
        if (did.startsWith(RULE)) {
          perRule.merge(did.substring(RULE.length()), 1L, Long::sum);
        }
      }
    }
  }

  private void worker(int number, int which) {
    perWorker.computeIfAbsent(number, it -> new long[2])[which]++;
  }

  private void count(int tag, int which) {
    LogicalInterface it = topology.byTag(tag);
    if (it != null) {
      long[] counts = perPort.get(it.port());
      if (counts != null) {
        counts[which]++;
      }
    }
  }

  /** Frames that entered. */
  public long received() {
    return received;
  }

  /** Frames of which a piece or more left. */
  public long forwarded() {
    return forwarded;
  }

  /** Frames that entered and are not IP. */
  public long nonIp() {
    return nonIp;
  }

  /** Recorded replies that did not enter because their request did not come out. */
  public long notEntered() {
    return notEntered;
  }

  /** Packets that the gateway made itself. */
  public long originated() {
    return originated;
  }

  /** Frames dropped for a reason. */
  public long dropped(DropReason reason) {
    return dropped[reason.id()];
  }

  /** Frames that entered, were not dropped and did not leave. */
  public long held() {
    long sum = 0;
    for (long it : dropped) {
      sum += it;
    }
    return received - forwarded - sum;
  }

  /** Frames that entered at a port. */
  public long receivedAt(String port) {
    return perPort.getOrDefault(port, new long[2])[0];
  }

  /** Frames that left by a port. */
  public long forwardedAt(String port) {
    return perPort.getOrDefault(port, new long[2])[1];
  }

  /** Flows that took a second hop. */
  public FlowTally flows() {
    return flows;
  }

  /**
   * Packets by the rule that decided about them, {@code default} where none matched; empty where no
   * traces are asked for.
   */
  public Map<String, Long> perRule() {
    return perRule;
  }

  /** Packets by worker: as the first on their way, and as a later one. */
  public Map<Integer, long[]> perWorker() {
    return perWorker;
  }
}
