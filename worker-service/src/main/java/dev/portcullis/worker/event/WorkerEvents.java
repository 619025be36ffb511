package dev.portcullis.worker.event;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.event.Anomaly;
import dev.portcullis.core.event.EveLine;
import dev.portcullis.core.event.EveWriter;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.EventType;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.FlowListener;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.stage.DropListener;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Vector;
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

  private static final long CLOCKS_DIFFER_S = 60;

  private final FlowTable flows;
  private final EventSink log;
  private final boolean logsFlows;
  private final boolean logsDrops;
  private final boolean logsAnomalies;
  private final boolean logsAllDrops;
  private final LivePolicy policy;
  private final int perSecond;
  private final FlowText text;
  private final DropText packets;
  private final EveWriter writer = new EveWriter();
  private final Backlog backlog = new Backlog();
  private final BrokenFlows broken;
  private @Nullable Vector cause;
  private long second;
  private int inSecond;
  private long suppressed;

  /**
   * Makes the events of a shard.
   *
   * @param policy whose rules are named, and say which drops are told of
   * @param log takes what goes to no port of entry; {@link EventSink#NONE}: nothing is made for it
   */
  public WorkerEvents(
      GatewaySpec gateway,
      FlowTable flows,
      Egress egress,
      Ownership ownership,
      LivePolicy policy,
      EventSink log) {
    GatewaySpec.Log spec = gateway.log();
    this.broken = new BrokenFlows(gateway.timeouts().tcpEstablishedNs());
    this.flows = flows;
    this.log = log;
    this.policy = policy;
    this.logsFlows = logs(spec, EventType.FLOW);
    this.logsDrops = logs(spec, EventType.DROP);
    this.logsAnomalies = logs(spec, EventType.ANOMALY);
    this.logsAllDrops = spec.drops() == GatewaySpec.Drops.ALL;
    this.perSecond = spec.perSecond();
    this.text = new FlowText(flows, egress, ownership, policy);
    this.packets = new DropText(text, egress, ownership, policy);
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
    if (!forPort && !logsFlows || !flows.isLive(flow) || why == EndReason.HANDED_OVER) {
      return; // where a flow lives that has moved tells of it
    }
    EveLine line = text.ended(writer, flow, reason(why), why.label(), atNs);
    if (v != null && forPort) {
      backlog.add(
          v.batch.ingressTag[i],
          v.batch.number[i],
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
      case EVICTED, POLICY, CLEARED, HANDED_OVER -> "forced";
    };
  }

  /** What happens from now on is caused by no packet. */
  private void causedByNone() {
    cause = null;
  }

  /** Begins a walk over the flows. */
  public FlowListing listing(FlowFilter filter, long nowNs) {
    return new FlowListing(flows, new FlowMatch(flows, text, filter), text, filter.limit(), nowNs);
  }

  /** Begins a walk that ends flows; the limit of the filter does not count. */
  public FlowClearing clearing(FlowFilter filter, long nowNs) {
    return new FlowClearing(flows, new FlowMatch(flows, text, filter), this::causedByNone, nowNs);
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
        if (flows.isLive(flow)) {
          long lastNs = flows.get(flow, FlowTable.LAST_SEEN);
          log.offer(text.ended(writer, flow, "shutdown", "shutdown", lastNs));
        }
      }
    }
  }

  @Override
  public boolean dropped(Vector v, int i) {
    if (v.batch.frames(i) == 0) {
      return false;
    }
    DropReason reason = DropReason.byId(v.reason[i]);
    boolean forPort = forPort(v, i);
    if (reason == DropReason.MIDSTREAM) {
      midstream(v, i, forPort);
    }
    boolean anomaly = Anomaly.is(reason) && (forPort || logsAnomalies);
    boolean drop = forPort || logsDrops && (logsAllDrops || isLogged(v, i, reason));
    if (!anomaly && !drop || !forPort && isTooMany(v.batch.captureTimeNs[i])) {
      return false;
    }
    if (anomaly) {
      give(v, i, packets.anomaly(writer, v, i, reason), forPort);
    }
    if (drop) {
      give(v, i, packets.dropped(writer, v, i, reason), forPort);
    }
    return forPort;
  }

  /** State of flows was lost: connections that speak and are not known have broken. */
  public void flowsWereLost() {
    broken.expect();
  }

  /** Connections that had broken when they spoke. Any thread. */
  public long broken() {
    return broken.found();
  }

  /** A segment of a connection that is not known; one that ends it says nothing. */
  private void midstream(Vector v, int i, boolean forPort) {
    boolean goesOn =
        (v.header[i].tcpFlags & (PacketHeader.SYN | PacketHeader.FIN | PacketHeader.RST)) == 0;
    if (goesOn
        && v.kindBefore[i] == Vector.OPENING
        && broken.isExpected(v.batch.captureTimeNs[i])
        && broken.isNew(DropText.flowId(v, i))
        && (forPort || logsAnomalies)) {
      give(v, i, packets.broken(writer, v, i), forPort);
    }
  }

  private boolean isLogged(Vector v, int i, DropReason reason) {
    return switch (reason) {
      case ACL, ACL_DEFAULT, REJECTED -> policy.now().rules().logs(v.rule[i]);
      default -> false;
    };
  }

  /** The clocks of ports differ a little: what is a little older belongs to the newest second. */
  private boolean isTooMany(long nowNs) {
    long now = Long.divideUnsigned(nowNs, 1_000_000_000L);
    if (now > second || now < second - CLOCKS_DIFFER_S) {
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

  private void give(Vector v, int i, EveLine line, boolean forPort) {
    if (forPort) {
      backlog.add(v.batch.ingressTag[i], v.batch.number[i], v.batch.captureTimeNs[i], 0, line);
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
     * @param number number of the frame, or of the tick, that caused it; 0: the end of time did
     * @param timeNs what events that time caused are ordered by
     * @param flowId and by this
     * @return false when there is no room now
     */
    boolean event(
        int ingressTag, long number, long timeNs, long flowId, byte[] bytes, int at, int length);
  }
}
