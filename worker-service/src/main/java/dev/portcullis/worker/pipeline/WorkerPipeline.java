package dev.portcullis.worker.pipeline;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.PathMode;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.policy.CompiledPolicy;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.policy.RuleCounts;
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

  private final Ownership ownership;
  private final FlowTable flows;
  private final PathTable paths;
  private final NatPorts ports;
  private final DecodeStage decode;
  private final FlowLookup lookup;
  private final Stage[] stages;
  private final EmitStage emit;
  private final StageFaults faults;
  private final LivePolicy policy;
  private final TraceText trace;

  /** Puts the stages together, for one shard. */
  public WorkerPipeline(
      GatewayConfig config,
      Topology topology,
      CompiledPolicy compiled,
      Ownership ownership,
      PortBlocks blocks,
      Outlets outlets,
      StageFaults faults) {
    GatewaySpec spec = config.gateway();
    this.ownership = ownership;
    this.faults = faults;
    policy = new LivePolicy(compiled);
    Egress egress = compiled.egress();
    flows = new FlowTable(spec.timeouts(), spec.limits());
    paths = new PathTable(FlowState.longestTimeoutNs(spec.timeouts()), spec.limits().paths());
    ports = new NatPorts(blocks, flows);
    trace =
        new TraceText(
            ownership.self(),
            egress,
            topology.interfaces().size(),
            compiled.rules()::name,
            compiled.rules().size());
    emit = new EmitStage(egress, ownership, outlets, trace);

    decode = new DecodeStage(spec.exceptions(), egress, ownership);
    // here: defragmentation, IPsec detunnel
    lookup =
        new FlowLookup(
            flows,
            paths,
            ownership,
            spec.path(),
            policy,
            new PolicyReview(policy, egress, flows),
            blocks,
            spec.timeouts());
    List<Stage> inOrder =
        List.of(
            new DnatStage(policy, egress, flows),
            new AclStage(policy, egress, flows),
            new StatefulStage(spec.exceptions(), flows),
            // here: IPS, antivirus
            new SnatStage(policy, egress, flows, ports, blocks, spec.exceptions()),
            spec.path() == PathMode.RECORD
                ? new RedistributeStage(flows, paths, ownership)
                : it -> {},
            // here: IPsec tunnel
            emit);
    stages = inOrder.toArray(Stage[]::new);
  }

  /** Takes a vector through all stages: two passes of lookup, then run by run. */
  public void process(Vector v) {
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
   * flows for a time act here, the next packet of a lane or this, whichever is first.
   */
  public void tick(Vector v, long nowNs) {
    // here: defragmentation
    flows.tick(nowNs);
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

  /** Works by a new policy from the next packet on; live flows are reviewed as they are met. */
  public void onPolicy(CompiledPolicy next) {
    policy.change(next);
    trace.rules(next.rules()::name, next.rules().size());
  }

  /** What the rules have decided about. */
  public RuleCounts rules() {
    return policy.counts();
  }

  /** Packets whose passing expression failed. */
  public long expressionFailures() {
    return ownership.key.failures;
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
