package dev.portcullis.standalone.whatif;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.GatewaySpec.Distribution;
import dev.portcullis.core.policy.GatewaySpec.Protocol;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.pcap.Frame;
import dev.portcullis.io.pcap.LinkLayer;
import dev.portcullis.standalone.replay.Frames;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.PathTable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.LongConsumer;

/**
 * Computes what algorithms and numbers of workers would do to the flows of captures, with the
 * functions that the modules themselves use: {@link DistributionTable} for owners, the compiled
 * policy for which flows have state and what their replies will look like.
 *
 * <p>Not simulated: time (every flow of the captures counts as alive), and the translated port:
 * SNAT takes one that leads back where the algorithm looks at ports, so such a flow counts as one
 * without a second hop. Thread: one.
 */
public final class WhatIf {

  private static final List<Algorithm> ALWAYS =
      List.of(
          Algorithm.IP_SUM,
          Algorithm.IP_SOURCE,
          Algorithm.IP_DESTINATION,
          Algorithm.FLOW_HASH,
          Algorithm.CONSISTENT,
          Algorithm.LEAST_LOADED);

  private final GatewayConfig config;
  private final FlowCensus census = new FlowCensus();
  private final List<String> problems = new ArrayList<>();
  private final Expectation expectation;

  private WhatIf(GatewayConfig config, int ingressTag) {
    this.config = config;
    this.expectation = new Expectation(config, ingressTag);
  }

  /**
   * Reads captures.
   *
   * @param ingressTag tag of the port by which the side that sends first comes in
   */
  public static WhatIf of(GatewayConfig config, int ingressTag, List<Path> captures) {
    WhatIf it = new WhatIf(config, ingressTag);
    LinkLayer linkLayer = new LinkLayer();
    PacketHeader header = new PacketHeader();
    try (Frames frames = new Frames(captures)) {
      for (Frame frame = frames.peek(); frame != null; frame = frames.peek()) {
        linkLayer.parse(frame);
        int length = Math.min(frame.length, PacketBatch.MAX_PACKET_BYTES);
        header.parse(
            frame.bytes, linkLayer.l2Length, linkLayer.ip ? length - linkLayer.l2Length : 0);
        it.census.count(header);
        frames.take();
      }
      it.problems.addAll(frames.problems());
    }
    it.expectation.decide(it.census);
    return it;
  }

  /** What could not be read of the captures, a sentence each. */
  public List<String> problems() {
    return List.copyOf(problems);
  }

  /** Packets of the captures. */
  public long packets() {
    return census.packets();
  }

  /** Flows of the captures that were told apart. */
  public int flows() {
    return census.size();
  }

  /** Flows that the policy accepts: those that have state. */
  public int accepted() {
    return expectation.accepted();
  }

  /** Packets of flows beyond the {@value FlowCensus#MAX_FLOWS} that are told apart. */
  public long untold() {
    return census.untold();
  }

  /** The algorithms that are looked at: those without settings of their own, and the configured. */
  public List<Algorithm> algorithms() {
    Algorithm configured = config.gateway().distribution().algorithm();
    List<Algorithm> all = new ArrayList<>(ALWAYS);
    if (!all.contains(configured)) {
      all.addFirst(configured);
    }
    return all;
  }

  /** Whether flows move by what they look like, which is not foreseen. */
  public boolean looks() {
    return config.gateway().distribution().classes().stream()
        .anyMatch(it -> it.detect() != Protocol.NONE);
  }

  /** Looks at one algorithm with {@code n} workers in the default pool. */
  public Outlook outlook(Algorithm algorithm, int n) {
    return outlook(algorithm, n, flow -> {});
  }

  /**
   * Looks at one algorithm with {@code n} workers in the default pool.
   *
   * @param moves told the {@code flow_id} of every flow whose worker changes from N to N + 1
   */
  public Outlook outlook(Algorithm algorithm, int n, LongConsumer moves) {
    GatewaySpec spec = config.gateway();
    boolean configured = algorithm == spec.distribution().algorithm();
    Distribution now = spec.distribution();
    GatewaySpec with =
        spec.withDistribution(
            configured ? now : new Distribution(algorithm, List.of(), now.classes()), spec.pools());
    DistributionTable table = DistributionTable.of(with, 1, 0, members(spec, n));
    DistributionTable larger = DistributionTable.of(with, 2, 1, members(spec, n + 1));
    long[] flowsOf = new long[table.workers().getLast().number() + 1];
    long[] packetsOf = new long[flowsOf.length];
    packetsOf[table.owner(0, 0, 0)] += census.unreadable();
    long moved = 0;
    long records = 0;
    long hops = 0;
    FlowKey key = new FlowKey();
    FlowKey reply = new FlowKey();
    Choices choices = new Choices();
    for (int flow = 0; flow < census.size(); flow++) {
      int first = expectation.owner(table, census, flow, key);
      boolean chooserMoves = larger.owner(key.trafficClass, key.vHigh, key.vLow) != first;
      boolean chosen = choices.choose(table, first, flow, key);
      int owner = table.owner(key.trafficClass, key.vHigh, key.vLow);
      flowsOf[owner]++;
      packetsOf[owner] += census.packets[flow];
      if (!expectation.isAccepted(flow)) {
        continue;
      }
      if (larger.owner(key.trafficClass, key.vHigh, key.vLow) != owner) {
        moved++;
        moves.accept(census.flowId(flow));
      }
      int second =
          expectation.ownerOfReply(
              table, census, flow, owner, Lanes.laneOf(key.vHigh, key.vLow), reply);
      hops += second == owner && first == owner ? 0 : 1;
      records += chosen && chooserMoves ? 1 : 0;
      boolean recorded =
          reply.vHigh != key.vHigh
              || reply.vLow != key.vLow
              || reply.trafficClass != key.trafficClass;
      if (recorded && larger.owner(reply.trafficClass, reply.vHigh, reply.vLow) != second) {
        records++;
      }
    }
    int accepted = Math.max(1, expectation.accepted());
    return new Outlook(
        algorithm.name().toLowerCase(Locale.ROOT).replace('_', '-'),
        configured,
        n,
        busiest(flowsOf, table),
        busiest(packetsOf, table),
        moved,
        (double) moved / accepted,
        hops,
        (double) hops / accepted,
        moved * FlowTable.ENTRY_BYTES + records * PathTable.ENTRY_BYTES);
  }

  private static double busiest(long[] of, DistributionTable table) {
    long most = 0;
    long sum = 0;
    for (long it : of) {
      most = Math.max(most, it);
      sum += it;
    }
    return sum == 0 ? 1 : (double) most * table.workers().size() / sum;
  }

  private static List<Member> members(GatewaySpec spec, int n) {
    List<Member> members = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      members.add(new Member(i, 1, "", 0, 1));
    }
    for (GatewaySpec.Pool pool : spec.pools()) {
      for (int i = Math.max(n, pool.base()); i < pool.base() + pool.replicas(); i++) {
        members.add(new Member(i, 1, "", 0, 1));
      }
    }
    return members;
  }
}
