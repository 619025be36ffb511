package dev.portcullis.worker.pipeline;

import dev.portcullis.core.policy.GatewaySpec.OnPolicyChange;
import dev.portcullis.core.policy.PolicySpec.Action;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.AccessRules;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;

/**
 * What becomes of a live flow when the policy has changed, or one of its schedules has turned: at
 * its next packet, in whichever direction, {@code rematch} asks the rules again with what the flow
 * began with - its direction, its sender, its receiver after DNAT - and {@code keep} only finds the
 * rule by its name. Translations stay.
 *
 * <p>Thread: one shard.
 */
final class PolicyReview {

  private final LivePolicy policy;
  private final Egress egress;
  private final FlowTable flows;

  PolicyReview(LivePolicy policy, Egress egress, FlowTable flows) {
    this.policy = policy;
    this.egress = egress;
    this.flows = flows;
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
      if (policy.now().rules().action(rule) != Action.ACCEPT) {
        return false;
      }
    }
    flows.rule(flow, rule);
    flows.set(flow, FlowTable.POLICY, policy.renewed(stamp, nowNs));
    return true;
  }

  private int match(int flow, long stamp, long nowNs) {
    long tags = flows.get(flow, FlowTable.TAGS);
    long ports = flows.get(flow, FlowTable.REVERSE + 4);
    int protocol = Tuple.protocol(ports);
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
