package dev.portcullis.worker.pipeline;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.PathMode;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.worker.event.WorkerEvents;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.policy.CompiledPolicy;
import dev.portcullis.worker.stage.Outlets;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;
import dev.portcullis.worker.stage.acl.AclStage;
import dev.portcullis.worker.stage.decode.DecodeStage;
import dev.portcullis.worker.stage.dnat.DnatStage;
import dev.portcullis.worker.stage.emit.EmitStage;
import dev.portcullis.worker.stage.emit.TraceText;
import dev.portcullis.worker.stage.redistribute.RedistributeStage;
import dev.portcullis.worker.stage.snat.SnatStage;
import dev.portcullis.worker.stage.stateful.StatefulStage;
import java.util.List;

/**
 * The stages of a worker in the patent's order (F3A, F5A; replies F3B, F5B).
 *
 * <p>Thread: one shard.
 */
public final class WorkerPipeline {

  /** The most flows that end by one tick on a live port; the rest by the next. */
  private static final int FLOWS_A_TICK = 20_000;

  private static final int FLOWS_AT_ONCE = 32;

  private final Ownership ownership;
  private final FlowTable flows;
  private final PathTable paths;
  private final NatPorts ports;
  private final DecodeStage decode;
  private final FlowLookup lookup;
  private final Stage[] stages;
  private final EmitStage emit;
  private final StageFaults faults;
  private final WorkerEvents events;

  /** Puts the stages together, for one shard. */
  public WorkerPipeline(
      GatewayConfig config,
      Topology topology,
      CompiledPolicy policy,
      Ownership ownership,
      PortBlocks blocks,
      Outlets outlets,
      StageFaults faults,
      EventSink log) {
    GatewaySpec spec = config.gateway();
    this.ownership = ownership;
    this.faults = faults;
    flows = new FlowTable(spec.timeouts(), spec.limits());
    paths = new PathTable(FlowState.longestTimeoutNs(spec.timeouts()), spec.limits().paths());
    ports = new NatPorts(blocks, flows);
    TraceText trace =
        new TraceText(
            ownership.self(),
            policy.egress(),
            topology.interfaces().size(),
            policy.rules()::name,
            config.policy().rules().size());
    emit = new EmitStage(policy.egress(), ownership, outlets, trace);
    events = new WorkerEvents(config, flows, policy.egress(), ownership, policy.rules()::name, log);
    flows.listen(events);
    emit.listen(events);

    decode = new DecodeStage(spec.exceptions(), policy.egress(), ownership);
    // here: defragmentation, IPsec detunnel
    lookup =
        new FlowLookup(
            flows, paths, ownership, spec.path(), policy.destinations(), blocks, spec.timeouts());
    List<Stage> inOrder =
        List.of(
            new DnatStage(policy.destinations(), policy.egress(), flows),
            new AclStage(policy.rules(), policy.egress(), flows),
            new StatefulStage(spec.exceptions(), flows),
            // here: IPS, antivirus
            new SnatStage(
                policy.sources(), policy.egress(), flows, ports, blocks, spec.exceptions()),
            spec.path() == PathMode.RECORD
                ? new RedistributeStage(flows, paths, ownership)
                : it -> {},
            // here: IPsec tunnel
            emit);
    stages = inOrder.toArray(Stage[]::new);
  }

  /** Takes a vector through all stages: two passes of lookup, then run by run. */
  public void process(Vector v) {
    events.causedBy(v);
    v.to = v.batch.count;
    guarded(decode, v);
    v.to = 0;
    lookup.touch(v);
    while (nextRun(v)) {
      for (Stage stage : stages) {
        guarded(stage, v);
      }
    }
  }

  private boolean nextRun(Vector v) {
    try {
      return lookup.next(v);
    } catch (RuntimeException e) {
      failed(v, e);
      v.to = v.current + 1;
      return true;
    }
  }

  private void failed(Vector v, RuntimeException e) {
    faults.stageFailed(v.batch.number[v.current], e);
    v.drop(v.current, StageName.PIPELINE, DropReason.STAGE_FAILED);
  }

  /**
   * Runs a stage over the run. One that fails all the same costs the packet it worked on, which is
   * dropped and counted, and goes on behind it.
   */
  private void guarded(Stage stage, Vector v) {
    int from = v.from;
    while (true) {
      v.current = v.from;
      try {
        stage.process(v);
        break;
      } catch (RuntimeException e) {
        int failed = v.current;
        failed(v, e);
        if (stage == emit) {
          emit.reportDropped(v, failed);
        }
        if (failed + 1 >= v.to) {
          break;
        }
        v.from = failed + 1;
      }
    }
    v.from = from;
  }

  /**
   * Time has come to {@code nowNs}: what is due in any lane happens. Stages that keep packets or
   * flows for a time act here, the next packet of a lane or this, whichever is first. Events that
   * wait for a port of entry are sent.
   *
   * @param v the vector; {@link Vector#current} is the row of the tick
   * @param nowNs 0: no time has passed, only events are asked for
   * @param budget bytes of events that may be sent now, and flows that may end; 0: {@link
   *     #FLOWS_A_TICK} flows and no event
   * @return whether more is due than could be done
   */
  public boolean tick(Vector v, long nowNs, int budget) {
    events.causedBy(v);
    // here: defragmentation
    boolean more = false;
    if (nowNs != 0 && budget == 0) {
      more = flows.tick(nowNs, FLOWS_A_TICK) == FLOWS_A_TICK;
    }
    while (nowNs != 0 && budget > 0 && events.waiting() < budget) {
      if (flows.tick(nowNs, FLOWS_AT_ONCE) < FLOWS_AT_ONCE) {
        break;
      }
    }
    if (budget > 0) {
      more = nowNs != 0 && events.waiting() >= budget;
      events.drain(emit::event, budget);
      more |= events.waiting() > 0;
    }
    return more;
  }

  /** The same without a bound and without events for ports of entry: all that is due happens. */
  public void tick(Vector v, long nowNs) {
    boolean more = true;
    while (more) {
      more = tick(v, nowNs, 0);
    }
  }

  /** Works by a new table from the next packet on. */
  public void onTable(DistributionTable table) {
    ownership.table = table;
    int ownIndex = -1;
    for (int i = 0; i < table.workers().size(); i++) {
      if (table.workers().get(i).number() == ownership.self()) {
        ownIndex = i;
      }
    }
    ports.share(table.workers().size(), ownIndex);
    emit.forgetOutlets();
  }

  /** What the shard tells of flows and drops. */
  public WorkerEvents events() {
    return events;
  }

  /** The flows. */
  public FlowTable flows() {
    return flows;
  }

  /** The path records. */
  public PathTable paths() {
    return paths;
  }

  /** The last stage, which counts what leaves. */
  public EmitStage emit() {
    return emit;
  }
}
