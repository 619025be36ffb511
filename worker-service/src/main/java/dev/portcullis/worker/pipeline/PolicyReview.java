package dev.portcullis.worker.pipeline;

import dev.portcullis.core.policy.GatewaySpec.OnPolicyChange;
import dev.portcullis.core.policy.PolicySpec.Action;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.NatMappings;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.AccessRules;
import dev.portcullis.worker.policy.CompiledPolicy;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;

/**
 * What becomes of a live flow when the policy has changed, or one of its schedules has turned: at
 * its next packet, in whichever direction, {@code rematch} asks the rules again with what the flow
 * began with - its direction, its sender, its receiver after DNAT - and {@code keep} only finds the
 * rule by its name.
 *
 * <p>Translations stay as they are. With {@code rematch} a flow ends whose translated sender is
 * none any more to which the policy translates, whose mapping the policy no longer has, or whose
 * translated receiver is another one by now, or none (ADR 45).
 *
 * <p>Thread: one shard.
 */
final class PolicyReview {

  private final LivePolicy policy;
  private final Egress egress;
  private final FlowTable flows;
  private final PortBlocks blocks;
  private final NatMappings mappings;
  private final Tuple outer = new Tuple();
  private final Tuple inner = new Tuple();
  private final PacketHeader request = new PacketHeader();

  PolicyReview(
      LivePolicy policy, Egress egress, FlowTable flows, PortBlocks blocks, NatMappings mappings) {
    this.policy = policy;
    this.egress = egress;
    this.flows = flows;
    this.blocks = blocks;
    this.mappings = mappings;
  }

  /** Whether a flow was matched against something else than holds now. */
  boolean isDue(int flow, long nowNs) {
    return policy.isDue(flows.get(flow, FlowTable.POLICY), nowNs);
  }

  /** Reviews a flow; false: the policy no longer accepts it. */
  boolean accepts(int flow, long nowNs) {
    long stamp = flows.get(flow, FlowTable.POLICY);
    int rule;
    if (policy.now().onChange() == OnPolicyChange.KEEP) {
      rule = policy.ruleNow(stamp, flows.rule(flow));
    } else {
      rule = match(flow, stamp, nowNs);
      boolean letIn = rule < 0 && isLetInByMapping(flow);
      if (!letIn && policy.now().rules().action(rule) != Action.ACCEPT
          || !hasTranslation(flow)
          || !hasReceiver(flow, stamp)) {
        return false;
      }
    }
    flows.rule(flow, rule);
    flows.set(flow, FlowTable.POLICY, policy.renewed(stamp, nowNs));
    return true;
  }

  /** Whether a flow has come in by a mapping, which lets in what no rule is for. */
  private boolean isLetInByMapping(int flow) {
    return (flows.flags(flow) & (FlowTable.MAPPED | FlowTable.SNAT)) == FlowTable.MAPPED;
  }

  /** Whether the policy still translates to the sender, or has the mapping, that a flow has. */
  private boolean hasTranslation(int flow) {
    int flags = flows.flags(flow);
    if ((flags & FlowTable.MAPPED) != 0) {
      return hasMapping(mappings.of(flow));
    }
    boolean announced = flows.isAnnounced(flow);
    if ((flags & FlowTable.SNAT) == 0 || announced && isReversed(flow)) {
      return true;
    }
    long high = flows.get(flow, FlowTable.REVERSE + 2);
    long low = flows.get(flow, FlowTable.REVERSE + 3);
    long ports = flows.get(flow, FlowTable.REVERSE + 4);
    int pool = blocks.pool(high, low);
    boolean byPort = Tuple.hasPorts(ports) && PortBlocks.translatesPorts(Tuple.protocol(ports));
    int port = byPort ? Tuple.destinationPort(ports) : -1;
    return pool >= 0 && policy.now().sources().translatesTo(pool, port)
        || policy.now().translations().isExternal((int) ports & 0xff, high, low);
  }

  /**
   * Whether the policy would still send a request of a flow to the receiver that the flow has; that
   * of an announced one is not from a rule.
   */
  private boolean hasReceiver(int flow, long stamp) {
    if ((flows.flags(flow) & FlowTable.DNAT) == 0
        || isLetInByMapping(flow)
        || flows.isAnnounced(flow)) {
      return true;
    }
    request(flow, stamp);
    int ingress = (int) (flows.get(flow, FlowTable.TAGS) >>> 32);
    CompiledPolicy now = policy.now();
    int rule = now.destinations().find(egress.zone(ingress), request);
    IpAddress to = now.receiver(rule, ingress, request, flows.get(flow, FlowTable.V_LOW));
    int port = rule < 0 ? -1 : now.destinations().translatedPort(rule);
    return to != null
        && to.high() == flows.get(flow, FlowTable.REVERSE)
        && to.low() == flows.get(flow, FlowTable.REVERSE + 1)
        && (!request.hasPorts
            || request.protocol != PacketHeader.TCP && request.protocol != PacketHeader.UDP
            || (port < 0 ? request.destinationPort : port)
                == Tuple.sourcePort(flows.get(flow, FlowTable.REVERSE + 4)));
  }

  /** Makes {@link #request} what the first packet of a flow was, as far as rules of DNAT ask. */
  private void request(int flow, long stamp) {
    long ports = flows.get(flow, FlowTable.FORWARD + 4);
    int icmp = LivePolicy.icmpService(stamp);
    request.version = (int) ports & 0xff;
    request.protocol = Tuple.protocol(ports);
    request.sourceHigh = flows.get(flow, FlowTable.FORWARD);
    request.sourceLow = flows.get(flow, FlowTable.FORWARD + 1);
    request.destinationHigh = flows.get(flow, FlowTable.FORWARD + 2);
    request.destinationLow = flows.get(flow, FlowTable.FORWARD + 3);
    request.fragment = false;
    request.hasPorts = Tuple.hasPorts(ports);
    request.sourcePort = Tuple.sourcePort(ports);
    request.destinationPort = Tuple.destinationPort(ports);
    request.icmpType = icmp >> 8;
    request.icmpCode = icmp & 0xff;
  }

  private boolean hasMapping(int mapping) {
    mappings.outer(mapping, outer);
    mappings.inner(mapping, inner);
    int pool = blocks.pool(outer.destinationHigh, outer.destinationLow);
    return policy
            .now()
            .sources()
            .ruleOfMapping(
                pool,
                Tuple.destinationPort(outer.ports),
                (int) outer.ports & 0xff,
                inner.sourceHigh,
                inner.sourceLow)
        >= 0;
  }

  /** Whether the receiver of an announced flow opened the one that announced it. */
  private boolean isReversed(int flow) {
    return (flows.helper(flow) & 1) != 0;
  }

  /** An announced flow is accepted with the one that announced it, by what that one began with. */
  private int matchAnnouncing(int flow, long nowNs) {
    long tags = flows.get(flow, FlowTable.TAGS);
    boolean reversed = isReversed(flow);
    int sender = reversed ? FlowTable.REVERSE : FlowTable.FORWARD;
    int receiver = reversed ? FlowTable.FORWARD : FlowTable.REVERSE;
    return policy.match(
        egress.zone((int) (reversed ? tags : tags >>> 32)),
        egress.zone((int) (reversed ? tags >>> 32 : tags)),
        (int) flows.get(flow, FlowTable.REVERSE + 4) & 0xff,
        PacketHeader.TCP,
        flows.get(flow, sender),
        flows.get(flow, sender + 1),
        flows.get(flow, receiver),
        flows.get(flow, receiver + 1),
        flows.helper(flow) >>> 1,
        nowNs);
  }

  private int match(int flow, long stamp, long nowNs) {
    long tags = flows.get(flow, FlowTable.TAGS);
    long ports = flows.get(flow, FlowTable.REVERSE + 4);
    int protocol = Tuple.protocol(ports);
    if (flows.isAnnounced(flow)) {
      return matchAnnouncing(flow, nowNs);
    }
    int service =
        switch (protocol) {
          case PacketHeader.TCP, PacketHeader.UDP ->
              Tuple.hasPorts(ports) ? Tuple.sourcePort(ports) : AccessRules.NO_SERVICE;
          case PacketHeader.ICMP, PacketHeader.ICMPV6 -> LivePolicy.icmpService(stamp);
          default -> AccessRules.NO_SERVICE;
        };
    return policy.match(
        egress.zone((int) (tags >>> 32)),
        egress.zone((int) tags),
        (int) ports & 0xff,
        protocol,
        flows.get(flow, FlowTable.FORWARD),
        flows.get(flow, FlowTable.FORWARD + 1),
        flows.get(flow, FlowTable.REVERSE),
        flows.get(flow, FlowTable.REVERSE + 1),
        service,
        nowNs);
  }
}
