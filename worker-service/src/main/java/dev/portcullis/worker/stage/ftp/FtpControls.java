package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.Expectations;
import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.flow.FlowListener;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.StateWords;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.LivePolicy;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The FTP control connections of a shard: flows with the flag {@link FlowTable#HELPED}, whose word
 * {@link FlowTable#helper} leads here. What is known of one is kept from its first payload on, so a
 * flood of handshakes costs nothing. The bound is per lane: {@code limits.expectations / 16}; one
 * that finds it full is not followed.
 *
 * <p>Thread: one shard.
 */
public final class FtpControls implements FlowListener {

  private final FlowTable flows;
  private final LivePolicy policy;
  private final Expectations expectations;
  private final int limitPerLane;
  private final int[] counts = new int[Lanes.COUNT];
  private @Nullable FtpControl[] controls = new FtpControl[16];
  private final Expected moving = new Expected();
  private int free;
  private int flagged;
  private long full;

  /**
   * Makes an empty table, which listens to {@code flows}.
   *
   * @param limit the most connections of the worker
   */
  public FtpControls(FlowTable flows, LivePolicy policy, Expectations expectations, int limit) {
    this.flows = flows;
    this.policy = policy;
    this.expectations = expectations;
    this.limitPerLane = Math.max(1, limit / Lanes.COUNT);
    flows.listen(this);
  }

  @Override
  public void opened(int flow) {
    long ports = flows.get(flow, FlowTable.REVERSE + 4);
    if (Tuple.protocol(ports) == PacketHeader.TCP
        && Tuple.hasPorts(ports)
        && policy.now().ftp().isControl(Tuple.sourcePort(ports))
        && !flows.isAnnounced(flow)) {
      flows.helper(flow, 0, false);
      flagged++;
    }
  }

  @Override
  public void ended(int flow, EndReason why, long atNs) {
    if (!isControl(flow)) {
      return;
    }
    flagged--;
    FtpControl control = known(flow);
    if (control != null) {
      if (control.expects) {
        expectations.withdraw(control.expected, flow);
      }
      int place = flows.helper(flow) - 1;
      controls[place] = null;
      free = Math.min(free, place);
      counts[flows.lane(flow)]--;
    }
  }

  /** A flow has come from another worker. */
  public void taken(int flow) {
    if (isControl(flow)) {
      flagged++;
    }
  }

  /**
   * Reads what a control connection expects.
   *
   * @param into all of it
   * @return capture time since which it is expected, -1: nothing is
   */
  public long expected(int flow, Expected into) {
    FtpControl control = isControl(flow) ? known(flow) : null;
    int entry =
        control == null || !control.expects ? -1 : expectations.owned(control.expected, flow);
    if (entry < 0) {
      return -1;
    }
    expectations.read(entry, into);
    return expectations.since(entry);
  }

  /** Writes what is known of a control connection; false: nothing is. */
  public boolean write(int flow, StateWords to) {
    FtpControl control = isControl(flow) ? known(flow) : null;
    if (control == null) {
      return false;
    }
    control.side(0).write(to);
    control.side(1).write(to);
    long sinceNs = expected(flow, moving);
    to.put(sinceNs < 0 ? 0 : 1);
    if (sinceNs >= 0) {
      to.put(sinceNs);
      moving.write(to);
    }
    return true;
  }

  /**
   * Takes in what another worker knew of a control connection that has come from there; false where
   * it is none, or is known already, or there is no room.
   */
  public boolean read(int flow, StateWords from) {
    FtpControl control = isControl(flow) && known(flow) == null ? follow(flow) : null;
    if (control == null) {
      return false;
    }
    control.side(0).read(from);
    control.side(1).read(from);
    if (from.next(1) == 1) {
      long sinceNs = from.next();
      moving.read(from);
      moving.owner = flow;
      moving.lane = flows.lane(flow);
      control.expects = from.isWhole() && expectations.put(moving, sinceNs);
      control.expected.set(moving.tuple);
    }
    return from.isWhole();
  }

  /** Whether no flow of the shard is a control connection. */
  boolean isEmpty() {
    return flagged == 0;
  }

  /** Whether a flow is a control connection that is followed. */
  boolean isControl(int flow) {
    return (flows.flags(flow) & FlowTable.HELPED) != 0 && !flows.isAnnounced(flow);
  }

  /** Returns what is known of a control connection, null: nothing yet. */
  @Nullable FtpControl known(int flow) {
    int place = flows.helper(flow);
    return place == 0 ? null : controls[place - 1];
  }

  /** Begins to follow a control connection; null where there is no room, then the flag goes. */
  @Nullable FtpControl follow(int flow) {
    int lane = flows.lane(flow);
    if (counts[lane] >= limitPerLane) {
      flows.removeFlags(flow, FlowTable.HELPED);
      flagged--;
      full++;
      return null;
    }
    counts[lane]++;
    while (free < controls.length && controls[free] != null) {
      free++;
    }
    if (free == controls.length) {
      controls = Arrays.copyOf(controls, free * 2);
    }
    FtpControl made = new FtpControl();
    controls[free] = made;
    flows.helper(flow, free + 1, false);
    return made;
  }

  /** Control connections that were not followed because there were too many. Any thread. */
  public long full() {
    return full;
  }
}
