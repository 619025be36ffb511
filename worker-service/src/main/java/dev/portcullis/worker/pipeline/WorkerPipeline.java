package dev.portcullis.worker.pipeline;

import dev.portcullis.core.change.ShardRow;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Function;
import dev.portcullis.core.policy.GatewaySpec.PathMode;
import dev.portcullis.core.policy.GatewaySpec.Replication;
import dev.portcullis.core.policy.PolicySpec.Action;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.worker.event.WorkerEvents;
import dev.portcullis.worker.flow.Expectations;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.FragmentTable;
import dev.portcullis.worker.flow.LentTuples;
import dev.portcullis.worker.flow.NatMappings;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.policy.CompiledPolicy;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.policy.OwnAddresses;
import dev.portcullis.worker.policy.RuleCounts;
import dev.portcullis.worker.stage.Hairpin;
import dev.portcullis.worker.stage.Outlets;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.PathRecorder;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;
import dev.portcullis.worker.stage.acl.AclStage;
import dev.portcullis.worker.stage.answer.AnswerStage;
import dev.portcullis.worker.stage.decode.DecodeStage;
import dev.portcullis.worker.stage.defragment.DefragmentStage;
import dev.portcullis.worker.stage.dnat.DnatStage;
import dev.portcullis.worker.stage.emit.EmitStage;
import dev.portcullis.worker.stage.emit.TraceText;
import dev.portcullis.worker.stage.ftp.AnnouncedPorts;
import dev.portcullis.worker.stage.ftp.FtpAcknowledgeStage;
import dev.portcullis.worker.stage.ftp.FtpControls;
import dev.portcullis.worker.stage.ftp.FtpHolds;
import dev.portcullis.worker.stage.ftp.FtpStage;
import dev.portcullis.worker.stage.mtu.MtuStage;
import dev.portcullis.worker.stage.redistribute.RedistributeStage;
import dev.portcullis.worker.stage.related.RelatedStage;
import dev.portcullis.worker.stage.snat.SnatStage;
import dev.portcullis.worker.stage.stateful.StatefulStage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The stages of a worker in the patent's order (F3A, F5A; replies F3B, F5B).
 *
 * <p>Thread: one shard.
 */
public final class WorkerPipeline {

  /** The most flows that end by one tick on a live port; the rest by the next. */
  private static final int FLOWS_A_TICK = 5_000;

  private static final int FLOWS_AT_ONCE = 32;

  private final Ownership ownership;
  private final FlowTable flows;
  private final PathTable paths;
  private final NatPorts ports;
  private final NatMappings mappings;
  private final FragmentTable fragments;
  private final DefragmentStage defragment;
  private final FlowLookup lookup;
  private final FlowMoves moves;
  private final Stage[] stages;
  private Stage first;
  private Stage meeting;
  private Stage last;
  private final AnswerStage answer;
  private final EmitStage emit;
  private final StageFaults faults;
  private final LivePolicy policy;
  private final TraceText trace;
  private final WorkerEvents events;
  private final Expectations expectations;
  private final FtpHolds holds;
  private final FtpStage ftp;
  private final Announcements announcements;
  private final LentTuples lent;
  private final FtpMoves ftpMoves;
  private final HandOver handOver;
  private final PathEnds pathEnds;
  private final StateRows rows;
  private final @Nullable StateJournal journal;
  private @Nullable ShardChange change;
  private int source;
  private Replicas replicas = (worker, batch, i) -> {};

  /** Takes rows about replicas. Thread: the shard. */
  interface Replicas {

    /** A row has come. */
    void row(int source, PacketBatch batch, int i);
  }

  /** Puts the stages together, for one shard. */
  public WorkerPipeline(
      GatewayConfig config,
      Topology topology,
      CompiledPolicy compiled,
      Ownership ownership,
      PortBlocks blocks,
      Outlets outlets,
      StageFaults faults,
      EventSink log) {
    GatewaySpec spec = config.gateway();
    this.ownership = ownership;
    this.faults = faults;
    policy = new LivePolicy(compiled);
    Egress egress = compiled.egress();
    flows = new FlowTable(spec.timeouts(), spec.limits());
    paths = new PathTable(FlowState.longestTimeoutNs(spec.timeouts()), spec.limits().paths());
    ports = new NatPorts(blocks, flows);
    mappings =
        new NatMappings(
            flows,
            spec.timeouts().natMappingNs(),
            spec.timeouts().tcpEstablishedNs(),
            spec.limits().flows());
    trace =
        new TraceText(
            ownership.self(),
            egress,
            topology.interfaces().size(),
            compiled.rules()::name,
            compiled.rules().size());
    fragments =
        new FragmentTable(
            spec.timeouts().fragmentNs(), spec.limits().fragments(), spec.limits().fragmentBytes());
    emit = new EmitStage(egress, ownership, outlets, trace, fragments);
    events = new WorkerEvents(spec, flows, egress, ownership, policy, log);
    flows.listen(events);
    emit.listen(events);

    expectations = new Expectations(spec.timeouts().expectationNs(), spec.limits().expectations());
    FtpControls controls =
        new FtpControls(flows, policy, expectations, spec.limits().expectations());
    holds = new FtpHolds();
    announcements = new Announcements(expectations, ownership, emit::message, holds::answered);
    ftp =
        new FtpStage(
            flows,
            expectations,
            controls,
            holds,
            policy,
            new AnnouncedPorts(policy, flows, expectations, ports, blocks, mappings),
            announcements,
            spec.exceptions().holdOverflow());

    OwnAddresses own = new OwnAddresses(spec, topology);
    answer =
        new AnswerStage(
            own, egress, flows, config.policy().defaultAction() != Action.DROP, spec.limits());
    DecodeStage decode = new DecodeStage(spec.exceptions(), egress, ownership);
    defragment =
        new DefragmentStage(spec.exceptions(), egress, ownership, fragments, this::runAside);
    // here: IPsec detunnel
    moves = new FlowMoves(flows, ownership, policy, spec, emit::message);
    lent = new LentTuples(flows, blocks, ownership.self());
    ftpMoves = new FtpMoves(flows, controls, expectations, announcements);
    MovingFlows movingFlows = new MovingFlows(flows, ownership, policy, lent, ftpMoves);
    MovingPaths movingPaths = new MovingPaths(paths, ownership);
    handOver =
        new HandOver(
            ownership,
            movingFlows,
            movingPaths,
            lent,
            ftpMoves,
            announcements,
            ports,
            emit::message);
    rows = new StateRows(flows, paths, lent, movingFlows, movingPaths, ftpMoves, moves);
    journal =
        spec.replication() == Replication.NONE
            ? null
            : new StateJournal(flows, paths, lent, rows, ownership.shard() == 0);
    pathEnds = new PathEnds(flows, paths, ownership, emit::message);
    if (spec.path() == PathMode.RECORD) {
      flows.listen(pathEnds);
    }
    PathRecorder recorder =
        new PathRecorder(flows, paths, ownership, blocks, spec.path() == PathMode.RECORD);
    lookup =
        new FlowLookup(
            flows,
            paths,
            ownership,
            spec.path(),
            new PolicyReview(policy, egress, flows, blocks, mappings),
            new NatLookup(ownership, policy, egress, blocks, mappings),
            expectations,
            recorder,
            ClassLook.of(flows, spec),
            moves,
            spec.timeouts(),
            spec.exceptions().icmpUnrelated());
    Hairpin hairpin = new Hairpin(policy, blocks, ownership);
    List<Stage> inOrder =
        List.of(
            can(spec, Function.NAT) ? new DnatStage(policy, egress, flows, mappings) : it -> {},
            new AclStage(policy, egress, flows, own, spec.exceptions().martian()),
            new RelatedStage(egress, flows, hairpin),
            new MtuStage(egress),
            new FtpAcknowledgeStage(controls),
            new StatefulStage(spec.exceptions(), flows),
            // here: IPS, antivirus
            new SnatStage(
                policy, egress, flows, ports, blocks, mappings, ownership, hairpin, recorder, spec),
            new RedistributeStage(
                flows, paths, ownership, recorder, spec.path() == PathMode.RECORD),
            ftp,
            // here: IPsec tunnel
            answer,
            emit);
    stages = withJournal(inOrder, journal);
    if (journal != null) {
      handOver.listen(journal::look);
    }
    first = decode;
    meeting = defragment;
    last = emit;
  }

  /** What has changed is written down before the last stage lets a packet go. */
  private static Stage[] withJournal(List<Stage> inOrder, @Nullable StateJournal journal) {
    List<Stage> all = new ArrayList<>(inOrder);
    if (journal != null) {
      all.add(all.size() - 1, journal);
    }
    return all.toArray(Stage[]::new);
  }

  /** Puts something in the place of every stage, such as a stage that fails. */
  public void replaceStages(UnaryOperator<Stage> by) {
    first = by.apply(first);
    meeting = by.apply(meeting);
    Arrays.setAll(stages, i -> by.apply(stages[i]));
    last = stages[stages.length - 1];
  }

  /** Whether the workers of this worker's pool have a function. */
  private boolean can(GatewaySpec spec, Function function) {
    return spec.pools().stream()
        .filter(it -> it.has(ownership.self()))
        .allMatch(it -> it.can(function));
  }

  /** Takes a vector through all stages, span by span. */
  public void process(Vector v) {
    events.causedBy(v);
    inPassing(!v.hasEvents);
    while (v.end < v.batch.count) {
      v.from = v.end;
      v.end = Math.min(v.batch.count, v.from + Vector.SPAN);
      span(v);
    }
  }

  /** Connects the pipeline with what changes its table. */
  void change(ShardChange it) {
    change = it;
  }

  /** Says who takes rows about replicas. */
  void replicas(Replicas it) {
    replicas = it;
  }

  /** What changes, null where nobody keeps a copy. */
  @Nullable StateJournal journal() {
    return journal;
  }

  /** Entries as rows for a copy. */
  StateRows rows() {
    return rows;
  }

  /** Nothing ends in passing: what this shard has is a copy. */
  void passive() {
    inPassing(false);
  }

  /** What comes from now on is of this worker, where it is of one. */
  void source(int worker) {
    source = worker;
  }

  /** A message of another shard, behind all packets before it. */
  private void message(Vector v, int i) {
    v.current = i;
    v.kind[i] = Vector.CONSUMED;
    if ((v.batch.flags[i] & PacketFlags.REPLICA) != 0) {
      replicas.row(source, v.batch, i);
      return;
    }
    ShardChange it = change;
    int type = StateMessage.type(v.batch, i);
    if (ExpectationMessage.type(v.batch, i) != 0) {
      announcements.received(v.batch, i);
    } else if (it != null && ShardRow.is(v.batch, i)) {
      it.received(v.batch, i);
    } else if (type == 0 || type == FlowRecord.TYPE) {
      moves.receive(source, v.batch, i, handOver);
    } else if (type == StateMessage.PATH_ENDED) {
      pathEnds.receive(v.batch, i);
    } else {
      handOver.receive(source, v.batch, i);
    }
  }

  /** What has waited for other shards and need not any more leaves. */
  public void resume(Vector v) {
    while (holds.resume(v)) {
      guarded(emit, v);
    }
  }

  /** What waits for other shards leaves, whether they have answered or not. */
  void resumeAll(Vector v) {
    holds.goOn();
    resume(v);
  }

  /** The frames of a replay take out nothing in passing: what is due goes by its ticks (ADR 44). */
  private void inPassing(boolean it) {
    flows.inPassing(it);
    paths.inPassing(it);
    mappings.inPassing(it);
    defragment.inPassing(it);
  }

  /** Takes a span through all stages: two passes of lookup, then run by run. */
  private void span(Vector v) {
    v.to = v.end;
    guarded(first, v);
    v.to = v.from;
    run(v);
  }

  /** Takes what a stage had kept through the stages behind {@code decode}. */
  private void runAside(Vector aside) {
    aside.to = 0;
    aside.end = aside.batch.count;
    run(aside);
  }

  private void run(Vector v) {
    lookup.touch(v);
    while (nextRun(v)) {
      for (Stage stage : stages) {
        guarded(stage, v);
      }
    }
  }

  /**
   * A fragment: behind all packets before it, so that what it lets go on does so in turn. As a
   * whole datagram it is decoded and assigned like a packet that came in.
   */
  private void fragment(Vector v) {
    int i = v.to;
    v.from = i;
    v.to = i + 1;
    guarded(meeting, v);
    if (v.kind[i] == Vector.PARSED && !v.header[i].fragment) {
      guarded(first, v);
      defragment.distribute(v, i);
    }
    lookup.touch(v, i);
    v.to = i;
  }

  private boolean nextRun(Vector v) {
    try {
      if (v.to < v.end && v.kind[v.to] == Vector.FRAGMENT) {
        fragment(v);
      } else if (v.to < v.end && v.kind[v.to] == Vector.MESSAGE) {
        message(v, v.to);
      }
      return lookup.next(v);
    } catch (RuntimeException e) {
      failed(v, e);
      v.to = v.current + 1;
      return true;
    }
  }

  private void failed(Vector v, RuntimeException e) {
    faults.stageFailed(v.batch.number[v.current], e);
    if (v.kind[v.current] != Vector.DROPPED) {
      v.drop(v.current, StageName.PIPELINE, DropReason.STAGE_FAILED);
    }
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
        if (stage == last) {
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
   * Time has come to {@code nowNs}: frames that waited too long for the rest of their datagram are
   * dropped, or go on by themselves. Returns how many.
   *
   * @param nowNs 0: no time has passed
   */
  public int letGo(Vector v, long nowNs) {
    return nowNs == 0 ? 0 : defragment.tick(v, nowNs);
  }

  /**
   * Time has come to {@code nowNs}: what is due in any lane happens. Stages that keep packets or
   * flows for a time act here, or at the next packet of a lane if that is first and no replay's.
   * Events that wait for a port of entry are sent. Frames that wait are let go before ({@link
   * #letGo}).
   *
   * @param nowNs 0: no time has passed, only events are asked for
   * @param budget bytes of events that may be sent now, and flows that may end; 0: {@link
   *     #FLOWS_A_TICK} flows and no event
   * @return whether more is due than could be done
   */
  public boolean tick(long nowNs, int budget) {
    boolean more = false;
    if (nowNs != 0 && budget == 0) {
      more = flows.tick(nowNs, FLOWS_A_TICK) == FLOWS_A_TICK;
    }
    if (nowNs != 0 && budget > 0) {
      paths.expire(nowNs);
      mappings.expire(nowNs);
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
    if (nowNs != 0) {
      expectations.expire(nowNs);
      holds.tick(nowNs);
    }
    return more;
  }

  /** Works by a new table from the next packet on; no state moves by it. */
  public void onTable(DistributionTable table) {
    switchTo(table);
    ports.share(table.workers().size(), ownership.indexIn(table));
    lent.onTable(table);
    trace.classes(table.classNames());
  }

  /** Sends by another table from now on. */
  void switchTo(DistributionTable table) {
    emit.forgetOutlets();
    ownership.table = table;
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

  /** Replies whose path led here although their flow is not here. Any thread. */
  public long mismatches() {
    return lookup.mismatches();
  }

  /** The state that a change of table moves. */
  HandOver handOver() {
    return handOver;
  }

  /** What the shard owns. */
  Ownership ownership() {
    return ownership;
  }

  /** Flows that a new table has given to other workers. Any thread. */
  public long flowsGiven() {
    return handOver.moved();
  }

  /** Flows that a new table was to give to other workers, and that have ended. Any thread. */
  public long flowsNotGiven() {
    return handOver.broken();
  }

  /** The same, and flows that were lost with a life of a worker and have spoken. Any thread. */
  public long flowsBroken() {
    return handOver.broken() + events.broken();
  }

  /** Flows that have moved to other workers. Any thread. */
  public long flowsLeft() {
    return moves.left();
  }

  /** Flows that belong to another pool and stayed. Any thread. */
  public long flowsStayed() {
    return moves.stayed();
  }

  /** Flows that have moved here. Any thread. */
  public long flowsTaken() {
    return moves.taken();
  }

  /** Flows that were to move here and were refused, and messages that were none. Any thread. */
  public long flowsRefused() {
    return moves.refused() + ftpMoves.refused();
  }

  /** Flows that had moved and are served here again. Any thread. */
  public long flowsReturned() {
    return moves.returned();
  }

  /** ICMP errors and resets that were not made because there were too many. Any thread. */
  public long errorsSuppressed() {
    return answer.suppressed();
  }

  /** The fragments that wait. */
  public FragmentTable fragments() {
    return fragments;
  }

  /** Announced connections that are expected, here or elsewhere. Any thread. */
  public int expectations() {
    return expectations.size();
  }

  /** Announced connections that have begun. Any thread. */
  public long expectationsMet() {
    return lookup.expectedMet();
  }

  /** Connections that were announced and are expected, or were. Any thread. */
  public long announced() {
    return ftp.announced();
  }

  /** Announcements with an address or a port that the policy does not allow. Any thread. */
  public long announcedRefused() {
    return ftp.refused();
  }

  /** Announcements that found no room. Any thread. */
  public long announcedFull() {
    return ftp.full();
  }

  /** Announcements that went on before all shards knew of them, or could be told. Any thread. */
  public long announcedLate() {
    return holds.late() + announcements.unsent();
  }

  /** The last stage, which counts what leaves. */
  public EmitStage emit() {
    return emit;
  }
}
