package dev.portcullis.worker.event;

import dev.portcullis.core.counters.DropCounters;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.event.Anomaly;
import dev.portcullis.core.event.EveLine;
import dev.portcullis.core.event.EveWriter;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.event.EventTuple;
import dev.portcullis.core.event.FlowId;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.EventType;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.FlowListener;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.stage.DropListener;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Vector;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Makes events of what happens to flows and packets: one when a flow ends, one for a drop that is
 * to be logged, one for an anomaly. An event that a packet or tick with {@link PacketFlags#EVENTS}
 * caused goes to the port of entry of that, with the next tick; every other goes to the log of the
 * worker, as {@code spec.log} says.
 *
 * <p>Thread: one shard; the counts may be read by any.
 */
public final class WorkerEvents implements FlowListener, DropListener {

  private final FlowTable flows;
  private final Egress egress;
  private final Ownership ownership;
  private final EventSink log;
  private final boolean logsFlows;
  private final boolean logsDrops;
  private final boolean logsAnomalies;
  private final boolean logsAllDrops;
  private final boolean[] ruleLogs;
  private final boolean defaultLogs;
  private final IntFunction<String> ruleName;
  private final int perSecond;
  private final FlowText text;
  private final EveWriter writer = new EveWriter();
  private final Backlog backlog = new Backlog();
  private @Nullable Vector cause;
  private long second;
  private int inSecond;
  private long suppressed;

  /**
   * Makes the events of a shard.
   *
   * @param ruleName name of each rule, and of the default action for -1
   * @param log takes what goes to no port of entry; {@link EventSink#NONE}: nothing is made for it
   */
  public WorkerEvents(
      GatewayConfig config,
      FlowTable flows,
      Egress egress,
      Ownership ownership,
      IntFunction<String> ruleName,
      EventSink log) {
    GatewaySpec.Log spec = config.gateway().log();
    this.flows = flows;
    this.egress = egress;
    this.ownership = ownership;
    this.log = log;
    this.ruleName = ruleName;
    this.logsFlows = logs(spec, EventType.FLOW);
    this.logsDrops = logs(spec, EventType.DROP);
    this.logsAnomalies = logs(spec, EventType.ANOMALY);
    this.logsAllDrops = spec.drops() == GatewaySpec.Drops.ALL;
    this.perSecond = spec.perSecond();
    List<PolicySpec.Rule> rules = config.policy().rules();
    this.ruleLogs = new boolean[rules.size()];
    for (int i = 0; i < ruleLogs.length; i++) {
      ruleLogs[i] = rules.get(i).log();
    }
    this.defaultLogs = config.policy().defaultLog();
    this.text = new FlowText(flows, egress, ownership, ruleName);
  }

  private boolean logs(GatewaySpec.Log spec, EventType type) {
    return log != EventSink.NONE && (spec.events().isEmpty() || spec.events().contains(type));
  }

  /** What happens from now on is caused by {@link Vector#current} of this vector. */
  public void causedBy(Vector v) {
    cause = v;
  }

  private boolean forPort(Vector v, int i) {
    return i < v.batch.count && (v.batch.flags[i] & PacketFlags.EVENTS) != 0;
  }

  @Override
  public void ended(int flow, EndReason why, long atNs) {
    Vector v = cause;
    int i = v == null ? 0 : v.current;
    boolean forPort = v != null && forPort(v, i);
    if (!forPort && !logsFlows) {
      return;
    }
    EveLine line = text.ended(writer, flow, reason(why), why.label(), atNs);
    if (v != null && forPort) {
      boolean byTime = (v.batch.flags[i] & PacketFlags.TICK) != 0;
      backlog.add(
          v.batch.ingressTag[i],
          byTime ? 0 : v.batch.number[i],
          flows.get(flow, FlowTable.START),
          text.flowId(flow),
          line);
    } else {
      log.offer(line);
    }
  }

  private static String reason(EndReason why) {
    return switch (why) {
      case TIMEOUT, CLOSED -> "timeout";
      case REPLACED -> "tcp_reuse";
      case EVICTED, POLICY -> "forced";
    };
  }

  /** Begins a walk over the flows. */
  public FlowListing listing(FlowFilter filter, long nowNs) {
    return new FlowListing(flows, text, filter, nowNs);
  }

  /** The worker ends: writes an event for every flow that it still has. */
  public void shutdown() {
    if (!logsFlows) {
      return;
    }
    int count = 0;
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      for (int flow = flows.firstOfLane(lane); flow >= 0; flow = flows.nextOfLane(flow)) {
        if ((++count & 63) == 0) {
          log.awaitRoom();
        }
        log.offer(
            text.ended(writer, flow, "shutdown", "shutdown", flows.get(flow, FlowTable.LAST_SEEN)));
      }
    }
  }

  @Override
  public boolean dropped(Vector v, int i) {
    DropReason reason = DropReason.byId(v.reason[i]);
    boolean forPort = forPort(v, i);
    boolean anomaly = Anomaly.is(reason) && (forPort || logsAnomalies);
    boolean drop = forPort || logsDrops && (logsAllDrops || isLogged(v, i, reason));
    if (!anomaly && !drop || !forPort && isTooMany(v.batch.captureTimeNs[i])) {
      return false;
    }
    if (anomaly) {
      header(v, i, "anomaly");
      writer.anomaly(Anomaly.type(reason), Anomaly.event(reason, v.header[i].version));
      end(v, i, reason, forPort);
    }
    if (drop) {
      header(v, i, "drop");
      boolean ip = (v.batch.flags[i] & PacketFlags.NON_IP) == 0;
      int length = ip ? v.batch.dataLength[i] : v.batch.l2Length[i];
      writer.drop(v.batch.bytes, v.header[i], length, reason.label());
      end(v, i, reason, forPort);
    }
    return forPort;
  }

  private boolean isLogged(Vector v, int i, DropReason reason) {
    return switch (reason) {
      case ACL, ACL_DEFAULT, REJECTED ->
          v.rule[i] < 0 ? defaultLogs : v.rule[i] < ruleLogs.length && ruleLogs[v.rule[i]];
      default -> false;
    };
  }

  private boolean isTooMany(long nowNs) {
    long now = nowNs / 1_000_000_000L;
    if (now != second) {
      second = now;
      inSecond = 0;
    }
    if (inSecond < perSecond) {
      inSecond++;
      return false;
    }
    suppressed++;
    return true;
  }

  private void header(Vector v, int i, String type) {
    int tag = v.batch.ingressTag[i];
    EventTuple tuple = writer.tuple;
    PacketHeader h = v.header[i];
    long flowId = -1;
    if ((v.batch.flags[i] & PacketFlags.NON_IP) != 0 || v.reason[i] == DropReason.NO_TABLE.id()) {
      h.parse(v.batch.bytes, v.batch.dataOffset[i], 0);
    }
    tuple.of(h);
    if (v.was[i] == Vector.KNOWN) {
      int flow = v.flow[i] >>> 1;
      boolean reply = (v.flow[i] & 1) != 0;
      text.tuple(tuple, flow, reply ? FlowTable.REVERSE : FlowTable.FORWARD);
      tuple.icmpType = h.icmpType;
      tuple.icmpCode = h.icmpCode;
      flowId = text.flowId(flow);
    } else if (h.hasAddresses) {
      if (v.was[i] == Vector.OPENING) {
        Tuple f = v.opening.forward;
        tuple.destinationHigh = f.destinationHigh;
        tuple.destinationLow = f.destinationLow;
        tuple.destinationPort =
            tuple.hasPorts && Tuple.hasPorts(f.ports)
                ? Tuple.destinationPort(f.ports)
                : h.destinationPort;
      }
      boolean ports = Tuple.usesPorts(h);
      flowId =
          FlowId.of(
              h.sourceHigh,
              h.sourceLow,
              tuple.destinationHigh,
              tuple.destinationLow,
              ports ? h.protocol : 0,
              ports ? h.sourcePort : 0,
              ports ? tuple.hasPorts ? tuple.destinationPort : h.destinationPort : 0);
    }
    writer.header(
        v.batch.captureTimeNs[i],
        flowId,
        egress.exists(tag) ? egress.at(tag).port() : "?",
        type,
        v.batch.number[i]);
  }

  private void end(Vector v, int i, DropReason reason, boolean forPort) {
    EveLine line = writer.line;
    line.key("metadata").open('{').key("worker").value(ownership.self());
    line.key("stage").value(DropCounters.stageOf(reason));
    int tag = v.batch.ingressTag[i];
    if (egress.exists(tag)) {
      line.key("from").value(egress.at(tag).zone());
    }
    if (egress.exists(v.egress[i])) {
      line.key("to").value(egress.at(v.egress[i]).zone());
    }
    if ((v.did[i] & Vector.DID_ACL) != 0) {
      line.key("rule").value(ruleName.apply(v.rule[i]));
    }
    if (ownership.table != null) {
      line.key("epoch").value(ownership.table().epoch());
    }
    line.close('}');
    writer.end();
    if (forPort) {
      backlog.add(tag, v.batch.number[i], v.batch.captureTimeNs[i], 0, line);
    } else {
      log.offer(line);
    }
  }

  /**
   * Sends what waits for ports of entry, up to {@code budget} bytes.
   *
   * @param to takes the rows
   */
  public void drain(EventRows to, int budget) {
    backlog.drain(to::event, budget);
  }

  /** Bytes of events that wait for the next tick. */
  public int waiting() {
    return backlog.waiting();
  }

  /** Events for ports of entry that found no room. */
  public long lost() {
    return backlog.lost();
  }

  /** Events that were more than {@code log.perSecond}. */
  public long suppressed() {
    return suppressed;
  }

  /** Sends events as rows to the IO modules of the ports that they are for. */
  @FunctionalInterface
  public interface EventRows {

    /**
     * Sends an event.
     *
     * @param ingressTag tag of the port that it goes to
     * @param number number of the frame that caused it, 0: time did
     * @param timeNs what events that time caused are ordered by
     * @param flowId and by this
     * @return false when there is no room now
     */
    boolean event(
        int ingressTag, long number, long timeNs, long flowId, byte[] bytes, int at, int length);
  }
}
