package dev.portcullis.worker.stage.acl;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.policy.PolicySpec.Action;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.policy.OwnAddresses;
import dev.portcullis.worker.policy.RuleCounts;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Finds where a flow leaves (after DNAT) and asks the rules, once per flow. Replies pass without
 * (patent, F3B and F5B). A routed packet whose TTL is used up goes no further.
 *
 * <p>What another flow has announced (data connections of FTP) passes with the rule of that one.
 *
 * <p>What is for the gateway itself, or for everybody on a link, is not routed, and no rule is
 * asked. A packet that comes from the gateway's own address or that may not leave its link (RFC
 * 3927 section 2.7, RFC 4291 section 2.5.6) is a martian; multicast has no route.
 */
public final class AclStage implements Stage {

  private final LivePolicy policy;
  private final RuleCounts counts;
  private final Egress egress;
  private final FlowTable flows;
  private final OwnAddresses own;
  private final ExceptionAction martian;

  /** Makes the stage. */
  public AclStage(
      LivePolicy policy,
      Egress egress,
      FlowTable flows,
      OwnAddresses own,
      ExceptionAction martian) {
    this.policy = policy;
    this.counts = policy.counts();
    this.egress = egress;
    this.flows = flows;
    this.own = own;
    this.martian = martian;
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.KNOWN) {
        known(v, i);
      } else if (v.kind[i] == Vector.OPENING) {
        opening(v, i);
      }
    }
  }

  private void known(Vector v, int i) {
    int flow = v.flow[i] >>> 1;
    boolean reply = (v.flow[i] & 1) != 0;
    long tags = flows.get(flow, FlowTable.TAGS);
    // what comes in on one port of an inline pair leaves on the other, whichever side it is from
    int partner = egress.partner(v.batch.ingressTag[i]);
    v.egress[i] = partner >= 0 ? partner : (int) (reply ? tags >>> 32 : tags);
    v.routed[i] = (flows.flags(flow) & FlowTable.ROUTED) != 0;
    int rule = flows.rule(flow);
    PacketHeader h = v.header[i];
    counts.packet(rule, h.end - h.offset);
    if (!reply) {
      v.did[i] |= Vector.DID_ACL;
      v.rule[i] = rule;
    }
    if (v.routed[i] && h.ttl <= 1) {
      v.drop(i, StageName.ACL, DropReason.TTL_EXPIRED);
    }
  }

  private void opening(Vector v, int i) {
    PacketHeader h = v.header[i];
    int ingress = v.batch.ingressTag[i];
    v.routed[i] = egress.partner(ingress) < 0;
    if (v.routed[i] && staysHere(v, i, h)) {
      return;
    }
    int tag = egress.find(ingress, h.version, h.destinationHigh, h.destinationLow, v.batch.vLow[i]);
    if (tag < 0) {
      v.drop(
          i,
          StageName.ACL,
          tag == Egress.UNPAIRED ? DropReason.INLINE_UNPAIRED : DropReason.NO_ROUTE);
      return;
    }
    v.egress[i] = tag;
    boolean expected = v.opening.isExpected;
    int rule =
        expected
            ? v.opening.rule
            : policy.match(egress.zone(ingress), egress.zone(tag), h, v.batch.captureTimeNs[i]);
    counts.flow(rule);
    counts.packet(rule, h.end - h.offset);
    v.opening.rule = rule;
    v.rule[i] = rule;
    v.did[i] |= Vector.DID_ACL;
    // a mapping lets in what its filter allows, unless a rule says otherwise
    Action action =
        expected || rule < 0 && v.opening.mapping >= 0
            ? Action.ACCEPT
            : policy.now().rules().action(rule);
    if (action == Action.REJECT) {
      v.drop(i, StageName.ACL, DropReason.REJECTED);
    } else if (action == Action.DROP) {
      v.drop(i, StageName.ACL, rule < 0 ? DropReason.ACL_DEFAULT : DropReason.ACL);
    } else if (v.routed[i] && h.ttl <= 1) {
      v.drop(i, StageName.ACL, DropReason.TTL_EXPIRED);
    }
  }

  /** Whether a packet that came in on a routed port goes no further; then it is dropped. */
  private boolean staysHere(Vector v, int i, PacketHeader h) {
    if (martian == ExceptionAction.DROP && own.isOwn(h.version, h.sourceHigh, h.sourceLow)) {
      v.drop(i, StageName.ACL, DropReason.MARTIAN);
    } else if (own.isOwn(h.version, h.destinationHigh, h.destinationLow)
        || own.isOnLink(h.version, h.destinationHigh, h.destinationLow)) {
      v.drop(i, StageName.ACL, DropReason.TO_GATEWAY);
    } else if (martian == ExceptionAction.DROP
        && (isLinkLocal(h.version, h.sourceHigh, h.sourceLow)
            || isLinkLocal(h.version, h.destinationHigh, h.destinationLow))) {
      v.drop(i, StageName.ACL, DropReason.MARTIAN);
    } else if (h.version == 4 ? h.destinationLow >>> 28 == 0xe : h.destinationHigh >>> 56 == 0xff) {
      v.drop(i, StageName.ACL, DropReason.NO_ROUTE);
    }
    return v.kind[i] == Vector.DROPPED;
  }

  private static boolean isLinkLocal(int version, long high, long low) {
    return version == 4 ? low >>> 16 == 0xa9fe : high >>> 54 == 0xfe80 >>> 6;
  }
}
