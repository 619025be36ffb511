package dev.portcullis.worker.stage.related;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.QuotedPacket;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.stage.Hairpin;
import dev.portcullis.worker.stage.Rewrite;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Takes an ICMP error to the host whose packet it quotes, translated as that packet was (RFC 5508
 * section 4.2, and what netfilter does):
 *
 * <ul>
 *   <li>The quote gets back the addresses and ports with which the host sent it.
 *   <li>The receiver is that host.
 *   <li>Where the other side of the flow is translated, the sender is its translated address too,
 *       whichever router behind it spoke: addresses of the inside do not leak. Elsewhere a router
 *       keeps its own address.
 *   <li>Where that host is behind an endpoint-independent mapping of this gateway, the error goes
 *       there, as the packet came from there.
 * </ul>
 *
 * <p>The flow is not changed: an error neither puts off its timeout nor moves its state, and needs
 * no rule.
 */
public final class RelatedStage implements Stage {

  private final Egress egress;
  private final FlowTable flows;
  private final Hairpin hairpin;
  private final QuotedPacket quote = new QuotedPacket();

  /** Makes the stage. */
  public RelatedStage(Egress egress, FlowTable flows, Hairpin hairpin) {
    this.egress = egress;
    this.flows = flows;
    this.hairpin = hairpin;
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      if (v.kind[i] == Vector.RELATED) {
        v.current = i;
        related(v, i);
      }
    }
  }

  private void related(Vector v, int i) {
    int flow = v.flow[i] >>> 1;
    boolean reply = (v.flow[i] & 1) != 0;
    long tags = flows.get(flow, FlowTable.TAGS);
    int partner = egress.partner(v.batch.ingressTag[i]);
    v.did[i] |= Vector.DID_RELATED;
    v.egress[i] = partner >= 0 ? partner : (int) (reply ? tags >>> 32 : tags);
    v.routed[i] = (flows.flags(flow) & FlowTable.ROUTED) != 0;
    if (v.routed[i] && v.header[i].ttl <= 1) {
      v.drop(i, StageName.RELATED, DropReason.TTL_EXPIRED);
      return;
    }
    if ((flows.flags(flow) & (FlowTable.SNAT | FlowTable.DNAT)) != 0
        && quote.parse(v.batch.bytes, v.header[i])) {
      translate(v, i, flow, reply ? FlowTable.FORWARD : FlowTable.REVERSE);
    }
    v.kind[i] = Vector.STATELESS;
    if ((flows.flags(flow) & FlowTable.TURNS_BACK) != 0) {
      turnBack(v, i, flow, reply ? FlowTable.FORWARD : FlowTable.REVERSE);
    }
  }

  private void turnBack(Vector v, int i, int flow, int sent) {
    int port = Tuple.sourcePort(flows.get(flow, sent + 4));
    if (hairpin.isMapping(flows.get(flow, sent), flows.get(flow, sent + 1), port)) {
      hairpin.turn(v, i, port, PacketFlags.RELATED);
    }
  }

  /**
   * Translates the error.
   *
   * @param sent word of the tuple with which the host sent what is quoted
   */
  private void translate(Vector v, int i, int flow, int sent) {
    byte[] bytes = v.batch.bytes;
    PacketHeader h = v.header[i];
    long hostHigh = flows.get(flow, sent);
    long hostLow = flows.get(flow, sent + 1);
    long otherHigh = flows.get(flow, sent + 2);
    long otherLow = flows.get(flow, sent + 3);
    long ports = flows.get(flow, sent + 4);
    boolean otherIsTranslated =
        quote.packet.destinationHigh != otherHigh || quote.packet.destinationLow != otherLow;
    int change =
        quote.rewrite(
            bytes,
            hostHigh,
            hostLow,
            otherHigh,
            otherLow,
            Tuple.hasPorts(ports) ? Tuple.sourcePort(ports) : -1,
            Tuple.destinationPort(ports));
    Checksum.apply(bytes, h.transportOffset + 2, change);
    if (h.destinationHigh != hostHigh || h.destinationLow != hostLow) {
      int ip = Rewrite.ipChange(h.destinationHigh, h.destinationLow, hostHigh, hostLow);
      Rewrite.destination(bytes, h, hostHigh, hostLow, -1, ip, transport(h, ip));
      v.did[i] |= Vector.DID_DNAT;
    }
    if (otherIsTranslated) {
      int ip = Rewrite.ipChange(h.sourceHigh, h.sourceLow, otherHigh, otherLow);
      Rewrite.source(bytes, h, otherHigh, otherLow, -1, ip, transport(h, ip));
      v.did[i] |= Vector.DID_SNAT;
    }
  }

  private static int transport(PacketHeader h, int ipChange) {
    return Rewrite.transportChange(h.protocol, ipChange, 0, 0);
  }
}
